"""Ratings: the answers to questionnaires, imported and evaluated (paper, section 8)."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish_settings
from synthnotes.machinery.files import UserError, require, write_csv
from synthnotes.machinery.params import RatingsParams
from synthnotes.questionnaire.answers import Answers, from_sheet, from_sosci, from_tidy, read_key
from synthnotes.questionnaire.ratings import analyse, count_answers, count_differences
from synthnotes.questionnaire.sosci_project import read_project

PUBLISHED = "published"  # the study whose corpora need not be rebuilt


def read_answers(answers: Path, corpora: Sequence[str]) -> dict[str, Answers]:
    """Imports a study: one file of tidy ratings, or a folder with one folder per corpus that was asked about."""
    require(answers)
    if answers.is_file():
        return from_tidy(answers.read_bytes(), str(answers))
    for corpus in corpora:  # answers that lie in a folder of another name would not be read
        for spelled in {corpus.upper(), corpus.title()}:
            if (answers / spelled).is_dir() and not (answers / corpus).is_dir():
                raise UserError(f"{answers / spelled}: rename this folder to {corpus}.")
    found = {corpus: of_corpus(answers / corpus) for corpus in corpora if (answers / corpus).is_dir()}
    if not found:
        raise UserError(f"{answers}: no folder of a corpus in it; expected {' or '.join(corpora)}.")
    return found


def of_corpus(folder: Path) -> Answers:
    """Imports the answers about one corpus: an export with key and project, or the filled answer sheet with the key."""
    export, sheet, key_file, project = (folder / n for n in ("answers.csv", "sheet.csv", "key.csv", "survey.xml"))
    require(key_file)
    key = read_key(key_file.read_bytes(), str(key_file))
    if key["corpus"].iloc[0] != folder.name:
        asked = key["corpus"].iloc[0]
        raise UserError(
            f"{key_file}: the key of a questionnaire on {asked}; expected {folder.name}. Rename the folder."
        )
    if export.exists() == sheet.exists():
        raise UserError(f"{folder}: expected either answers.csv (SoSci Survey) or sheet.csv (printed form).")
    if sheet.exists():
        return from_sheet(sheet.read_bytes(), key, str(sheet))
    require(export, project)
    return from_sosci(export.read_bytes(), key, read_project(project.read_bytes(), str(project)), str(export))


def main(answers: Path, results: Path, answer_counts: Path, differences: Path) -> str:
    """Imports and evaluates one study."""
    settings = params.load("ratings", RatingsParams)
    corpora = list(params.read().corpora)
    imported = read_answers(answers, corpora)
    if (others := set(imported) - set(corpora)) and str(answers) != settings.studies[PUBLISHED]:
        raise UserError(f"{answers}: ratings of {min(others)}, which is no corpus of params.yaml. Correct the name.")
    ratings = pd.concat([of_corpus.ratings for of_corpus in imported.values()], ignore_index=True)
    evaluation = analyse(
        ratings,
        margin=settings.equivalence_margin,
        level=settings.significance_level,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    write_csv(answer_counts, count_answers(ratings))
    write_csv(differences, count_differences(ratings))
    publish_settings(
        results, {corpus: {"answers": imported[corpus].counts} | evaluation[corpus] for corpus in evaluation}
    )
    raters = ", ".join(f"{corpus}: {of_corpus.counts['raters']} raters" for corpus, of_corpus in imported.items())
    return f"{len(ratings)} ratings, {raters}"


if __name__ == "__main__":
    run(main)
