"""The notes that must not get out: those of data/ as released, and every note table that was made from them."""

from collections.abc import Iterable, Iterator
from importlib.resources import files as package_files
from itertools import groupby
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from synthnotes.corpus import releases, sepr, sources
from synthnotes.demo import kit
from synthnotes.guard.fingerprint import Patient
from synthnotes.machinery import kinds
from synthnotes.machinery.files import AGAIN, is_dropping, unreadable

ROWS = 2048  # of a table at a time
NOTES = {"mimic": "discharge.csv", "sepr": sepr.NOTES}  # how the names of the files with text begin
PUBLIC = "demo"  # the subpackage whose phrases the demo's notes are made of


def protected_files(data: Path, tables: Path) -> list[Path]:
    """The files with notes or ids of patients: MIMIC's and SEPR's tables, and the pipeline's note tables.

    Args:
        data: the folder data/.
        tables: the folder of the note tables.
    """
    made = sorted(path for path in tables.glob("*/*.parquet") if path.is_file() and not is_dropping(Path(path.name)))
    return [*released_files(data), *made]


def released_files(data: Path) -> list[Path]:
    """The files with notes or ids of patients in data/."""
    found = [
        release.files[name]
        for product in releases.PRODUCTS
        for release in releases.found(data / "mimic", product)
        for name in sorted(release.files)
        if "/d_icd_" not in name
    ]
    return [*found, *_if_there(data / "sepr" / sepr.NOTES)]


def holds_notes(path: str | Path, corpus: str) -> bool:
    """Whether a file is the one with the notes of a corpus as released, not with ids alone."""
    return Path(path).name.startswith(NOTES[corpus])


def state(paths: Iterable[Path]) -> dict[str, list[int] | str]:
    """What changes when a file does: size and time of change, by absolute path."""
    return {str(path.absolute()): [path.stat().st_size, path.stat().st_mtime_ns] for path in paths}


def public_state(data: Path) -> dict[str, list[int] | str]:
    """What changes when `public_texts` do."""
    return {**state(_titles(data)), PUBLIC: kit.version()}


def patients(path: Path) -> Iterator[Patient]:
    """Reads a protected file patient by patient, as far as a patient's rows stand together."""
    for table in _rows(path):
        ids = [name for name in ("subject_id", "hadm_id", "note_id", "patient_id", "_id") if name in table]
        owner = next((name for name in ("subject_id", "patient_id") if name in table), ids[0])
        as_text = {name: sources.as_ids(table[name], f"{path}: column {name}").fillna("").tolist() for name in ids}
        texts = table["text"].fillna("").astype(str).tolist() if "text" in table else None
        for _, rows in groupby(range(len(table)), key=as_text[owner].__getitem__):
            own = list(rows)
            yield Patient([texts[row] for row in own] if texts else [], [as_text[n][row] for n in ids for row in own])


def public_texts(data: Path) -> list[str]:
    """Titles of codes, which anybody may print, and the phrases of the demo kit, which stand in this repository."""
    columns = {path: "transcription" if path.name == sepr.DESCRIPTIONS else "long_title" for path in _titles(data)}
    titles = [sources.read_csv(path, [column])[column] for path, column in columns.items()]
    kit = package_files("synthnotes") / PUBLIC
    own = [file for file in kit.iterdir() if file.name.endswith((".py", ".yaml")) and not is_dropping(Path(file.name))]
    phrases = [file.read_text(encoding="utf-8") for file in own]
    return [*phrases, *(title for table in titles for title in table)]


def _titles(data: Path) -> list[Path]:
    """The files with the titles of codes."""
    found = [
        path
        for release in releases.found(data / "mimic", releases.MIMIC_IV)
        for name, path in sorted(release.files.items())
        if "/d_icd_" in name
    ]
    return [*found, *_if_there(data / "sepr" / sepr.DESCRIPTIONS)]


def _rows(path: Path) -> Iterator[pd.DataFrame]:
    """A protected table, some rows at a time."""
    if path.suffix == ".parquet":
        wanted = ["note_id", "patient_id", "text"]
        try:
            with pq.ParquetFile(path) as file:
                file.schema_arrow.empty_table().select(wanted)  # KeyError: a column is missing
                for batch in file.iter_batches(ROWS, columns=wanted):
                    batch.validate(full=True)
                    yield batch.to_pandas()
        except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError):
            raise unreadable(path, kinds.PARQUET, f"no note table, or a damaged one. {AGAIN}") from None
    elif path.suffix == ".feather":
        table = sources.read_feather(path, ["_id", "text"])
        yield from (table.iloc[start : start + ROWS] for start in range(0, len(table), ROWS))
    else:
        text = "discharge" in path.name
        yield from sources.stream_csv(path, ["subject_id", "hadm_id", *["text"] * text])


def _if_there(path: Path) -> list[Path]:
    return [path] if path.is_file() else []
