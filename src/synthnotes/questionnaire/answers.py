"""Answers to a questionnaire, imported: three forms of a table, one form of ratings, and a count of what is left out.

- The export of SoSci Survey: one row per interview, variables such as `R003_01`, unblinded by the key.
- The filled answer sheet of the printed form: one row per rater and note, unblinded by the key.
- Tidy ratings, such as the published ones: one row per rater and note with corpus, pair and kind.

An answer that is no rating from 1 to 5 is an error, a missing one is not: notes without both answers, and notes whose
pair lacks the other note's, are left out and counted.
"""

import re
from dataclasses import dataclass

import pandas as pd

from synthnotes.machinery.disclosure import setting
from synthnotes.machinery.files import UserError
from synthnotes.questionnaire.exports import read_table
from synthnotes.questionnaire.ratings import COLUMNS, KINDS, QUESTIONS, check
from synthnotes.questionnaire.sosci import COHERENCE, READABILITY
from synthnotes.questionnaire.sosci_project import Project
from synthnotes.questionnaire.survey import KEY_COLUMNS

VARIABLES = {"readability": READABILITY, "coherence": COHERENCE}
NOT_ANSWERED = ("", "-9", "-1")  # SoSci's codes: left out, "don't know"
TESTS = ("pretest", "debug", "admin")  # SoSci's modes of interviews that are no interviews


@dataclass(frozen=True)
class Answers:
    """Imported answers.

    Attributes:
        ratings: columns `ratings.COLUMNS`, whole pairs only.
        counts: `interviews`; of these `tests`, `screened_out`, `without_a_pair` (nobody's whole pair) and `raters`,
            whose ratings are used; of the raters `incomplete`, who left out a pair; `ratings`, used, and of those given
            `without_both_answers` and `without_the_other_note`, left out.
    """

    ratings: pd.DataFrame
    counts: dict[str, int]


def read_key(content: bytes, where: str) -> pd.DataFrame:
    """Reads the key of a questionnaire, `KEY_COLUMNS`, and checks that it is one questionnaire's and whole."""
    key = read_table(content, where)
    missing = [column for column in KEY_COLUMNS if column not in key]
    if missing:
        raise UserError(f"{where}: column {missing[0]} is missing; expected a key with {', '.join(KEY_COLUMNS)}.")
    for column in ("survey", "corpus"):
        if key[column].nunique() != 1:
            raise UserError(f"{where}: {column} differs between rows; a key belongs to one questionnaire.")
    for column in ("note", "pair"):
        if not key[column].str.fullmatch(r"[1-9][0-9]{0,5}").all():
            raise UserError(f"{where}: {column} must be a whole number.")
    if key["note"].duplicated().any():
        raise UserError(f"{where}: note {key.loc[key['note'].duplicated(), 'note'].iloc[0]} stands twice.")
    for pair, kinds in key.groupby("pair")["kind"]:
        if sorted(kinds) != sorted(KINDS):
            raise UserError(f"{where}: pair {pair} must have one real and one synthetic note.")
    return key.astype({"note": int, "pair": int})


def from_sosci(content: bytes, key: pd.DataFrame, project: Project, where: str) -> Answers:
    """Imports an export of SoSci Survey.

    Args:
        content: the CSV file: UTF-8 or UTF-16; its second line may hold labels.
        key: from `read_key`.
        project: the project as it was fielded; it tells which answers end the interview.
        where: the file's name, for messages.

    Raises:
        UserError: another questionnaire's version, a key that does not fit, an interview or a person twice, or an
            answer that is no rating; it names the line.
    """
    survey = key["survey"].iloc[0]
    if project.survey != survey:
        raise UserError(
            f"{where}: the key is of questionnaire {survey}, the project of {project.survey}. Use the files that were "
            "written together."
        )
    table = read_table(content, where).rename(columns=str.upper)
    variables = {(note, q): f"{VARIABLES[q]}{note:02d}_01" for note in key["note"] for q in QUESTIONS}
    ending = {variable for variable, _ in project.screened_out}
    _expect_columns(table, {"CASE", "QUESTNNR", *variables.values(), *ending}, where)
    known = "|".join(VARIABLES.values())
    strange = [c for c in table if re.fullmatch(rf"({known})\d\d_01", c) and c not in variables.values()]
    if strange:
        raise UserError(f"{where}: column {strange[0]} belongs to a note that the key does not hold.")
    if not table["CASE"].iloc[0].isdigit():  # labels of the variables
        table = table.iloc[1:]
    if table.empty:
        raise UserError(f"{where}: no interviews, only headings. Export the data again.")
    for column in {"CASE", "SERIAL"} & set(table):  # SERIAL: a person's own code, where the survey gave any
        repeated = table[column].duplicated() & (table[column] != "")
        _refuse(table, repeated, f"this {column} stands in an earlier line already", where)
    _refuse(table, table["QUESTNNR"] != survey, f"QUESTNNR must be {survey}, the key's questionnaire", where)

    tests = table["MODE"].isin(TESTS) if "MODE" in table else pd.Series(False, index=table.index)
    screened = pd.Series(False, index=table.index)
    for variable, code in project.screened_out:
        screened |= table[variable] == str(code)
    rated = table[~tests & ~screened].replace(dict.fromkeys(variables.values(), dict.fromkeys(NOT_ANSWERED, "")))
    notes = [
        rated[["CASE", *(variables[note, q] for q in QUESTIONS)]]
        .set_axis(["rater", *QUESTIONS], axis=1)
        .assign(note=note)
        for note in key["note"]
    ]
    counts = {"interviews": len(table), "tests": int(tests.sum()), "screened_out": int((screened & ~tests).sum())}
    return _answers(_unblind(pd.concat(notes), key), counts, where)


