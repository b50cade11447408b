"""Source files as text tables: only the columns that are needed, nothing guessed, errors that name file and remedy.

No message repeats a row's content: source rows are patient data.
"""

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from math import isnan
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.feather as feather
import pyarrow.parquet as pq

from synthnotes.corpus.cells import is_absent, shown_names
from synthnotes.machinery import kinds
from synthnotes.machinery.files import UserError, require, unreadable

BLOCK_BYTES = 32 * 2**20  # a row, that is a note, must fit into one block
EXACT = 2**53  # floats from here on do not hold every integer: ids may have become equal
HEADER_BYTES = 2**16
EXPANSION = 100  # times that a compressed table may grow, where texts of notes grow 3 times and tables of codes 10
ALWAYS_ALLOWED = 2**30  # bytes
AGAIN = "Copy it again from its source and compare checksums."
TEXT = "text"  # the one column whose values may have several lines, where no other is named
LINES = re.compile(r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")  # what ends a line, as str.splitlines sees it
BOM = b"\xef\xbb\xbf"
MARK, LINE_END, RETURN = b'"\n\r'
BORDER = np.isin(np.arange(256), list(b',"\n\r'))  # what may stand beside the marks around a field
STRAY = 'a quotation mark within a field, which would swallow rows. If it came so, write it twice (""); otherwise:'
UNENDED = "a quotation mark begins a field that does not end."
NOT_UTF8 = "text that is not UTF-8. Convert it, if it came so; otherwise:"
BROKEN = (
    "a field goes on beyond the end of its line, by a line break or a stray quotation mark. If it came so, take "
    "that out; otherwise:"
)


def check_columns(path: Path, columns: list[str]) -> list[str]:
    """Gives the column names in a file's first line, in UTF-8.

    Raises:
        UserError: the file is missing, is no table (its first bytes say what it is), or lacks one of `columns`.
    """
    require(path)
    kind = kinds.GZIP if path.suffix == ".gz" else kinds.TEXT
    if message := kinds.other_kind(path, kind):
        raise UserError(message)
    try:
        with gzip.open(path, "rb") if kind == kinds.GZIP else path.open("rb") as file:
            first = file.readline(HEADER_BYTES)  # a line without end would fill the memory
            if message := kinds.other_kind(path, kinds.TEXT, first + file.read(kinds.START)):
                raise UserError(message)
            line = re.split(rb"[\r\n]", first, maxsplit=1)[0]
            header = next(csv.reader([line.decode("utf-8-sig")], strict=True), [])
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: not a complete gzip file. {AGAIN}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: the first line is no line of column names in UTF-8. {AGAIN}") from error
    _names(path, columns, header)
    return header


def read_table(path: Path, columns: list[str], text: str) -> pd.DataFrame:
    """Reads columns of a table of notes, of whatever kind its name says: parquet, feather, or CSV, plain or gzip.

    Args:
        path: the file.
        columns: their names.
        text: the one of them whose values may have several lines.

    Raises:
        UserError: as `read_csv` and `read_feather` do; or the name says none of these kinds.
    """
    if path.suffix in (".feather", ".parquet"):
        return read_feather(path, columns)
    if path.name.endswith((".csv", ".csv.gz")):
        return read_csv(path, columns, text)
    raise UserError(f"{path}: expected a file that ends in .parquet, .feather, .csv or .csv.gz.")


def read_csv(path: Path, columns: list[str], text: str = TEXT) -> pd.DataFrame:
    """Reads columns of a comma-separated file, plain or gzip, as text; what is empty stays an empty string.

    Text keeps the leading zeros of codes and the digits of ids. Values of the column `text` may have several lines.

    Raises:
        UserError: the file is missing, empty, truncated, lacks a column or is not well-formed.
    """
    return pd.concat(stream_csv(path, columns, text), ignore_index=True)


def stream_csv(path: Path, columns: list[str], text: str = TEXT) -> Iterator[pd.DataFrame]:
    """Reads like `read_csv`, a block of rows at a time, so that a file may be larger than memory.

    The index of the blocks numbers the rows of the whole file from 0.
    """
    several_lines = text in check_columns(path, columns)
    rows, left = 0, max(ALWAYS_ALLOWED, EXPANSION * path.stat().st_size)
    file = _Quoted(path, lines=several_lines)
    try:
        for batch in _batches(file, columns):
            file.refuse()
            left -= batch.nbytes
            if left < 0:
                raise UserError(
                    f"{path}: expands to more than {EXPANSION} times its size, as no real table does. {AGAIN}"
                )
            table = batch.to_pandas()
            table.index += rows
            rows += len(table)
            yield table
    except (pa.ArrowException, OSError) as error:
        file.refuse()
        raise UserError(f"{path}: {_reason(_with_row(path, columns, error))} {AGAIN}") from None  # may quote the row
    file.refuse()
    if not rows:
        raise UserError(f"{path}: no rows below the column names. {AGAIN}")


def read_feather(path: Path, columns: list[str]) -> pd.DataFrame:
    """Reads columns of a feather or parquet file; `a|b` accepts either name and is called `a` in the result.

    Raises:
        UserError: the file is missing, empty, of another kind than its name says, or lacks a column.
    """
    require(path)
    kind = kinds.PARQUET if path.suffix == ".parquet" else kinds.FEATHER
    try:
        table = pq.ParquetFile(path).read() if kind == kinds.PARQUET else feather.read_table(path, memory_map=False)
        table.validate(full=True)  # damaged text, and places in it that do not exist
        names = _names(path, columns, table.column_names)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        message = NOT_UTF8 if "UTF8" in str(error) else f"not a complete {path.suffix[1:]} file."
        raise unreadable(path, kind, f"{message} {AGAIN}") from error
    if not table.num_rows:
        raise UserError(f"{path}: no rows. {AGAIN}")
    try:
        canonical = {column.split("|")[0]: _canonical(table[name]) for column, name in zip(columns, names, strict=True)}
        # Without pandas' own notes, which may make a column the index; integers beside nulls stay what they are.
        return pa.table(canonical).to_pandas(ignore_metadata=True, integer_object_nulls=True)
    except (pa.ArrowException, ValueError, TypeError) as error:
        types = ", ".join(f"{name} {table.schema.field(name).type}" for name in names)
        raise UserError(
            f"{path}: a column of a type that cannot be read ({types:.200}). Write ids and texts as text, codes as "
            "lists of text."
        ) from error


def _names(path: Path, columns: list[str], there: list[str]) -> list[str]:
    """Which of a file's columns are meant; a `UserError` where none is, or more than one."""
    meant = {column.replace("|", " or "): [name for name in there if name in column.split("|")] for column in columns}
    for column, names in meant.items():
        if not names:
            raise UserError(
                f"{path}: column {column} is missing (found: {shown_names(there)}). Expected the file as its source "
                "ships it, comma-separated, with a line of column names."
            )
        if len(names) > 1:
            raise UserError(
                f"{path}: column {column} stands there {len(names)} times ({', '.join(names)}). Leave the one to use."
            )
    return [name for names in meant.values() for name in names]


def _canonical(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column in the one type that stands for all alike; what polars, R or a database write comes in a dozen."""
    wanted = _canonical_type(column.type)
    if column.type == wanted:
        return column
    chunks = [chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk for chunk in column.chunks]
    if not pa.types.is_string_view(column.type) and re.search("view|dictionary|run_end|extension", str(column.type)):
        # pyarrow 26 lacks some of these casts, and that of list views loses values without a word.
        return pa.chunked_array([pa.array(chunk.to_pylist(), wanted) for chunk in chunks], wanted)
    return pa.chunked_array(chunks, chunks[0].type if chunks else wanted).cast(wanted)


def _canonical_type(kind: pa.DataType) -> pa.DataType:
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return _canonical_type(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _canonical_type(kind.value_type)
    if types.is_string(kind) or types.is_string_view(kind) or types.is_null(kind):
        return pa.large_string()
    if types.is_decimal(kind) and kind.scale == 0:  # a database's integers
        return pa.large_string()
    lists = (types.is_list, types.is_large_list, types.is_list_view, types.is_large_list_view, types.is_fixed_size_list)
    return pa.large_list(_canonical_type(kind.value_type)) if any(is_one(kind) for is_one in lists) else kind


def as_ids(values: pd.Series, where: str) -> pd.Series:
    """Ids as text, whether a column holds integers, floats (integers beside missing values) or text.

    What stands for no value (`cells`) is missing.

    Raises:
        UserError: names the file (`where`), the column and the first row that holds something else.
    """
    is_float = pd.api.types.is_float_dtype(values)
    exact = 2 ** (np.finfo(getattr(values.dtype, "numpy_dtype", values.dtype)).nmant + 1) if is_float else EXACT
    refuse_values(values, partial(_is_id, exact=exact), "an integer or text", where)
    if is_float:
        values = values.astype("Int64")
    ids = values.astype("string")
    refuse_values(ids, is_one_line, "without line breaks", where)
    return ids.str.strip().mask(ids.map(is_absent, na_action="ignore").fillna(False).astype(bool))


def is_one_line(value: str) -> bool:
    """Whether a text holds no line's end, of whatever kind."""
    return LINES.search(value) is None


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


def _is_id(value: Any, exact: float) -> bool:
    if isinstance(value, float):
        return value.is_integer() and abs(value) < exact
    return isinstance(value, str | Integral) and not isinstance(value, bool)


def _batches(file: "_Quoted", columns: list[str], threads: bool = True) -> Iterator[pa.RecordBatch]:
    with pacsv.open_csv(
        file,
        read_options=pacsv.ReadOptions(block_size=BLOCK_BYTES, use_threads=threads),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            include_columns=columns, column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
        ),
    ) as reader:
        yield from reader


class _Quoted(io.RawIOBase):
    """A table's bytes, unpacked, whose quotation marks are looked at on the way: one too many swallows rows.

    In a table as RFC 4180 has it, marks come in pairs: the first of a pair begins a field or follows a mark directly
    (two stand for one in the text), the second ends a field or is followed by a mark. Whatever else reads such a table
    takes a stray mark for a field's beginning and all up to the next one for its text, with the rows in between.

    What is wrong is kept for `refuse`, since Arrow reads ahead in threads of its own. A field may hold several `lines`
    where it is the text of a note.
    """

    def __init__(self, path: Path, lines: bool) -> None:
        self._path, self._lines = path, lines
        self._stream = self._open()
        self._seen, self._last = 0, LINE_END  # how many bytes have been looked at, and the last of them
        self._odd, self._opened, self._closes = 0, 0, False  # a field is open; since where; the last byte closed one
        self._fault: tuple[int, str] | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self.read_buffer(size).to_pybytes()

    def read_buffer(self, size: int) -> pa.Buffer:  # which Arrow prefers to `read`: nothing is copied
        block = self._stream.read_buffer(size)
        view = np.frombuffer(block, np.uint8) if block.size else np.array([LINE_END], np.uint8)
        if not self._seen and view[:3].tobytes() == BOM:
            view, self._seen = view[3:], 3
        if not self._fault and len(view):
            self._look(view)
        if not self._fault and not block.size and self._odd:
            self._fault = self._opened, UNENDED
        return block

    def close(self) -> None:
        self._stream.close()
        super().close()

    def refuse(self) -> None:
        """Raises a `UserError` if a mark that has been read is a stray one, or a line's end stands where none may."""
        if self._fault:
            before, what = self._fault
            stream, line = self._open(), 1
            while piece := stream.read(min(before, 2**20)):
                before -= len(piece)
                line += piece.count(b"\n")
            raise UserError(f"{self._path}: line {line}: {what} {AGAIN}")

    def _open(self) -> pa.NativeFile:
        return pa.input_stream(str(self._path), compression="gzip" if self._path.suffix == ".gz" else None)

    def _look(self, view: np.ndarray) -> None:
        """Looks at the next bytes, uint8 [bytes]; a line's end stands for the file's."""
        marks = np.flatnonzero(view == MARK)
        begin, end = marks[self._odd :: 2], marks[1 - self._odd :: 2]
        within = end[: len(end) - (len(end) > 0 and end[-1] == len(view) - 1)]  # what follows the others is seen here
        stray = [-1] * (self._closes and not BORDER[view[0]])
        stray += begin[~BORDER[np.where(begin > 0, view[begin - 1], self._last)]][:1].tolist()
        stray += within[~BORDER[view[within + 1]]][:1].tolist()
        broken = [] if self._lines or not (len(marks) or self._odd) else self._broken(view, marks)
        if stray or broken:
            first = min(stray + broken)
            self._fault = self._seen + first, STRAY if first in stray else BROKEN
        if len(begin):
            self._opened = self._seen + int(begin[-1])
        self._odd, self._closes = (self._odd + len(marks)) % 2, len(within) < len(end)
        self._seen, self._last = self._seen + len(view), int(view[-1])

    def _broken(self, view: np.ndarray, marks: np.ndarray) -> list[int]:
        """The first line's end within a field, none where there is none."""
        ends = np.flatnonzero((view == LINE_END) | (view == RETURN))
        return ends[(np.searchsorted(marks, ends) + self._odd) % 2 == 1][:1].tolist()


def _with_row(path: Path, columns: list[str], error: Exception) -> str:
    """What is wrong with a file, read again by one thread: slower, but then the message knows the row."""
    try:
        for _ in _batches(_Quoted(path, lines=True), columns, threads=False):
            pass
    except (pa.ArrowException, OSError) as again:
        return str(again)
    return str(error)


def _reason(message: str) -> str:
    """What an error of the CSV reader says, without the row's content that it may quote."""
    if counts := re.search(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)", message):
        row = f"row {counts[1]}" if counts[1] else "a row"
        return f"{row} has {counts[3]} columns instead of {counts[2]}."
    if "UTF8" in message or "UTF-8" in message:
        numbered = re.search(r"Row #(\d+)", message)
        where = f"row {numbered[1]}: " if numbered else ""
        return f"{where}text that is not UTF-8 (the column names are row 1). Convert it, if it came so; otherwise:"
    if "straddling" in message:
        return f"a row of more than {BLOCK_BYTES // 2**20} MiB."
    if re.search("truncated|zlib|inflate|gzip|decompress", message, re.IGNORECASE):
        return "the compressed file is truncated or damaged."
    return "not a well-formed comma-separated file."
