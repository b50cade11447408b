"""Any corpus in one table of notes: a row with id, text and ICD-10 codes each, and a CSV of the codes' titles.

SEPR comes so (paper, section 3.2), and so can a hospital's own notes: params.yaml names the files and their columns.
The notes are used as they are: no cleaning. Where no column names patients, every note counts as a patient of its own.
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
from synthnotes.corpus.icd import Kind, is_valid
from synthnotes.machinery.params import TableColumns, TableSource


def load(folder: Path, source: TableSource, minimum_notes_per_code: int) -> Corpus:
    """Reads the files in `folder` and prepares the corpus."""
    path, titles_path = folder / source.notes, folder / source.titles
    sources.check_columns(titles_path, [source.title_columns.code, source.title_columns.title])
    notes = read_notes(path, source.columns)
    titles = read_titles(titles_path, source)
    notes = notes.assign(assigned=notes.pop("codes").map(lambda codes: codes_in(codes, source.procedures)))
    assigned = Counter(chain.from_iterable(notes["assigned"]))
    refuse_formless(
        Counter({code: n for code, n in assigned.items() if not _is_procedure(code)}), "diagnosis", str(path)
    )
    if procedures := sum(count for code, count in assigned.items() if icd.is_swedish_procedure(code)):
        message = f"{procedures:,} of {assigned.total():,} codes are Swedish procedures (KVÅ)"
        tqdm.write(f"{path}: {message} and are left out, as no ICD-10 codes.", file=sys.stderr)
    attrition = Attrition(names_patients=source.columns.patient_id is not None, names_admissions=False)
    kinds: list[Kind] = ["procedure", "diagnosis"] if source.procedures else ["diagnosis"]
    prepared = prepare_notes(notes, kinds, minimum_notes_per_code, attrition)
    return Corpus(prepared, titles, {"notes": len(notes)}, attrition, [path, titles_path])


def read_notes(path: Path, columns: TableColumns) -> pd.DataFrame:
    """Reads the notes: columns note_id and patient_id (text), text and codes, as the file holds them.

    Raises:
        UserError: the file is damaged, or a row holds what is no id, no text or no codes.
    """
    names = columns.model_dump(exclude_none=True)
    notes = sources.read_table(path, list(names.values()), columns.text)
    texts, codes, where = notes[columns.text], notes[columns.codes], str(path)
    sources.refuse_values(texts, lambda text: isinstance(text, str), "text", where)
    sources.refuse_values(codes, _holds_codes, "a list of codes, or text that separates them", where)
    sources.refuse_values(codes, _on_one_line, "codes without line breaks in them", where)
    ids = sources.as_ids(notes[columns.note_id], where)
    patients = ids if columns.patient_id is None else sources.as_ids(notes[columns.patient_id], where)
    return pd.DataFrame({"note_id": ids, "patient_id": patients, "text": texts, "codes": codes})


def read_titles(path: Path, source: TableSource) -> dict[str, str]:
    """Reads the titles of codes, by printed code.

    Raises:
        UserError: the file is damaged, a title has several lines, or many codes have no form of ICD-10.
    """
    code, title = source.title_columns.code, source.title_columns.title
    rows = sources.read_csv(path, [code, title])
    sources.refuse_values(rows[title], sources.is_one_line, "without line breaks", str(path))
    procedure = rows[code].map(lambda own: source.procedures and _is_procedure(own.strip().upper()))
    titles = collect_titles(rows[code][~procedure], rows[title][~procedure], "diagnosis")
    refuse_formless(Counter(titles.keys()), "diagnosis", str(path))
    return titles | collect_titles(rows[code][procedure], rows[title][procedure], "procedure")


def prepare_notes(
    notes: pd.DataFrame, kinds: Iterable[Kind], minimum_notes_per_code: int, attrition: Attrition
) -> pd.DataFrame:
    """Takes notes from the release to notes with valid codes.

    Args:
        notes: columns note_id, patient_id, text and assigned (codes as printed, those without a valid form included).
        kinds: of codes that are kept, in the order in which a note lists them.
        minimum_notes_per_code: rarer codes are dropped.
        attrition: records what each step leaves, and how many assigned codes are dropped as repeated within the note
            and as no ICD-10 code.

    Returns:
        Columns note_id, patient_id, text and codes (in the source's order, by kind).
    """
    notes = attrition.keep("released", notes)
    notes = attrition.keep("with_text", notes[has_text(notes)], "no text")
    notes = attrition.keep("with_id", notes[notes["note_id"].notna() & (notes["note_id"] != "")], "no id")
    if attrition.names_patients:
        named = notes["patient_id"].notna() & (notes["patient_id"] != "")
        notes = attrition.keep("with_patient", notes[named], "no patient named")
    notes = attrition.keep("one_per_id", notes.drop_duplicates("note_id", keep="last"), "an id that a later note has")
    lists: list[pd.Series] = []
    for kind in kinds:
        own = notes["assigned"].map(
            lambda codes, kind=kind: [c for c in codes if _is_procedure(c) == (kind == "procedure")]
        )
        unique = own.map(lambda codes: list(dict.fromkeys(codes)))
        lists.append(unique.map(lambda codes, kind=kind: [code for code in codes if is_kept(code, kind)]))
        rows, repeated, invalid = (int(codes.map(len).sum()) for codes in (own, unique, lists[-1]))
        attrition.count_code_rows(kind, rows, repeated=repeated, invalid=invalid)
    notes = notes.assign(codes=[list(chain.from_iterable(of_kinds)) for of_kinds in zip(*lists, strict=True)])
    notes = attrition.keep("with_icd10_codes", notes[notes["codes"].map(len) > 0], "no ICD-10 code")
    notes = attrition.keep_frequent_codes(notes, minimum_notes_per_code)
    return notes[["note_id", "patient_id", "text", "codes"]].reset_index(drop=True)


def codes_in(value: str | Iterable[Any] | None, procedures: bool = False) -> list[str]:
    """The printed codes of a note: from a list, or a text that separates them (`icd.codes_in`).

    Args:
        value: as the file holds them.
        procedures: whether what has the form of ICD-10-PCS is a procedure. Diagnoses then need their dot: without it,
            some of seven characters have that form, too.
    """
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return []
    parts = [value] if isinstance(value, str) else [str(part) for part in value if part is not None]
    if not procedures:
        return [code for part in parts for code in icd.codes_in(part, "diagnosis")]
    found = []
    for part in parts:
        for code in icd.codes_in(part, "diagnosis"):
            bare = code.replace(".", "")
            found.append(bare if is_valid(bare, "procedure") and bare in part.upper() else code)
    return found


def _is_procedure(code: str) -> bool:
    return is_valid(code, "procedure")


def is_kept(code: str, kind: Kind) -> bool:
    """Whether a printed code has the form of ICD-10; Swedish procedures (KVÅ), which registers mix in, have another."""
    return is_valid(code, kind) and not icd.is_swedish_procedure(code)


def _holds_codes(value: Any) -> bool:
    parts = value.tolist() if isinstance(value, np.ndarray) else value
    return isinstance(parts, str) or (isinstance(parts, list) and all(isinstance(part, str | None) for part in parts))


def _on_one_line(value: str | Iterable[Any]) -> bool:
    return isinstance(value, str) or all(sources.is_one_line(code) for code in value if code)
