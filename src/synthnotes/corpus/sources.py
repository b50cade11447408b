"""Source files as text tables: only the columns that are needed, nothing guessed, errors that name file and remedy.

No message repeats a row's content: source rows are patient data.
"""

import csv
import gzip
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from math import isnan
from numbers import Integral
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.feather as feather

from synthnotes.machinery.files import UserError, require

BLOCK_BYTES = 32 * 2**20  # a row, that is a note, must fit into one block
EXACT = 2**53  # floats from here on do not hold every integer: ids may have become equal
HEADER_BYTES = 2**16
EXPANSION = 100  # times that a compressed table may grow, where texts of notes grow 3 times and tables of codes 10
ALWAYS_ALLOWED = 2**30  # bytes
AGAIN = "Copy it again from its source and compare checksums."


def check_columns(path: Path, columns: list[str]) -> None:
    """Raises a `UserError` unless the file is there and its first line names these columns."""
    require(path)
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            first = file.readline(HEADER_BYTES)  # a line without end would fill the memory
            header = next(csv.reader([first.decode("utf-8-sig")]), [])
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: not a complete gzip file. {AGAIN}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: the first line is no line of column names in UTF-8. {AGAIN}") from error
    _refuse_missing(path, columns, header)


def read_csv(path: Path, columns: list[str]) -> pd.DataFrame:
    """Reads columns of a comma-separated file, plain or gzip, as text; what is empty stays an empty string.

    Text keeps the leading zeros of codes and the digits of ids.

    Raises:
        UserError: the file is missing, empty, truncated, lacks a column or is not well-formed.
    """
    return pd.concat(stream_csv(path, columns), ignore_index=True)


def stream_csv(path: Path, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Reads like `read_csv`, a block of rows at a time, so that a file may be larger than memory.

    The index of the blocks numbers the rows of the whole file from 0.
    """
    check_columns(path, columns)
    _refuse_open_quote(path)
    rows, left = 0, max(ALWAYS_ALLOWED, EXPANSION * path.stat().st_size)
    try:
        for batch in _batches(path, columns):
            left -= batch.nbytes
            if left < 0:
                raise UserError(
                    f"{path}: expands to more than {EXPANSION} times its size, as no real table does. {AGAIN}"
                )
            table = batch.to_pandas()
            table.index += rows
            rows += len(table)
            yield table
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: {_reason(_with_row(path, columns, error))} {AGAIN}") from None  # may quote the row
    if not rows:
        raise UserError(f"{path}: no rows below the column names. {AGAIN}")


def read_feather(path: Path, columns: list[str]) -> pd.DataFrame:
    """Reads columns of a feather file.

    Args:
        path: the file.
        columns: names; `a|b` accepts either and is called `a` in the result.

    Raises:
        UserError: the file is missing, empty, no feather file, or lacks a column.
    """
    require(path)
    try:
        table = feather.read_table(path, memory_map=False)
        table.validate(full=True)  # damaged text, and places in it that do not exist
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a complete feather file. {AGAIN}") from error
    found = {column: next((n for n in column.split("|") if n in table.column_names), None) for column in columns}
    _refuse_missing(path, [c.replace("|", " or ") for c, n in found.items() if n is None], table.column_names)
    if not table.num_rows:
        raise UserError(f"{path}: no rows. {AGAIN}")
    return table.select(list(found.values())).rename_columns([c.split("|")[0] for c in columns]).to_pandas()


def as_ids(values: pd.Series, where: str) -> pd.Series:
    """Ids as text, whether a column holds integers, floats (integers beside missing values) or text.

    Args:
        values: the column, which bears its name.
        where: the file's name, for messages.

    Raises:
        UserError: names the first row that holds something else.
    """
    refuse_values(values, _is_id, "an integer or text", where)
    if pd.api.types.is_float_dtype(values):
        values = values.astype("Int64")
    return values.astype("string").str.strip()


def refuse_values(values: pd.Series, fits: Callable[[Any], bool], expected: str, where: str) -> None:
    """Raises a `UserError` that names the first row whose value is there and does not fit; it never quotes it."""
    bad = [row for row, value in enumerate(values, start=1) if not _is_missing(value) and not fits(value)]
    if bad:
        raise UserError(
            f"{where}: row {bad[0]}: column {values.name} must be {expected} ({len(bad)} such rows). "
            "Write the file again with this column as its source ships it."
        )


def sha256(path: Path) -> str:
    """The SHA-256 checksum of a file, in hexadecimal, as PhysioNet's SHA256SUMS.txt has it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and isnan(value))


def _is_id(value: Any) -> bool:
    if isinstance(value, float):
        return value.is_integer() and abs(value) < EXACT
    return isinstance(value, str | Integral) and not isinstance(value, bool)


def _batches(path: Path, columns: list[str], threads: bool = True) -> Iterator[pa.RecordBatch]:
    with pacsv.open_csv(
        path,
        read_options=pacsv.ReadOptions(block_size=BLOCK_BYTES, use_threads=threads),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            include_columns=columns, column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
        ),
    ) as reader:
        yield from reader


def _with_row(path: Path, columns: list[str], error: Exception) -> str:
    """What is wrong with a file, read again by one thread: slower, but then the message knows the row."""
    try:
        for _ in _batches(path, columns, threads=False):
            pass
    except (pa.ArrowInvalid, OSError) as again:
        return str(again)
    return str(error)


def _refuse_open_quote(path: Path) -> None:
    """Refuses a plain file that was cut off within a quoted text; in a gzip file, the checksum at its end tells."""
    if path.suffix == ".gz":
        return
    quotes = 0
    with path.open("rb") as file:
        while block := file.read(2**24):
            quotes += block.count(b'"')
    if quotes % 2:
        raise UserError(f"{path}: an odd number of double quotes, so that a quoted text does not end. {AGAIN}")


def _refuse_missing(path: Path, expected: list[str], found: list[str]) -> None:
    missing = [column for column in expected if column not in found]
    if missing:
        shown = ", ".join(name[:40] for name in found[:12]) or "none"
        raise UserError(
            f"{path}: column {missing[0]} is missing (found: {shown}). Expected the file as its source ships it, "
            "comma-separated, with a line of column names."
        )


def _reason(message: str) -> str:
    """What an error of the CSV reader says, without the row's content that it may quote."""
    if found := re.search(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)", message):
        row = f"row {found[1]}" if found[1] else "a row"
        return f"{row} has {found[3]} columns instead of {found[2]}."
    if "UTF8" in message or "UTF-8" in message:
        row = re.search(r"Row #(\d+)", message)
        where = f"row {row[1]}: " if row else ""
        return f"{where}text that is not UTF-8 (the column names are row 1). Convert it, if it came so; otherwise:"
    if "straddling" in message:
        return f"a row of more than {BLOCK_BYTES // 2**20} MiB."
    if re.search("truncated|zlib|inflate|gzip|decompress", message, re.IGNORECASE):
        return "the compressed file is truncated or damaged."
    return "not a well-formed comma-separated file."
