"""Cells of source tables: what stands for no value, whichever program wrote it, and what may be shown of a header."""

import re
from collections.abc import Sequence

NAME = re.compile(r"\s*(?:[^\W\d][\w.-]*(?:[;|\t][^\W\d][\w.-]*)*)?\s*")  # of columns, whatever separates them
SHOWN, LENGTH = 12, 40  # names, and characters of each
ABSENT = frozenset(  # in any case; `\N`, `(null)`, `.` and `#…` are those of databases, SAS and spreadsheets
    {"nan", "-nan", "na", "n/a", "<na>", "#na", "#n/a", "none", "null", "<null>", "(null)", "#null!", "nat", "\\n", "."}
)
LONGEST = max(map(len, ABSENT))


def is_absent(text: str) -> bool:
    """Whether a text is nothing but white space, or what programs write for no value (`nan`, `NULL`)."""
    bare = text.strip()
    return not bare or (len(bare) <= LONGEST and bare.casefold() in ABSENT)


def shown_names(columns: Sequence[str]) -> str:
    """The names of a table's columns for a message, unless they may be a row of data: files can lack their header."""
    if not all(map(NAME.fullmatch, columns)):
        return "what may be a row of data, and is not shown"
    return ", ".join(name[:LENGTH] for name in columns[:SHOWN]) or "none"
