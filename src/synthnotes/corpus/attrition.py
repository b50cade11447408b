"""Attrition: a corpus on its way from source tables to the note table, and what each step drops (as in CONSORT)."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.corpus.cells import is_absent
from synthnotes.corpus.icd import Kind, format_code, is_swedish_procedure, is_valid, kind_of
from synthnotes.machinery.files import UserError

UNITS = ("notes", "admissions", "patients", "codes")
DROPPED = {"notes": "dropped"} | {unit: f"dropped_{unit}" for unit in UNITS[1:]}  # the keys of what a step drops
EXAMPLES = {"diagnosis": "I10, E11.9 or E119", "procedure": "0DTJ4ZZ"}
MOST_FORMLESS = 0.1  # of a file's codes; a register holds some slips of the pen
SHOWN = 12  # characters of a form


class Attrition:
    """Records the notes that each step keeps, and the rows of codes.

    Used as `notes = attrition.keep("with_text", notes[...], "no text")`: a recipe reads as a list of steps, and none
    can drop notes uncounted.

    Attributes:
        names_patients: whether the source names patients; if not, their counts are None.
        names_admissions: whether a note's id is that of an admission; as a rule where patients are named.
        steps: what each step left, and what it dropped, by the step's name.
        code_rows: for each kind of code what became of the rows that assign codes to notes.
    """

    def __init__(self, names_patients: bool, names_admissions: bool | None = None) -> None:
        self.names_patients = names_patients
        self.names_admissions = names_patients if names_admissions is None else names_admissions
        self.steps: dict[str, dict[str, Any]] = {}
        self.code_rows: dict[str, dict[str, int]] = {}

    def keep(self, step: str, notes: pd.DataFrame, why: str | None = None) -> pd.DataFrame:
        """Records `notes` as what `step` leaves and returns them.

        A step's record holds what is left of each of `UNITS` and how much the step dropped of it: `dropped` are notes,
        `dropped_patients` patients none of whose notes is left, and so on; None where a unit is not known (yet).

        Args:
            step: the step's name, snake_case.
            notes: columns note_id (the admission, where the source names one), patient_id and, once joined, codes.
            why: what the dropped notes have in common; None for the first step, which drops none.

        Raises:
            ValueError: the step exists, or leaves more notes than there were.
        """
        if step in self.steps:
            raise ValueError(f"attrition: step {step} twice")
        left: dict[str, int | None] = {
            "notes": len(notes),
            "admissions": _count_named(notes["note_id"]) if self.names_admissions else None,
            "patients": _count_named(notes["patient_id"]) if self.names_patients else None,
            "codes": count_distinct(notes["codes"]) if "codes" in notes else None,
        }
        before: Mapping[str, Any] = next(reversed(self.steps.values())) if self.steps else left
        if len(notes) > before["notes"]:
            raise ValueError(f"attrition: step {step} leaves {len(notes)} notes of {before['notes']}")
        dropped = {key: subtract(before[unit], left[unit]) for unit, key in DROPPED.items()}
        self.steps[step] = left | dropped | {"why": why}
        return notes

    def keep_frequent_codes(self, notes: pd.DataFrame, minimum: int) -> pd.DataFrame:
        """Drops codes that occur in fewer than `minimum` notes, then notes that have no code left."""
        frequency = Counter(chain.from_iterable(notes["codes"]))
        codes = notes["codes"].map(lambda own: [code for code in own if frequency[code] >= minimum])
        notes = notes.assign(codes=codes)[codes.map(len) > 0]
        return self.keep("without_rare_codes", notes, f"only codes of fewer than {minimum} notes")

    def count_code_rows(self, kind: Kind, released: int, **left: int) -> None:
        """Records how many rows assign codes of a kind, and how many were left after dropping some for each reason."""
        sizes = [released, *left.values()]
        dropped = {f"dropped_{why}": before - after for why, before, after in zip(left, sizes, sizes[1:], strict=False)}
        self.code_rows[kind] = {"released": released, **dropped, "kept": sizes[-1]}


@dataclass(frozen=True)
class Corpus:
    """A corpus before splitting.

    Attributes:
        notes: columns note_id, patient_id, text and codes (lists of printed codes: procedures, then diagnoses).
        titles: the title of each code that has one; may hold codes that no note has.
        release: what the source files say about themselves.
        attrition: what was dropped on the way.
        files: the source files read.
        parts: the part of the corpus that each note belongs to by its publishers, if they say so.
        passages: where the notes say what their codes are for; columns note_id, kind, code, starts and ends (lists of
            character offsets into the note).
        unseen: texts of the same kind without codes; columns note_id and text.
    """

    notes: pd.DataFrame
    titles: dict[str, str]
    release: dict[str, Any]
    attrition: Attrition
    files: list[Path]
    parts: pd.Series | None = None
    passages: pd.DataFrame | None = None
    unseen: pd.DataFrame | None = None


def collect_titles(codes: Iterable[str], titles: Iterable[str], kind: Kind) -> dict[str, str]:
    """The titles by printed code, the first where a code has several; what stands for no value is none."""
    collected: dict[str, str] = {}
    for code, title in zip(codes, titles, strict=True):
        if not is_absent(title):
            collected.setdefault(format_code(code, kind), title.strip())
    return collected


def has_text(notes: pd.DataFrame) -> pd.Series:
    """Which notes have a text that is more than white space, or than what stands for none (`cells`)."""
    return ~notes["text"].fillna("").map(is_absent).astype(bool)


def add_descriptions(notes: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """Adds the titles of each note's codes, in the order of the codes; a code without title gives none."""
    return notes.assign(descriptions=notes["codes"].map(lambda own: [titles[code] for code in own if code in titles]))


def list_codes(notes: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    """The codes of a corpus, sorted: columns code, title (empty where there is none) and kind."""
    codes = sorted(set(chain.from_iterable(notes["codes"])))
    kinds: list[Kind] = [kind_of(code) for code in codes]
    return pd.DataFrame({"code": codes, "title": [titles.get(code, "") for code in codes], "kind": kinds})


def refuse_formless(counts: Counter[str], kind: Kind, where: str) -> None:
    """Raises a `UserError` with their forms if many codes of a file, counted as printed, have no form of their kind."""
    formless = Counter({code: count for code, count in counts.items() if not is_valid(code, kind)})
    known = sum(count for code, count in formless.items() if is_swedish_procedure(code))
    if formless.total() - known <= MOST_FORMLESS * counts.total():
        return
    forms: Counter[str] = Counter()
    for code, count in formless.items():
        forms[re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", code.replace(".", "")))[:SHOWN]] += count
    common = ", ".join(f"{form} ({count:,})" for form, count in forms.most_common(5))
    raise UserError(
        f"{where}: {formless.total():,} of {counts.total():,} codes have no form of an ICD-10 {kind}: {common}, where "
        f"A is any letter and 9 any digit. Expected codes such as {EXAMPLES[kind]}; write the file with them."
    )


def count_distinct(code_lists: Iterable[list[str]]) -> int:
    """The number of different codes in lists of codes."""
    return len(set(chain.from_iterable(code_lists)))


def subtract(before: int | None, left: int | None) -> int | None:
    """What a step drops of a unit, None where that is not known of both sides."""
    return None if before is None or left is None else before - left


def _count_named(ids: pd.Series) -> int:
    """The number of different ids, an absent or empty one not counted."""
    return int(ids[ids != ""].nunique())
