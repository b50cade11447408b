"""Ratings: the published answers to the questionnaire, evaluated (paper, section 8)."""

from pathlib import Path

import pandas as pd

from synthnotes import params
from synthnotes.cli import run
from synthnotes.files import require, write_csv, write_json
from synthnotes.questionnaire.ratings import analyse, answer_counts, check


def main(ratings: Path, results: Path, answers: Path) -> str:
    """Evaluates a tidy CSV of ratings."""
    settings = params.load("ratings")
    require(ratings)
    given = pd.read_csv(ratings)
    check(given, str(ratings))
    evaluation = analyse(
        given,
        margin=settings.equivalence_margin,
        level=settings.significance_level,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    write_csv(answers, answer_counts(given))
    write_json(results, evaluation)
    return f"{len(given)} ratings, " + ", ".join(f"{c}: {e['raters']} raters" for c, e in evaluation.items())


if __name__ == "__main__":
    run(main)