def from_sheet(content: bytes, key: pd.DataFrame, where: str) -> Answers:
    """Imports the filled answer sheet of the printed form; arguments and errors as for `from_sosci`."""
    table = read_table(content, where)
    _expect_columns(table, {"survey", "rater", "note", *QUESTIONS}, where)
    survey = key["survey"].iloc[0]
    _refuse(table, table["survey"] != survey, f"survey must be {survey}, the key's questionnaire", where)
    _refuse(table, ~table["note"].isin(key["note"].astype(str)), "the key does not hold this note", where)
    long = table[["rater", "note", *QUESTIONS]].astype({"note": int})
    return _answers(_unblind(long, key), {"interviews": _raters(table), "tests": 0, "screened_out": 0}, where)


def from_tidy(content: bytes, where: str) -> dict[str, Answers]:
    """Imports tidy ratings, `ratings.COLUMNS`, of one corpus or several; gives them by corpus."""
    table = read_table(content, where)
    _expect_columns(table, set(COLUMNS), where)
    for column in ("corpus", "pair", "rater"):
        _refuse(table, table[column] == "", f"{column} must be given", where)
    _refuse(table, ~table["kind"].isin(KINDS), "kind must be real or synthetic", where)
    return {
        corpus: _answers(rows, {"interviews": _raters(rows), "tests": 0, "screened_out": 0}, where)
        for corpus, rows in table[list(COLUMNS)].groupby("corpus", sort=False)
    }


def _answers(table: pd.DataFrame, counts: dict[str, int], where: str) -> Answers:
    """Checks the answers of one corpus, leaves out what is not whole, and counts it."""
    for question in QUESTIONS:
        given = table[question] != ""
        wrong = given & ~table[question].str.fullmatch(r"[1-5](\.0+)?")
        _refuse(table, wrong, f"{question} must be a whole number from 1 to 5", where)
    _refuse(table, table["rater"] == "", "rater must be given", where)
    repeated = table.duplicated(["pair", "kind", "rater"])
    _refuse(table, repeated, "this rater has rated this note already", where)

    answered = (table[list(QUESTIONS)] != "").sum(axis=1)
    whole = table[answered == len(QUESTIONS)]
    used = whole[whole.groupby(["pair", "rater"])["kind"].transform("count") == len(KINDS)]
    if used.empty:
        raise UserError(f"{where}: no rater has rated both notes of any pair.")
    pairs = used.groupby("rater")["pair"].nunique()
    counts = counts | {
        "without_a_pair": counts["interviews"] - counts["tests"] - counts["screened_out"] - len(pairs),
        "raters": len(pairs),
        "incomplete": int((pairs < table["pair"].nunique()).sum()),
        "ratings": len(used),
        "without_both_answers": int((answered == 1).sum()),
        "without_the_other_note": len(whole) - len(used),
    }
    ratings = used[list(COLUMNS)].astype(dict.fromkeys(QUESTIONS, float)).astype(dict.fromkeys(QUESTIONS, int))
    for column in ("pair", "rater"):  # 10 after 9
        if ratings[column].astype(str).str.fullmatch(r"\d{1,18}").all():
            ratings[column] = ratings[column].astype(int)
    check(ratings, where)
    return Answers(ratings, setting(counts))


def _unblind(long: pd.DataFrame, key: pd.DataFrame) -> pd.DataFrame:
    """Adds corpus, pair and kind to answers by note, which keep the line that they came from."""
    return long.join(key.set_index("note")[["corpus", "pair", "kind"]], on="note")


def _raters(table: pd.DataFrame) -> int:
    return table["rater"].nunique()


def _expect_columns(table: pd.DataFrame, expected: set[str], where: str) -> None:
    missing = sorted(expected - set(table))
    if missing:
        found = f"{', '.join(list(table)[:6])}, …"
        raise UserError(
            f"{where}: column {missing[0]} is missing (found {found}). Is it an export of this questionnaire, and does "
            "the key belong to it?"
        )


def _refuse(table: pd.DataFrame, bad: pd.Series, expected: str, where: str) -> None:
    """Raises for the first bad row, by its line in the file."""
    if bad.any():
        raise UserError(f"{where}, line {table.index[bad.to_numpy().argmax()]}: {expected}.")
