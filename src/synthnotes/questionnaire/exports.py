"""Tables of answers as survey servers and spreadsheets write them: any of three encodings, any of three separators."""

import codecs
import csv
import io

import pandas as pd

from synthnotes.machinery.files import UserError

SEPARATORS = ("\t", ";", ",")


def read_table(content: bytes, where: str) -> pd.DataFrame:
    """Reads a CSV file of UTF-8 or UTF-16 with tabs, semicolons or commas between the cells.

    Args:
        content: the file's bytes.
        where: the file's name, for messages.

    Returns:
        All cells as text without spaces at their ends, empty where a cell is; the index holds the line on which a row
        ends. Empty lines are left out.

    Raises:
        UserError: another encoding, no rows, a column twice, or a row with another number of cells than the header.
    """
    reader = csv.reader(io.StringIO(decode(content, where), newline=""), delimiter=_separator(content, where))
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise UserError(f"{where}, line {reader.line_num}: not a CSV file: {error}.") from None
    if len(lines) < 2:
        raise UserError(f"{where}: no answers, only {'a header' if lines else 'an empty file'}. Export the data again.")
    (_, header), *rows = lines
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UserError(f"{where}: column {twice[0]!r} stands twice.")
    for line, row in rows:
        if len(row) != len(header):
            raise UserError(f"{where}, line {line}: {len(row)} cells, but the header has {len(header)}.")
    return pd.DataFrame([row for _, row in rows], columns=header, index=[line for line, _ in rows], dtype=str)


def decode(content: bytes, where: str) -> str:
    """Decodes UTF-16 (by its mark, or by the zeros between its letters) or UTF-8 (with or without a mark)."""
    encoding = "utf-8-sig"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif content[1:2] == b"\0" or content[:1] == b"\0":
        encoding = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        expected = "Export it as UTF-8 or UTF-16 (in a spreadsheet: CSV UTF-8)"
        raise UserError(f"{where}: neither UTF-8 nor UTF-16. {expected}.") from None


def _separator(content: bytes, where: str) -> str:
    """The separator that is most frequent in the first line, quoted names left aside."""
    first = next((line for line in decode(content, where).splitlines() if line.strip()), "")
    unquoted = "".join(first.split('"')[::2])
    return max(SEPARATORS, key=unquoted.count)
