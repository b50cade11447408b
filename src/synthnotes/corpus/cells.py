"""Cells of source tables: what stands for no value, whichever program wrote it."""

ABSENT = frozenset(  # in any case; `\N`, `(null)`, `.` and `#…` are those of databases, SAS and spreadsheets
    {"nan", "-nan", "na", "n/a", "<na>", "#na", "#n/a", "none", "null", "<null>", "(null)", "#null!", "nat", "\\n", "."}
)
LONGEST = max(map(len, ABSENT))


def is_absent(text: str) -> bool:
    """Whether a text is nothing but white space, or what programs write for no value (`nan`, `NULL`)."""
    bare = text.strip()
    return not bare or (len(bare) <= LONGEST and bare.casefold() in ABSENT)
