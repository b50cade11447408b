"""Cells of source tables: what stands for no value, whichever program wrote it."""

ABSENT = frozenset({"nan", "na", "n/a", "<na>", "none", "null", "nat", "\\n"})  # in any case; `\N` is a database's
LONGEST = max(map(len, ABSENT))


def is_absent(text: str) -> bool:
    """Whether a text is nothing but white space, or what programs write for no value (`nan`, `NULL`)."""
    bare = text.strip()
    return not bare or (len(bare) <= LONGEST and bare.casefold() in ABSENT)
