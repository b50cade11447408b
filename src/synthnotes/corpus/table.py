"""What both corpora share on the way from source tables to note table: rare codes, titles, and the assembled corpus."""

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.corpus.icd import Kind, kind_of


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
    """Which notes have a text that is more than white space."""
    return notes["text"].fillna("").str.strip() != ""


def with_descriptions(notes: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Adds the titles of each note's codes, in the order of the codes; a code without title gives none."""
    return notes.assign(descriptions=notes["codes"].map(lambda own: [titles[code] for code in own if code in titles]))


def code_set(notes: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """The codes of a corpus, sorted: columns code, title (empty where there is none) and kind."""
    codes = sorted(set(chain.from_iterable(notes["codes"])))
    kinds: list[Kind] = [kind_of(code) for code in codes]
    return pd.DataFrame({"code": codes, "title": [titles.get(code, "") for code in codes], "kind": kinds})
