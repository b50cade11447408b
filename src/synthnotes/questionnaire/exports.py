"""Tables of answers as survey servers, spreadsheets and statistics programs write them, and write again.

Whoever opens an export and saves it changes it: `2` becomes `2.0` or `2,0`, `007` becomes `7`, names of columns change
their case, empty columns and rows appear. So each cell is brought into one form, once, by `normalised`, while the table
is read; nothing behind it compares anything else.
"""

import codecs
import csv
import io
import re
import string
import unicodedata
from itertools import dropwhile

import pandas as pd

from synthnotes.corpus.cells import is_absent
from synthnotes.machinery import kinds
from synthnotes.machinery.files import UserError

SEPARATORS = ("\t", ";", ",", "|")
_AROUND = string.whitespace + "\xa0\u202f\u200b\ufeff\"'="  # a cell: what spreadsheets put there, too: ="007"
_NUMBER = re.compile(r"(-?)0*([0-9]+)(?:[.,](?!000$)0*)?")  # 1.000 may be a thousand
_SCIENTIFIC = re.compile(r"(-?[0-9])(?:[.,]([0-9]+))?e\+?([0-9]{1,2})")  # 1.01E+02
_EXPORT = "Export it as UTF-8 or UTF-16 (in a spreadsheet: CSV UTF-8)."


def normalised(cell: str) -> str:
    """The one form of a coded cell: answers, numbers and names of persons and notes, kinds, corpora, column names.

    Without spaces and quotation marks around it, in lower case, a whole number without decimals and leading zeros, and
    nothing for what programs write into an empty cell. A number that is not whole stays as it is, and so does one that
    a spreadsheet has rounded (`1.23E+11`): it is for the reader of the column to refuse it.
    """
    text = unicodedata.normalize("NFC", cell).replace("\N{MINUS SIGN}", "-").strip(_AROUND).casefold()
    if is_absent(text):
        return ""
    if (found := _SCIENTIFIC.fullmatch(text)) and len(found[2] or "") >= int(found[3]):  # no digit is lost
        digits = found[2] or ""
        text = f"{found[1]}{digits[: int(found[3])]}.{digits[int(found[3]) :]}"
    if found := _NUMBER.fullmatch(text):
        return found[2] if found[2] == "0" else found[1] + found[2]
    return text


def read_table(content: bytes, where: str) -> pd.DataFrame:
    """Reads a CSV file of UTF-8, UTF-16 or Windows-1252 with tabs, semicolons, commas or bars between the cells.

    Args:
        content: the file's bytes.
        where: the file's name, for messages.

    Returns:
        All cells and column names `normalised`, empty where a cell is, missing where a row ended before it; the index
        holds the line on which a row ends. Empty lines, and columns without a name, are left out.

    Raises:
        UserError: no text, no rows, a column twice, a row longer than the header, or a quotation mark that swallows
            rows.
    """
    text = decode(content, where)
    text = text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n")  # old Macs end lines by \r
    first, _, rest = text.partition("\n")
    hint = re.fullmatch(r'"?sep=(.)"?\s*', first)  # a spreadsheet's own first line
    separator = hint[1] if hint else _separator(text)
    reader = csv.reader(io.StringIO(rest if hint else text, newline=""), delimiter=separator, strict=True)
    lines: list[tuple[int, list[str]]] = []
    before = line = 1 if hint else 0
    try:
        for row in reader:
            line = before + reader.line_num
            lines += [(line, row)] if any(map(normalised, row)) else []
    except csv.Error as error:
        quoted = "expected after" in str(error) or "end of data" in str(error)
        message = "a quoted text does not end where a cell does" if quoted else error
        raise UserError(f"{where}, line {line + 1}: not a CSV file: {message}.") from None
    if len(lines) < 2:
        raise UserError(f"{where}: no answers, only {'a header' if lines else 'an empty file'}. Export the data again.")
    (_, names), *rows = lines
    header = [normalised(name) for name in names]
    twice = [name.strip() for i, name in enumerate(names) if header[i] and header[i] in header[:i]]
    if twice:
        raise UserError(f"{where}: column {twice[0]!r} stands twice.")
    cells = [_cells(row, len(header), separator, f"{where}, line {line}") for line, row in rows]
    table = pd.DataFrame(cells, columns=header, index=[line for line, _ in rows], dtype=str)
    return table.loc[:, [name != "" for name in header]]


def _cells(row: list[str], columns: int, separator: str, where: str) -> list[str | None]:
    """A row's cells, normalised: none where the row is too short, and without empty ones beyond the header."""
    several = [cell for cell in row if "\n" in cell or "\r" in cell]
    # People put a space behind their commas, and a swallowed row holds as many separators as there are.
    if any(len(re.findall(f"{re.escape(separator)}(?! )", cell)) >= columns - 1 > 0 for cell in several):
        raise UserError(
            f"{where}: a quoted text of several lines ends here, and holds a whole row: a quotation mark is missing or "
            "too many. Export the data again."
        )
    extra = list(dropwhile(lambda cell: not normalised(cell), reversed(row[columns:])))
    if extra:
        raise UserError(f"{where}: {columns + len(extra)} cells, but the header has {columns}.")
    return [*map(normalised, row[:columns]), *[None] * (columns - len(row))]


def decode(content: bytes, where: str) -> str:
    """Decodes UTF-16 (by its mark, or by the zeros between its letters), UTF-8, or what is neither as Windows-1252.

    Raises:
        UserError: it is no text, or text of another kind.
    """
    found = kinds.kind_of(content[: kinds.START])
    if content and found not in (None, kinds.TEXT, kinds.UTF_16):
        raise UserError(f"{where}: it is {found}, no CSV. {kinds.REMEDIES.get(found, _EXPORT)}")
    encodings = ["utf-8-sig", "cp1252"]  # every code of an answer is the same in both
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\0" in content[:2]:
        encodings = ["utf-16-le" if content[1:2] == b"\0" else "utf-16-be"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UserError(f"{where}: neither UTF-8 nor UTF-16 nor Windows-1252. {_EXPORT}")


def _separator(text: str) -> str:
    """The separator that is most frequent in the first line, quoted names left aside."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    unquoted = "".join(first.split('"')[::2])
    return max(SEPARATORS, key=unquoted.count)
