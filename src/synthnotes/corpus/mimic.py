"""MIMIC-IV: from PhysioNet's files to notes with ICD-10 codes (paper, section 3.1; docs/method.md).

The notes' file is read twice, a block at a time: first for what the steps decide by, ids and digests of the texts;
then for the texts of the notes that stay. So no more than those, cleaned, are ever in memory.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from synthnotes.corpus import releases, sources
from synthnotes.corpus.attrition import Attrition, Corpus, has_text, refuse_formless, without_rare_codes
from synthnotes.corpus.cells import is_absent
from synthnotes.corpus.cleaning import clean_notes
from synthnotes.corpus.icd import Kind, codes_in, format_code, is_valid
from synthnotes.corpus.releases import MIMIC_IV, MIMIC_IV_NOTE
from synthnotes.machinery.files import UserError
from synthnotes.machinery.parallel_map import map_in_processes
from synthnotes.machinery.progress import Bar

NAMES_PATIENTS = True
CODE_COLUMNS = ["hadm_id", "icd_code", "icd_version"]
TITLE_COLUMNS = ["icd_code", "icd_version", "long_title"]
FILES = {
    "note/discharge.csv.gz": ["subject_id", "hadm_id", "note_seq", "text"],
    "hosp/procedures_icd.csv.gz": CODE_COLUMNS,
    "hosp/diagnoses_icd.csv.gz": CODE_COLUMNS,
    "hosp/d_icd_procedures.csv.gz": TITLE_COLUMNS,
    "hosp/d_icd_diagnoses.csv.gz": TITLE_COLUMNS,
}
MANY = 10_000  # notes from which on processes clean side by side; starting them takes as long as a few thousand notes
AT_ONCE = 256  # notes to a process, some two megabytes
DISCHARGE_NOTES = {331_793: "MIMIC-IV-Note 2.2"}


def load(folder: Path, minimum_notes_per_code: int) -> Corpus:
    """Finds the releases below `folder` and prepares the corpus; all files are checked before any is read whole."""
    of_notes, of_codes = releases.the_release(folder, MIMIC_IV_NOTE), releases.the_release(folder, MIMIC_IV)
    paths = of_notes.files | of_codes.files
    for name, path in paths.items():
        sources.check_columns(path, _columns(name))
    for release in (of_notes, of_codes):
        _check_sums(release)

    codes, code_rows = codes_of_admissions(_by_kind(paths, "hosp/{}_icd"))
    titles = titles_of_codes(_by_kind(paths, "hosp/d_icd_{}"))
    notes = particulars(paths["note/discharge"])
    attrition = Attrition(NAMES_PATIENTS)
    selected = select_notes(notes, codes, minimum_notes_per_code, attrition)
    selected = selected.assign(text=clean_texts(paths["note/discharge"], selected.index))
    prepared = attrition.keep("cleaned", selected[has_text(selected)], "nothing left after cleaning")
    described = {
        "mimic_iv": of_codes.version,
        "mimic_iv_note": of_notes.version,
        "discharge_notes": len(notes),
        "recognised_as": DISCHARGE_NOTES.get(len(notes), "no known full release"),
    }
    files = [paths[name.removesuffix(".csv.gz")] for name in FILES]
    return Corpus(prepared.reset_index(drop=True), titles, described, attrition.steps, code_rows, files)


def codes_of_admissions(rows: dict[Kind, pd.DataFrame]) -> tuple[pd.Series, dict[str, dict[str, int]]]:
    """Gives each admission its ICD-10 codes (step 1).

    Args:
        rows: for procedures and diagnoses, in this order, columns hadm_id, icd_code and icd_version, all text.

    Returns:
        The printed codes of each admission, procedures then diagnoses, each sorted, by hadm_id; and for each kind how
        many rows were released, and were dropped as null, as repeated within the admission, as of ICD version 9, and as
        no ICD-10 code.
    """
    kept: list[pd.DataFrame] = []
    counts: dict[str, dict[str, int]] = {}
    for kind, table in rows.items():
        codes = {code: codes_in(code, kind) for code in table["icd_code"].unique()}
        several = {
            code: parts
            for code, parts in codes.items()
            if len(parts) > 1 and all(is_valid(part, kind) for part in parts)
        }
        if several:  # `I10|E11.9` in one row
            table = table.assign(icd_code=[several.get(code, code) for code in table["icd_code"]]).explode("icd_code")
        printed = {code: format_code(code, kind) for code in table["icd_code"].unique()}
        table = table.assign(code=table["icd_code"].map(printed))
        present = table[table["code"] != ""]
        unique = present.drop_duplicates(["hadm_id", "code", "icd_version"])
        version_10 = unique[unique["icd_version"] == "10"]
        valid = version_10[version_10["code"].isin([code for code in printed.values() if is_valid(code, kind)])]
        kept.append(valid[["hadm_id", "code"]].sort_values(["hadm_id", "code"]))
        counts[kind] = {
            "released": len(table),
            "dropped_null": len(table) - len(present),
            "dropped_repeated": len(present) - len(unique),
            "dropped_version_9": len(unique) - len(version_10),
            "dropped_invalid": len(version_10) - len(valid),
            "kept": len(valid),
        }
    return pd.concat(kept).groupby("hadm_id", sort=False)["code"].agg(list), counts


def particulars(path: Path) -> pd.DataFrame:
    """What the file of notes says of each note but its text.

    Returns:
        Columns subject_id, hadm_id, note_seq and digest, which is empty for a note without text and equal for equal
        texts; indexed by row.
    """
    blocks = []
    for block in sources.stream_csv(path, _columns("note/discharge")):
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
    notes = attrition.keep("one_per_admission", last_of_admission(notes), "an earlier note of the same admission")
    notes = notes.assign(codes=notes["note_id"].map(codes))
    notes = attrition.keep("with_icd10_codes", notes[notes["codes"].notna()], "no ICD-10 code")
    notes = attrition.keep(
        "without_rare_codes",
        without_rare_codes(notes, minimum_notes_per_code),
        f"only codes of fewer than {minimum_notes_per_code} notes",
    )
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


def last_of_admission(notes: pd.DataFrame) -> pd.DataFrame:
    """Keeps the last note of each admission by note_seq, in the order of the source (repair e)."""
    by_time = notes.assign(note_seq=notes["note_seq"].astype("int64")).sort_values("note_seq", kind="stable")
    return by_time.drop_duplicates("note_id", keep="last").sort_index()


def titles_of_codes(rows: dict[Kind, pd.DataFrame]) -> dict[str, str]:
    """The long titles of ICD-10 codes (step 6), by printed code; the first where a code has several."""
    titles: dict[str, str] = {}
    for kind, table in rows.items():
        version_10 = table[(table["icd_version"] == "10") & ~table["long_title"].map(is_absent).astype(bool)]
        for code, title in zip(version_10["icd_code"], version_10["long_title"], strict=True):
            titles.setdefault(format_code(code, kind), title.strip())
    return titles


def _texts(path: Path, rows: pd.Index) -> Iterator[list[str]]:
    """The texts of some rows, a few hundred at a time."""
    for block in sources.stream_csv(path, ["text"]):
        texts = block["text"][block.index.isin(rows)].tolist()
        yield from (texts[start : start + AT_ONCE] for start in range(0, len(texts), AT_ONCE))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest() if not is_absent(text) else ""


def _columns(name: str) -> list[str]:
    return FILES[f"{name}.csv.gz"]


def _by_kind(paths: dict[str, Path], pattern: str) -> dict[Kind, pd.DataFrame]:
    """Reads the files of procedures and of diagnoses, in this order."""
    tables: dict[Kind, pd.DataFrame] = {}
    for kind in ("procedure", "diagnosis"):
        name = pattern.format({"procedure": "procedures", "diagnosis": "diagnoses"}[kind])
        tables[kind] = sources.read_csv(paths[name], _columns(name))
        _check_values(paths[name], tables[kind])
        if "hadm_id" in tables[kind]:
            rows = tables[kind].loc[tables[kind]["icd_version"] == "10", "icd_code"].value_counts()
            counts: Counter[str] = Counter()
            for text, count in rows.items():
                counts.update(dict.fromkeys(codes_in(str(text), kind), int(count)))
            refuse_formless(counts, kind, str(paths[name]))
    return tables


def _check_sums(release: releases.Release) -> None:
    """Raises a `UserError` for a file that is not what the release's own list of checksums says."""
    for name, path in release.files.items():
        expected = releases.published_checksum(release, name)
        if expected and sources.sha256(path) != expected:
            raise UserError(f"{path}: not the file that {release.root / releases.CHECKSUMS} lists. {sources.AGAIN}")


def _check_values(path: Path, table: pd.DataFrame) -> None:
    """Raises a `UserError` that names the first row whose ids are no integers or whose ICD version is not 9 or 10.

    Ids that stand for no value (`cells`) become empty.
    """
    patterns = {
        "subject_id": ("(?:0|[1-9][0-9]*)?", "an integer without leading zeros"),
        "hadm_id": ("(?:0|[1-9][0-9]*)?", "an integer without leading zeros"),
        "note_seq": ("[0-9]{1,18}", "an integer of at most 18 digits"),
        "icd_version": ("9|10", "9 or 10"),
    }
    if "long_title" in table:
        sources.refuse_values(table["long_title"], sources.is_one_line, "without line breaks", str(path))
    for column in table.columns.intersection(list(patterns)):
        pattern, expected = patterns[column]
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
