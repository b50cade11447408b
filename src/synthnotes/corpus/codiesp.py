"""CodiEsp: clinical cases in Spanish, coded in ICD-10-CM and ICD-10-PCS with the passages that support each code.

Miranda-Escalada et al. 2020 (CLEF eHealth), Zenodo 3837305, version 4. The folder lies as the archive unpacks, anywhere
below that of the corpus. Cases are used as they are: no cleaning. The source names no patients, so every case counts as
one of its own. Many procedures are cut to their first four characters, and stay so.

Titles of diagnoses are those of ICD-10-CM; where the publishers' lists of codes (Zenodo 3706838) lie beside, theirs, in
the language of the text: without them no procedure has a title.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from synthnotes.corpus import icd
from synthnotes.corpus.attrition import Attrition, Corpus, has_text, refuse_formless
from synthnotes.corpus.icd import Kind, format_code, is_valid
from synthnotes.corpus.releases import folders_below
from synthnotes.machinery import kinds
from synthnotes.machinery.files import UserError, require, unreadable
from synthnotes.machinery.params import CodiespSource

PARTS = ("train", "dev", "test")
BACKGROUND = "background"  # cases without codes
TEXTS = {"es": "text_files", "en": "text_files_en"}  # the machine translation
KINDS: dict[str, Kind] = {"P": "procedure", "D": "diagnosis"}  # in the order in which a note lists its codes
SPANISH: dict[str, Kind] = {"PROCEDIMIENTO": "procedure", "DIAGNOSTICO": "diagnosis"}
TITLES: dict[Kind, str] = {"procedure": "codiesp-P_codes.tsv", "diagnosis": "codiesp-D_codes.tsv"}  # code, es, en
OFFSETS = re.compile(r"\d+ \d+(?:;\d+ \d+)*")
MOST_INEXACT = 0.05  # of the passages, whose text is not that at their offsets; the corpus holds a handful
GET = "Get CodiEsp, version 4, from Zenodo (record 3837305)."


class Case(NamedTuple):
    """A case: its id, its part, its text, and that text in Spanish, to which the offsets of passages refer."""

    note_id: str
    part: str
    text: str
    spanish: str


def load(folder: Path, source: CodiespSource, minimum_notes_per_code: int) -> Corpus:
    """Finds the corpus below `folder` and prepares it; everything is checked before any case is dropped."""
    root = find_root(folder)
    cases = [case for part in PARTS for case in read_cases(root, part, source.text)]
    known = {case.note_id: case for case in cases}
    codes = pd.concat(
        [read_codes(root / part / f"{part}{letter}.tsv", letter, known) for part in PARTS for letter in KINDS]
    )
    passages = pd.concat([read_passages(root / part / f"{part}X.tsv", known) for part in PARTS], ignore_index=True)
    titles, files = read_titles(folder, source.text, sorted(set(codes["code"])))

    attrition = Attrition(names_patients=False)
    notes = pd.DataFrame(
        [(case.note_id, case.note_id, case.text) for case in cases], columns=["note_id", "patient_id", "text"]
    )
    notes = attrition.keep("released", notes)
    notes = attrition.keep("with_text", notes[has_text(notes)], "no text")
    notes = notes.assign(codes=notes["note_id"].map(collect_codes(codes, attrition)))
    notes = attrition.keep("with_icd10_codes", notes[notes["codes"].notna()], "no ICD-10 code")
    notes = attrition.keep_frequent_codes(notes, minimum_notes_per_code).reset_index(drop=True)
    others = find_unseen(root, source.text, cases)
    release = {"version": "4", "cases": len(cases), "passages": len(passages), "further_texts": len(others)}
    release["texts_sha256"] = hashlib.sha256("\n".join(map(repr, [*cases, *others])).encode()).hexdigest()
    return Corpus(
        notes[["note_id", "patient_id", "text", "codes"]],
        titles,
        release,
        attrition,
        [*(root / part / f"{part}{letter}.tsv" for part in PARTS for letter in "DPX"), *files],
        parts=notes["note_id"].map({case.note_id: case.part for case in cases}) if source.official_parts else None,
        passages=passages[passages["note_id"].isin(notes["note_id"])].drop(columns="exact"),
        unseen=pd.DataFrame([(case.note_id, case.text) for case in others], columns=["note_id", "text"]),
    )


def find_root(folder: Path) -> Path:
    """The folder with train, dev and test, wherever it lies below that of the corpus."""
    found = [below for below in folders_below(folder) if (below / "train/trainD.tsv").is_file()]
    if not found:
        raise UserError(f"{folder}: no train/trainD.tsv in it or below it. {GET} Unpack it there, folders and all.")
    if len(found) > 1:
        raise UserError(f"{folder}: the corpus lies there {len(found)} times: {', '.join(map(str, found))}. Leave one.")
    return found[0]


def read_cases(root: Path, part: str, text: str) -> Iterator[Case]:
    """Reads the texts of a part; none of one that is not there, such as the background set."""
    spanish, chosen = root / part / TEXTS["es"], root / part / TEXTS[text]
    files = sorted(spanish.glob("*.txt"))
    if not files and part != BACKGROUND:
        raise UserError(f"{spanish}: no texts. {GET}")
    for file in files:
        original = _read(file)
        yield Case(file.stem, part, original if chosen == spanish else _read(chosen / file.name), original)


def find_unseen(root: Path, text: str, cases: list[Case]) -> list[Case]:
    """The cases without codes, but those that are among the others."""
    ids, texts = {case.note_id for case in cases}, {case.text for case in cases}
    further = read_cases(root, BACKGROUND, text)
    return [case for case in further if case.note_id not in ids and case.text not in texts]


def read_codes(path: Path, letter: str, cases: dict[str, Case]) -> pd.DataFrame:
    """Reads which codes of a kind each case has: columns note_id, code (printed) and kind.

    Raises:
        UserError: the file is missing, a line of it is none, or names a case without text; many codes have no form.
    """
    kind = KINDS[letter]
    rows = [(row[0], format_code(row[1], kind), kind) for row in _rows(path, 2, cases)]
    refuse_formless(Counter(code for _, code, _ in rows if not icd.CUT_PROCEDURE.fullmatch(code)), kind, str(path))
    return pd.DataFrame(rows, columns=["note_id", "code", "kind"])


def collect_codes(rows: pd.DataFrame, attrition: Attrition) -> pd.Series:
    """The codes of each case, procedures then diagnoses, each sorted, by note_id; counts what is left out."""
    kept: list[pd.DataFrame] = []
    for kind in KINDS.values():
        own = rows[rows["kind"] == kind]
        unique = own.drop_duplicates()
        valid = unique[unique["code"].map(icd.kind_of) == kind]
        attrition.count_code_rows(kind, len(own), repeated=len(unique), invalid=len(valid))
        kept.append(valid.sort_values(["note_id", "code"]))
    return pd.concat(kept).groupby("note_id", sort=False)["code"].agg(list)


def read_passages(path: Path, cases: dict[str, Case]) -> pd.DataFrame:
    """Reads the passages that support each code, checked against the text.

    Returns:
        Columns note_id, kind, code, starts and ends (offsets of the pieces in the Spanish text), and exact: whether the
        passage that the file quotes stands there.

    Raises:
        UserError: a line is none, an offset lies outside of its text, or many passages stand elsewhere.
    """
    rows = []
    for number, row in enumerate(_rows(path, 5, cases), start=1):
        note, kind, code, quoted, offsets = row
        if kind not in SPANISH or not OFFSETS.fullmatch(offsets):
            raise UserError(
                f"{path}: line {number}: expected {' or '.join(SPANISH)} and offsets such as 5 12;20 31. {GET}"
            )
        pieces = [tuple(map(int, piece.split())) for piece in offsets.split(";")]
        text = cases[note].spanish
        if any(start > end or end > len(text) for start, end in pieces):
            raise UserError(
                f"{path}: line {number}: offsets outside of the text, which has {len(text):,} characters. {GET}"
            )
        there = " ".join(text[start:end] for start, end in pieces)
        starts, ends = zip(*pieces, strict=True)
        exact = there.split() == quoted.split()
        rows.append((note, SPANISH[kind], format_code(code, SPANISH[kind]), list(starts), list(ends), exact))
    table = pd.DataFrame(rows, columns=["note_id", "kind", "code", "starts", "ends", "exact"])
    if (wrong := int((~table["exact"].astype(bool)).sum())) > MOST_INEXACT * len(table):
        raise UserError(f"{path}: {wrong:,} of {len(table):,} passages do not stand at their offsets. {GET}")
    return table


def read_titles(folder: Path, text: str, codes: list[str]) -> tuple[dict[str, str], list[Path]]:
    """The titles of codes, by printed code, and the files that they come from."""
    import simple_icd_10_cm as icd_10_cm  # takes a second or two: it reads the whole classification

    diagnoses = [code for code in codes if is_valid(code, "diagnosis") and icd_10_cm.is_valid_item(code)]
    titles = {code: icd_10_cm.get_description(code) for code in diagnoses}
    lists = {kind: path for kind, path in find_lists(folder).items() if path}
    for kind, path in lists.items():
        for row in _rows(path, 3):
            if title := row[1 if text == "es" else 2].strip():
                titles[format_code(row[0], kind)] = title
    return titles, list(lists.values())


def find_lists(folder: Path) -> dict[Kind, Path | None]:
    """The publishers' lists of codes, wherever they lie below the folder of the corpus."""
    return {
        kind: next((below / name for below in folders_below(folder) if (below / name).is_file()), None)
        for kind, name in TITLES.items()
    }


def _rows(path: Path, columns: int, cases: dict[str, Case] | None = None) -> Iterator[list[str]]:
    """The rows of a file of tab-separated values; with `cases`, the first of each must be the id of one of them."""
    if not path.is_file():
        raise UserError(f"{path}: missing. {GET} Earlier versions have no codes of the part test.")
    for number, line in enumerate(_read(path).splitlines(), start=1):
        row = line.split("\t")
        if len(row) != columns:
            raise UserError(f"{path}: line {number}: {len(row)} columns instead of {columns}. {GET}")
        if cases is not None and row[0] not in cases:
            raise UserError(f"{path}: line {number}: a case of which there is no text. {GET}")
        yield row


def _read(path: Path) -> str:
    require(path)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise unreadable(path, kinds.TEXT, f"text that is not UTF-8. {GET}") from None
