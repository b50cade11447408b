"""The notes that must not get out: the texts and ids of a project's tables, and of what was made of them."""

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from noteguard import NoteguardError
from noteguard.fingerprint import Patient, State
from noteguard.settings import Settings

ROWS = 2048  # of a table at a time
FAULTS = (pa.ArrowException, OSError, ValueError, OverflowError, EOFError, zlib.error)  # their messages may quote cells
AGAIN = "If a pipeline made it, delete it and make it again; if not, copy it again from its source."


def protected(settings: Settings) -> dict[str, Path]:
    """The files with notes or ids of patients, by source and path: `clinic:/data/notes.csv`; ids have no source."""
    named = {**settings.notes, "": [*settings.derived, *settings.ids_only]}
    return {f"{name}:{path.absolute()}": path for name, of in named.items() for path in settings.files(of)}


def state(files: dict[str, Path]) -> State:
    """What changes when a file does: size and time of change."""
    return {name: [path.stat().st_size, path.stat().st_mtime_ns] for name, path in files.items()}


def public(settings: Settings) -> tuple[State, Iterator[str]]:
    """What changes when the texts do that anybody may print, and these texts: columns of tables, and whole files.

    Of whole files the content counts: a checkout by git changes the time at which they changed.
    """
    found = [(column, path) for pattern, column in settings.public.items() for path in settings.files([pattern])]
    whole = [(f"public:{path.relative_to(settings.root)}", path.read_bytes()) for column, path in found if not column]
    tables = [(column, path) for column, path in found if column]
    of_tables = state({f"public:{path.absolute()}": path for _, path in tables})

    def texts() -> Iterator[str]:
        yield from (data.decode("utf-8", "replace") for _, data in whole)
        for column, path in tables:
            for rows in rows_of(path, [column], [column]):
                yield from rows[column]

    return {**of_tables, **{name: hashlib.sha256(data).hexdigest() for name, data in whole}}, texts()


def patients(settings: Settings, path: Path) -> Iterator[Patient]:
    """Reads a protected file patient by patient, as far as a patient's rows stand together."""
    columns, ids_only = settings.columns, path in settings.files(settings.ids_only)
    needed = columns.ids if ids_only else columns.text
    wanted = [*columns.ids, *columns.owner, *([] if ids_only else columns.text)]
    for table in rows_of(path, wanted, needed):
        ids, texts = ([table[name] for name in names if name in table] for names in (columns.ids, columns.text))
        owner = next((table[name] for name in [*columns.owner, *columns.ids] if name in table), None)
        count = len(next(iter(table.values())))
        for _, rows in groupby(range(count), key=owner.__getitem__ if owner else None):
            own = list(rows)
            yield Patient([of[row] for of in texts for row in own], [of[row] for of in ids for row in own])


def rows_of(path: Path, wanted: Sequence[str], needed: Sequence[str]) -> Iterator[dict[str, list[str]]]:
    """Reads columns of a table as text, some rows at a time; what is missing is an empty text."""
    count = 0
    try:
        for piece in _pieces(path, wanted):
            if not set(needed) & set(piece):
                raise NoteguardError(f"{path}: none of the columns {', '.join(needed)} is there. {AGAIN}")
            count += len(piece[next(iter(piece))])
            yield piece
    except FAULTS:
        raise NoteguardError(f"{path}: another kind of file than its name says, or a damaged one. {AGAIN}") from None
    if not count and path.suffix != ".parquet":  # which says itself how many it has: a text that ends early does not
        raise NoteguardError(f"{path}: no rows in it. {AGAIN}")


def _pieces(path: Path, wanted: Sequence[str]) -> Iterator[dict[str, list[str]]]:
    if path.name.endswith((".csv", ".csv.gz")):
        options = {"dtype": str, "keep_default_na": False, "index_col": False, "encoding": "utf-8-sig"}
        with pd.read_csv(path, chunksize=ROWS, usecols=lambda name: name in wanted, **options) as reader:
            for table in reader:
                yield {name: table[name].fillna("").tolist() for name in table}
    elif path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if name in wanted]
            yield from map(_as_text, file.iter_batches(ROWS, columns=names))
    elif path.suffix == ".feather":
        table = feather.read_table(path)
        names = [name for name in table.column_names if name in wanted]
        yield from map(_as_text, table.select(names).to_batches(ROWS))
    else:
        raise NoteguardError(f"{path}: no table of a kind that is read (.csv, .csv.gz, .feather, .parquet).")


def _as_text(batch: pa.RecordBatch) -> dict[str, list[str]]:
    batch.validate(full=True)  # damaged text, and places in it that do not exist
    found = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        column = column.storage if isinstance(column, pa.ExtensionArray) else column
        if pa.types.is_floating(column.type):  # integers beside missing values
            found[name] = ["" if value is None or value != value else f"{value:.0f}" for value in column.to_pylist()]
        else:
            found[name] = [value or "" for value in column.cast(pa.large_string()).to_pylist()]
    return found
