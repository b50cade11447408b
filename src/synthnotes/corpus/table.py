"""What both corpora share on the way from source tables to note table: rare codes, titles, and the assembled corpus."""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.corpus.cells import is_absent
from synthnotes.corpus.icd import Kind, is_swedish_procedure, is_valid, kind_of
from synthnotes.machinery.files import UserError

EXAMPLES = {"diagnosis": "I10, E11.9 or E119", "procedure": "0DTJ4ZZ"}
MOST_FORMLESS = 0.1  # of a file's codes; a register holds some slips of the pen
SHOWN = 12  # characters of a form


@dataclass(frozen=True)
class Corpus:
    """A corpus before splitting.

    Attributes:
        notes: columns note_id, patient_id, text and codes (lists of printed codes: procedures, then diagnoses).
        titles: the title of each code that has one; may hold codes that no note has.
        release: what the source files say about themselves.
        flow: the flow table, by step.
        code_rows: for each kind of code, what became of the rows that assign codes to notes.
        files: the source files read.
    """

    notes: pd.DataFrame
    titles: dict[str, str]
    release: dict[str, Any]
    flow: dict[str, dict[str, Any]]
    code_rows: dict[str, dict[str, int]]
    files: list[Path]


def without_rare_codes(notes: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Drops codes that occur in fewer than `minimum` notes, then notes that have no code left."""
    frequency = Counter(chain.from_iterable(notes["codes"]))
    codes = notes["codes"].map(lambda own: [code for code in own if frequency[code] >= minimum])
    return notes.assign(codes=codes)[codes.map(len) > 0]


def has_text(notes: pd.DataFrame) -> pd.Series:
    """Which notes have a text that is more than white space, or than what stands for none (`cells`)."""
    return ~notes["text"].fillna("").map(is_absent).astype(bool)


def with_descriptions(notes: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Adds the titles of each note's codes, in the order of the codes; a code without title gives none."""
    return notes.assign(descriptions=notes["codes"].map(lambda own: [titles[code] for code in own if code in titles]))


def code_set(notes: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """The codes of a corpus, sorted: columns code, title (empty where there is none) and kind."""
    codes = sorted(set(chain.from_iterable(notes["codes"])))
    kinds: list[Kind] = [kind_of(code) for code in codes]
    return pd.DataFrame({"code": codes, "title": [titles.get(code, "") for code in codes], "kind": kinds})


def refuse_formless(counts: Counter[str], kind: Kind, where: str) -> None:
    """Raises a `UserError` if many codes of a file have no form of their kind, with the forms that they have.

    Args:
        counts: how often each printed code stands there.
        kind: the kind that they should be of.
        where: the file's name.
    """
    formless = Counter({code: count for code, count in counts.items() if not is_valid(code, kind)})
    known = sum(count for code, count in formless.items() if is_swedish_procedure(code))
    if formless.total() - known <= MOST_FORMLESS * counts.total():
        return
    forms: Counter[str] = Counter()
    for code, count in formless.items():
        forms[re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", code.replace(".", "")))[:SHOWN]] += count
    told = ", ".join(f"{form} ({count:,})" for form, count in forms.most_common(5))
    raise UserError(
        f"{where}: {formless.total():,} of {counts.total():,} codes have no form of an ICD-10 {kind}: {told}, where A "
        f"is any letter and 9 any digit. Expected codes such as {EXAMPLES[kind]}; write the file with them."
    )
