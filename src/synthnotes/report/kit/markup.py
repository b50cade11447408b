"""Markdown: the one filter through which data enters it, and pipe tables and figures for the report's templates."""

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile

NBSP = "\u00a0"  # an interval stays on one line
HYPHEN = "\u2011"  # and so does micro‑F1, in a narrow column

# The rest of the punctuation stays itself wherever it stands; ".", "-" and ":" do so between letters or digits.
_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|@$~^&'\"!=+]|(?<!\w)[.:\-]|[.:\-](?!\w)")
_LIST_ITEM = re.compile(r"^( *\(?\w+)\)")
_LINK = re.compile(r"\[((?:[^\[\]\\]|\\.)*)\]\[[\w.-]+\]")  # [text][label]
_SPACES = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")


class Markdown(str):
    """Text that is markup already, and which `escape` leaves alone."""


def escape(value: object) -> Markdown:
    """Makes any value a piece of one line of markdown that renders as its own text.

    Runs of spaces, newlines and other control characters become one space. Shortcodes, references, table cells,
    formulas, HTML and typographic replacements ("--", "...") all lose their meaning.
    """
    if isinstance(value, Markdown):
        return value
    text = _SPACES.sub(" ", str(value))
    text = _MARKUP.sub(lambda match: "\\" + match[0], text)
    return Markdown(_LIST_ITEM.sub(r"\1\\)", text))


def one_line(text: str) -> Markdown:
    """Markup that a template has put together, as one line of its own; spaces that do not break stay."""
    return Markdown(re.sub(r"[ \n]+", " ", text).strip())


def code(text: str) -> Markdown:
    """A name in typewriter letters; it breaks after dots and underscores where a cell is narrow."""
    if "`" in text or "|" in text:
        return escape(text)
    return Markdown(f"`{text}`")


def shorten(title: str, length: int) -> str:
    """A title cut at a word, with an ellipsis, where it is longer than `length` characters."""
    if len(title) <= length:
        return title
    return title[:length].rsplit(" ", 1)[0].rstrip(",;") + f"{NBSP}…"


def join(*parts: object) -> Markdown:
    """Joins values, escaping those that are data."""
    return Markdown("".join(escape(part) for part in parts))


def grouped(rows: Iterable[Sequence[object]], columns: int = 1) -> list[list[object]]:
    """Leaves out the first cells of a row that repeat those above them: a group's rows stand under its name.

    Args:
        rows: cells of each.
        columns: how many at most are left out, from the first.
    """
    shown: list[list[object]] = []
    above: Sequence[object] = ()
    for row in rows:
        pairs = zip(row[:columns], above, strict=False)
        repeated = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
        shown.append([*[None] * repeated, *row[repeated:]])
        above = row
    return shown


def table(
    identifier: str,
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    widths: Sequence[int] | None = None,
    ruled: bool = False,
) -> Markdown:
    """Writes a pipe table.

    Args:
        identifier: for references, such as `tbl-fidelity`.
        caption: markdown.
        columns: heading of each column, markdown; a leading ">" aligns the column to the right.
        rows: cells; data is escaped, None is an empty cell.
        widths: share of the text's width per column. Without it a table is as wide as its content.
        ruled: a rule above each row, for rows of many words; rows that leave their first cell to the one above have
            such a rule above their group in any case.

    Raises:
        ValueError: a row has another number of cells than there are columns, or the caption is empty.
    """
    if not identifier.startswith("tbl-") or not caption.strip():
        raise ValueError(f"table {identifier!r}: needs an identifier tbl-… and a caption")
    headings = [column.removeprefix(">") for column in columns]
    cells = [["" if cell is None else str(escape(cell)) for cell in row] for row in rows]
    cells = cells or [["none", *[""] * (len(headings) - 1)]]
    for row in cells:
        if len(row) != len(headings):
            raise ValueError(f"table {identifier}: a row has {len(row)} cells, expected {len(headings)}: {row}")
    longest = [max(3, *(len(_LINK.sub(r"\1", row[i])) for row in [headings, *cells])) for i in range(len(headings))]
    # Dash counts become relative widths where a line of the source is longer than pandoc's 72 columns; the class
    # "natural" undoes that.
    dashes = [max(3, round(90 * width / sum(widths))) for width in widths] if widths else longest
    right = [column.startswith(">") for column in columns]
    rule = "|".join("-" * (n - 1) + ":" if end else ":" + "-" * (n - 1) for n, end in zip(dashes, right, strict=True))
    lines = [_line(headings, longest, right), f"|{rule}|", *(_line(row, longest, right) for row in cells)]
    flags = {"natural": not widths, "ruled": ruled}
    classes = "".join(f" .{name}" for name, holds in flags.items() if holds)
    return Markdown("\n" + "\n".join(lines) + f"\n\n: {' '.join(caption.split())} {{#{identifier}{classes}}}\n")


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    aligned = [
        cell.rjust(width) if end else cell.ljust(width) for cell, width, end in zip(cells, widths, right, strict=True)
    ]
    return f"| {' | '.join(aligned)} |"


def figure(identifier: str, path: str, caption: str, alternative: str, width: int = 100) -> Markdown:
    """Writes a figure.

    Args:
        identifier: for references, such as `fig-noise`.
        path: of the image, relative to the report's folder.
        caption: markdown.
        alternative: what the figure shows, in words, for those who cannot see it: plain text.
        width: per cent of the text's width.
    """
    if not identifier.startswith("fig-") or not caption.strip() or not alternative.strip():
        raise ValueError(f"figure {identifier!r}: needs an identifier fig-…, a caption and alternative text")
    alternative = " ".join(alternative.split()).replace("\\", "\\\\").replace('"', '\\"')
    attributes = f'#{identifier} fig-alt="{alternative}" width={width}%'
    return Markdown(f"\n![{' '.join(caption.split())}]({path}){{{attributes}}}\n")
