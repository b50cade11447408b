"""SEPR: from the Health Bank's files to notes with ICD-10-SE codes (paper, section 3.2).

The notes come prepared: no cleaning. The source names no patients, so every note counts as a patient of its own.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from synthnotes.corpus import icd, sources
from synthnotes.corpus.attrition import Attrition, Corpus, collect_titles, has_text, refuse_formless
from synthnotes.corpus.icd import is_valid

NOTES, DESCRIPTIONS = "notes.feather", "descriptions.csv"
FILES = {NOTES: ["_id", "text", "target"], DESCRIPTIONS: ["code", "transcription"]}


def load(folder: Path, minimum_notes_per_code: int) -> Corpus:
    """Reads the files in `folder` and prepares the corpus."""
    paths = [folder / name for name in FILES]
    sources.check_columns(folder / DESCRIPTIONS, FILES[DESCRIPTIONS])
    notes = read_notes(folder / NOTES)
    titles = read_titles(folder / DESCRIPTIONS)
    assigned = Counter(chain.from_iterable(map(codes_in, notes["target"])))
    refuse_formless(assigned, "diagnosis", str(folder / NOTES))
    if procedures := sum(count for code, count in assigned.items() if icd.is_swedish_procedure(code)):
        message = f"{procedures:,} of {assigned.total():,} codes are Swedish procedures (KVÅ)"
        tqdm.write(f"{folder / NOTES}: {message} and are left out, as no ICD-10 codes.", file=sys.stderr)
    attrition = Attrition(names_patients=False)
    prepared = prepare_notes(notes, minimum_notes_per_code, attrition)
    return Corpus(prepared, titles, {"notes": len(notes)}, attrition, paths)


def read_notes(path: Path) -> pd.DataFrame:
    """Reads the notes: columns _id (text), text and target.

    Raises:
        UserError: the file is damaged, or a row holds what is no id, no text or no codes.
    """
    notes = sources.read_feather(path, FILES[NOTES])
    sources.refuse_values(notes["text"], lambda text: isinstance(text, str), "text", str(path))
    sources.refuse_values(notes["target"], _holds_codes, "a list of codes, or text that separates them", str(path))
    sources.refuse_values(notes["target"], _on_one_line, "codes without line breaks in them", str(path))
    return notes.assign(_id=sources.as_ids(notes["_id"], str(path)))


def read_titles(path: Path) -> dict[str, str]:
    """Reads the titles of codes, by printed code.

    Raises:
        UserError: the file is damaged, a title has several lines, or many codes have no form of ICD-10.
    """
    rows = sources.read_csv(path, FILES[DESCRIPTIONS])
    sources.refuse_values(rows["transcription"], sources.is_one_line, "without line breaks", str(path))
    titles = collect_titles(rows["code"], rows["transcription"], "diagnosis")
    refuse_formless(Counter(titles.keys()), "diagnosis", str(path))
    return titles


def prepare_notes(notes: pd.DataFrame, minimum_notes_per_code: int, attrition: Attrition) -> pd.DataFrame:
    """Takes notes from the release to notes with valid codes.

    Args:
        notes: columns _id (text), text and target (a list of codes, or a string of codes).
        minimum_notes_per_code: rarer codes are dropped.
        attrition: records what each step leaves, and how many assigned codes are dropped as repeated within the note
            and as no ICD-10 code.

    Returns:
        Columns note_id, patient_id (equal), text and codes (in the source's order).
    """
    notes = notes.rename(columns={"_id": "note_id"}).assign(patient_id=notes["_id"])
    notes = attrition.keep("released", notes)
    notes = attrition.keep("with_text", notes[has_text(notes)], "no text")
    notes = attrition.keep("with_id", notes[notes["note_id"].notna() & (notes["note_id"] != "")], "no id")
    notes = attrition.keep("one_per_id", notes.drop_duplicates("note_id", keep="last"), "an id that a later note has")
    released = notes["target"].map(codes_in)
    unique = released.map(lambda codes: list(dict.fromkeys(codes)))
    notes = notes.assign(codes=unique.map(lambda codes: list(filter(is_diagnosis, codes))))
    rows, repeated, invalid = (int(codes.map(len).sum()) for codes in (released, unique, notes["codes"]))
    attrition.count_code_rows("diagnosis", rows, repeated=repeated, invalid=invalid)
    notes = attrition.keep("with_icd10_codes", notes[notes["codes"].map(len) > 0], "no ICD-10 code")
    notes = attrition.keep_frequent_codes(notes, minimum_notes_per_code)
    return notes[["note_id", "patient_id", "text", "codes"]].reset_index(drop=True)


def codes_in(target: str | Iterable[Any] | None) -> list[str]:
    """The printed codes in a note's target: a list, or a text that separates them (`icd.codes_in`)."""
    if target is None or (isinstance(target, float) and pd.isna(target)):
        return []
    parts = [target] if isinstance(target, str) else [str(part) for part in target if part is not None]
    return [code for part in parts for code in icd.codes_in(part, "diagnosis")]


def is_diagnosis(code: str) -> bool:
    """Whether a printed code has the form of ICD-10-SE; procedures (KVÅ), which registers mix in, have another."""
    return is_valid(code, "diagnosis") and not icd.is_swedish_procedure(code)


def _holds_codes(target: Any) -> bool:
    parts = target.tolist() if isinstance(target, np.ndarray) else target
    return isinstance(parts, str) or (isinstance(parts, list) and all(isinstance(part, str | None) for part in parts))


def _on_one_line(target: str | Iterable[Any]) -> bool:
    return isinstance(target, str) or all(sources.is_one_line(code) for code in target if code)
