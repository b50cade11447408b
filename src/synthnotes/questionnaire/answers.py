"""Answers to a questionnaire, imported: three forms of a table, one form of ratings, and a count of what is left out.

- The export of SoSci Survey: one row per interview, variables such as `R003_01`, unblinded by the key.
- The filled answer sheet of the printed form: one row per rater and note, unblinded by the key.
- Tidy ratings, such as the published ones: one row per rater and note with corpus, pair and kind.

An answer that is no rating from 1 to 5 is an error, a missing one is not: notes without both answers, and notes whose
pair lacks the other note's, are left out and counted. `exports` gives every cell in one form, which all is compared in.
What decides whether answers are used (consent, training, test or interview) must be known: a code that the project does
not know is an error, never a consent.
"""

import re
from dataclasses import dataclass

import pandas as pd

from synthnotes.corpus.cells import shown_names
from synthnotes.machinery.disclosure import setting
from synthnotes.machinery.files import UserError
from synthnotes.questionnaire.exports import normalised, read_table
from synthnotes.questionnaire.ratings import COLUMNS, KINDS, QUESTIONS, check
from synthnotes.questionnaire.sosci import COHERENCE, READABILITY
from synthnotes.questionnaire.sosci_project import Project
from synthnotes.questionnaire.survey import KEY_COLUMNS

VARIABLES = {"readability": READABILITY, "coherence": COHERENCE}
NOT_ANSWERED = ("", "-9", "-1")  # SoSci's codes: left out, "don't know"
TESTS = ("pretest", "debug", "admin")  # SoSci's modes of interviews that are no interviews
INTERVIEW = "interview"
CORPUS = re.compile("[a-z][a-z0-9_]*")  # as params.yaml names corpora
ROUNDED = r"-?[0-9]+[.,][0-9]+(e.*)?|[0-9]+e\+[0-9]+"  # a number of which a program has lost digits
WHOLE = "a whole number, written out with all of its digits"
NO_EXPORT = "Is it an export of this questionnaire, and does the key belong to it?"


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
    _expect_columns(key, set(KEY_COLUMNS), where, f"Expected a key with {', '.join(KEY_COLUMNS)}.")
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
    if normalised(project.survey) != survey:
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
    first = table.iloc[0]
    if first["QUESTNNR"] != survey and not first[["CASE", *variables.values()]].str.isdigit().any():
        table = table.iloc[1:]  # labels of the variables
    if table.empty:
        raise UserError(f"{where}: no interviews, only headings. Export the data again.")
    _refuse(table, ~table["CASE"].str.fullmatch("[0-9]{1,18}"), f"CASE must be {WHOLE}", where)
    for column in {"CASE", "SERIAL"} & set(table):  # SERIAL: a person's own code, where the survey gave any
        _refuse(table, table[column].str.fullmatch(ROUNDED, na=False), f"{column} must be {WHOLE} or a name", where)
        repeated = table[column].duplicated() & table[column].fillna("").ne("")
        _refuse(table, repeated, f"this {column} stands in an earlier line already", where)
    _refuse(table, table["QUESTNNR"] != survey, f"QUESTNNR must be {survey}, the key's questionnaire", where)

    tests = table["MODE"].isin(TESTS) if "MODE" in table else pd.Series(False, index=table.index)
    if "MODE" in table:
        modes = f"MODE must be {INTERVIEW} or, for a test that is left out, {', '.join(TESTS)}"
        _refuse(table, ~tests & (table["MODE"] != INTERVIEW), modes, where)
    screened = pd.Series(False, index=table.index)
    for variable, code in project.screened_out:
        screened |= table[variable] == str(code)
    answered = ~table[list(variables.values())].isin(NOT_ANSWERED).all(axis=1)
    for variable in sorted(ending):
        codes = list(map(str, project.questions[variable].options))
        unknown = ~table[variable].isin([*codes, *NOT_ANSWERED])
        unknown |= table[variable].isin(NOT_ANSWERED) & answered & ~tests & ~screened
        _refuse(table, unknown, f"{variable} decides whether the answers count; it must be {' or '.join(codes)}", where)
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
    named = table["corpus"].astype(str).str.fullmatch(CORPUS)
    _refuse(table, ~named, "corpus must be a name as in params.yaml, such as mimic", where)
    _refuse(table, ~table["kind"].isin(KINDS), "kind must be real or synthetic", where)
    return {
        corpus: _answers(rows, {"interviews": _raters(rows), "tests": 0, "screened_out": 0}, where)
        for corpus, rows in table[list(COLUMNS)].groupby("corpus", sort=False)
    }


def _answers(table: pd.DataFrame, counts: dict[str, int], where: str) -> Answers:
    """Checks the answers of one corpus, leaves out what is not whole, and counts it."""
    for question in QUESTIONS:
        given = table[question] != ""
        wrong = given & ~table[question].str.fullmatch("[1-5]")
        _refuse(table, wrong, f"{question} must be a whole number from 1 to 5", where)
    _refuse(table, table["rater"] == "", "rater must be given", where)
    for column in ("pair", "rater"):
        _refuse(table, table[column].astype(str).str.fullmatch(ROUNDED), f"{column} must be {WHOLE} or a name", where)
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
    ratings = used[list(COLUMNS)].astype(dict.fromkeys(QUESTIONS, int))
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


def _expect_columns(table: pd.DataFrame, expected: set[str], where: str, advice: str = NO_EXPORT) -> None:
    """Raises for a column that is not there, or that is in the header but not in a row that ends before it."""
    missing = sorted(expected - set(table))
    if missing:
        raise UserError(f"{where}: column {missing[0]} is missing (found {shown_names(list(table))}). {advice}")
    for column in [name for name in table if name in expected]:
        short = f"the row ends before its column {column}. Fill in what is missing, or export the data again"
        _refuse(table, table[column].isna(), short, where)


def _refuse(table: pd.DataFrame, bad: pd.Series, expected: str, where: str) -> None:
    """Raises for the first bad row, by its line in the file."""
    if bad.any():
        raise UserError(f"{where}, line {table.index[bad.to_numpy().argmax()]}: {expected}.")
