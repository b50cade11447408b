"""MIMIC-IV: from PhysioNet's files to notes with ICD-10 codes (paper, section 3.1; docs/method.md).

The notes' file is read twice, a block at a time: first for what the steps decide by, ids and digests of the texts;
then for the texts of the notes that stay. So no more than those, cleaned, are ever in memory.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from synthnotes.corpus import releases, sources
from synthnotes.corpus.attrition import Attrition, Corpus, collect_titles, has_text, refuse_formless
from synthnotes.corpus.cells import is_absent
from synthnotes.corpus.cleaning import clean_notes
from synthnotes.corpus.icd import Kind, codes_in, format_code, is_valid
from synthnotes.corpus.releases import CODE_COLUMNS, MIMIC_IV, MIMIC_IV_NOTE, TITLE_COLUMNS
from synthnotes.machinery.files import UserError
from synthnotes.machinery.parallel_map import map_in_processes
from synthnotes.machinery.params import MimicSource
from synthnotes.machinery.progress import Bar

COLUMNS = {**MIMIC_IV.files, **MIMIC_IV_NOTE.files}
MANY = 10_000  # notes from which on processes clean side by side; starting them takes as long as a few thousand notes
AT_ONCE = 256  # notes to a process, some two megabytes
DISCHARGE_NOTES = {331_793: "MIMIC-IV-Note 2.2"}
INTEGER = ("(?:0|[1-9][0-9]*)?", "an integer without leading zeros")
FORMS = {  # of values, by column, and how a message names them
    "subject_id": INTEGER,
    "hadm_id": INTEGER,
    "note_seq": ("[0-9]{1,18}", "an integer of at most 18 digits"),
    "icd_version": ("9|10", "9 or 10"),
}


def load(folder: Path, source: MimicSource, minimum_notes_per_code: int) -> Corpus:
    """Finds the releases below `folder` and prepares the corpus; all files are checked before any is read whole."""
    of_notes, of_codes = releases.require_release(folder, MIMIC_IV_NOTE), releases.require_release(folder, MIMIC_IV)
    paths = of_notes.files | of_codes.files
    for name, path in paths.items():
        sources.check_columns(path, COLUMNS[name])
    for release in (of_notes, of_codes):
        _check_sums(release)

    attrition = Attrition(names_patients=True)
    rows: dict[Kind, pd.DataFrame] = {
        "procedure": read_codes(paths["hosp/procedures_icd"], "procedure"),
        "diagnosis": read_codes(paths["hosp/diagnoses_icd"], "diagnosis"),
    }
    codes = collect_codes(rows, attrition)
    titles = read_titles(paths["hosp/d_icd_procedures"], "procedure")
    titles = read_titles(paths["hosp/d_icd_diagnoses"], "diagnosis") | titles
    notes = read_particulars(paths["note/discharge"])
    selected = select_notes(notes, codes, minimum_notes_per_code, attrition)
    selected = selected.assign(text=clean_texts(paths["note/discharge"], selected.index))
    prepared = attrition.keep("cleaned", selected[has_text(selected)], "nothing left after cleaning")
    described = {
        "mimic_iv": of_codes.version,
        "mimic_iv_note": of_notes.version,
        "discharge_notes": len(notes),
        "recognised_as": DISCHARGE_NOTES.get(len(notes), "no known full release"),
    }
    return Corpus(prepared.reset_index(drop=True), titles, described, attrition, list(paths.values()))


def read_codes(path: Path, kind: Kind) -> pd.DataFrame:
    """Reads the rows that assign codes of a kind: columns hadm_id, icd_code and icd_version, all text."""
    table = _read(path, CODE_COLUMNS)
    counts: Counter[str] = Counter()
    for text, count in table.loc[table["icd_version"] == "10", "icd_code"].value_counts().items():
        counts.update(dict.fromkeys(codes_in(str(text), kind), int(count)))
    refuse_formless(counts, kind, str(path))
    return table


def read_titles(path: Path, kind: Kind) -> dict[str, str]:
    """Reads the long titles of the ICD-10 codes of a kind (step 6), by printed code."""
    table = _read(path, TITLE_COLUMNS)
    sources.refuse_values(table["long_title"], sources.is_one_line, "without line breaks", str(path))
    version_10 = table[table["icd_version"] == "10"]
    return collect_titles(version_10["icd_code"], version_10["long_title"], kind)


def collect_codes(rows: Mapping[Kind, pd.DataFrame], attrition: Attrition) -> pd.Series:
    """Gives each admission its ICD-10 codes (step 1).

    Args:
        rows: for procedures and diagnoses, in this order, columns hadm_id, icd_code and icd_version, all text.
        attrition: records how many rows are dropped as null, as repeated within the admission, as of ICD version 9, and
            as no ICD-10 code.

    Returns:
        The printed codes of each admission, procedures then diagnoses, each sorted, by hadm_id.
    """
    kept: list[pd.DataFrame] = []
    for kind, table in rows.items():
        printed = {text: _print_codes(text, kind) for text in table["icd_code"].unique()}
        table = table.assign(code=table["icd_code"].map(printed)).explode("code")
        present = table[table["code"] != ""]
        unique = present.drop_duplicates(["hadm_id", "code", "icd_version"])
        version_10 = unique[unique["icd_version"] == "10"]
        valid = version_10[version_10["code"].isin([c for c in version_10["code"].unique() if is_valid(c, kind)])]
        kept.append(valid[["hadm_id", "code"]].sort_values(["hadm_id", "code"]))
        left = {"null": present, "repeated": unique, "version_9": version_10, "invalid": valid}
        attrition.count_code_rows(kind, len(table), **{why: len(rows) for why, rows in left.items()})
    return pd.concat(kept).groupby("hadm_id", sort=False)["code"].agg(list)


def _print_codes(text: str, kind: Kind) -> str | list[str]:
    """The printed code of a row; several, where a row holds nothing but such (`I10|E11.9`)."""
    codes = codes_in(text, kind)
    return list(codes) if len(codes) > 1 and all(is_valid(code, kind) for code in codes) else format_code(text, kind)


def read_particulars(path: Path) -> pd.DataFrame:
    """Reads what the file of notes says of each note but its text.

    Returns:
        Columns subject_id, hadm_id, note_seq and digest, which is empty for a note without text and equal for equal
        texts; indexed by row.
    """
    blocks = []
    for block in sources.stream_csv(path, COLUMNS["note/discharge"]):
        _check_values(path, block)
        digests = [_digest(text) for text in block["text"]]
        blocks.append(block.drop(columns="text").assign(digest=pd.Series(digests, index=block.index, dtype=str)))
    return pd.concat(blocks)


def select_notes(
    notes: pd.DataFrame, codes: pd.Series, minimum_notes_per_code: int, attrition: Attrition
) -> pd.DataFrame:
    """Takes discharge notes from the release to those with codes (steps 2 and 3), one per admission.

    Args:
        notes: columns subject_id, hadm_id, note_seq and digest, all text, indexed by row.
        codes: the codes of each admission, by hadm_id.
        minimum_notes_per_code: rarer codes are dropped.
        attrition: records what each step leaves.

    Returns:
        Columns note_id (the admission's id, as in the published splits), patient_id and codes, indexed by row.
    """
    notes = notes.rename(columns={"hadm_id": "note_id", "subject_id": "patient_id"})
    notes = attrition.keep("released", notes)
    notes = attrition.keep("with_text", notes[notes["digest"] != ""], "no text")
    named = (notes["note_id"] != "") & (notes["patient_id"] != "")
    notes = attrition.keep("with_admission", notes[named], "no admission or no patient named")
    notes = attrition.keep(
        "without_duplicates", notes.drop_duplicates(["note_id", "digest"]), "the same text again for the same admission"
    )
    notes = attrition.keep("one_per_admission", keep_last_of_admission(notes), "an earlier note of the same admission")
    notes = notes.assign(codes=notes["note_id"].map(codes))
    notes = attrition.keep("with_icd10_codes", notes[notes["codes"].notna()], "no ICD-10 code")
    notes = attrition.keep_frequent_codes(notes, minimum_notes_per_code)
    return notes[["note_id", "patient_id", "codes"]]


def clean_texts(path: Path, rows: pd.Index) -> pd.Series:
    """Reads and cleans the texts of some notes (steps 4 and 5), given their rows in ascending order."""
    processes = len(os.sched_getaffinity(0)) if len(rows) >= MANY else 1
    cleaned: list[str] = []
    with Bar(total=len(rows), desc="cleaning", unit=" notes") as progress:
        for batch in map_in_processes(clean_notes, _texts(path, rows), processes):
            cleaned += batch
            progress.update(len(batch))
    return pd.Series(cleaned, index=rows, dtype=str)


def keep_last_of_admission(notes: pd.DataFrame) -> pd.DataFrame:
    """Keeps the last note of each admission by note_seq, in the order of the source (repair e)."""
    by_time = notes.assign(note_seq=notes["note_seq"].astype("int64")).sort_values("note_seq", kind="stable")
    return by_time.drop_duplicates("note_id", keep="last").sort_index()


def _texts(path: Path, rows: pd.Index) -> Iterator[list[str]]:
    """The texts of some rows, a few hundred at a time."""
    for block in sources.stream_csv(path, ["text"]):
        texts = block["text"][block.index.isin(rows)].tolist()
        yield from (texts[start : start + AT_ONCE] for start in range(0, len(texts), AT_ONCE))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest() if not is_absent(text) else ""


def _check_sums(release: releases.Release) -> None:
    """Raises a `UserError` for a file that is not what the release's own list of checksums says."""
    checksums = releases.read_checksums(release)
    for path in release.files.values():
        expected = checksums.get(path.relative_to(release.root).as_posix())
        if expected and sources.sha256(path) != expected:
            raise UserError(f"{path}: not the file that {release.root / releases.CHECKSUMS} lists. {sources.AGAIN}")


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    table = sources.read_csv(path, columns)
    _check_values(path, table)
    return table


def _check_values(path: Path, table: pd.DataFrame) -> None:
    """Raises a `UserError` that names the first row whose ids are no integers or whose ICD version is not 9 or 10.

    Ids that stand for no value (`cells`) become empty.
    """
    for column in table.columns.intersection(list(FORMS)):
        pattern, expected = FORMS[column]
        bad = ~table[column].str.fullmatch(pattern)
        if column.endswith("_id"):
            absent = bad & table[column].map(is_absent) if bad.any() else bad
            table.loc[absent, column] = ""
            bad &= ~absent
        if bad.any():
            raise UserError(
                f"{path}: row {int(bad.idxmax()) + 1} below the column names: {column} must be {expected} "
                f"({int(bad.sum())} such rows). {sources.AGAIN}"
            )
