"""Cleaning of one MIMIC discharge note: characters, then sections (paper, section 3.1; METHOD 1.1, steps 4 and 5).

`clean_note` is the reference. Every rule is a function of its own, applied in the published order; rules on lines take
and return lists of lines. A block that is dropped ends at the next blank line and takes that line with it, so blank
lines stay until the last rule joins what is left.

Known limit, kept so that notes stay comparable with the published ones: a line of prose that happens to end in
"medications" starts a dropped block too.
"""

import re
from collections.abc import Callable

DANISH_LETTERS = str.maketrans({"å": "aa", "æ": "ae", "ø": "oe"})
OTHER_CHARACTERS = re.compile(r"[^\w\s.',:!?|]")
SPACES = re.compile(" {2,}")

# Where the part of a note that repeats itself begins, and where the note proper does: the first heading found decides.
TAIL_HEADINGS = ("discharge condition", "discharge instruction")
HEAD_HEADINGS = ("chief complaint", "major surgical or invasive procedure", "history of present illness")

MEDICATION = re.compile(r"\bmedication", re.IGNORECASE)
MEDICATION_AT_END = re.compile(r"\bmedications?$", re.IGNORECASE)
VITAL_SIGNS_LINE = re.compile(r"___\s*\d{2}:\d{2}")
LABORATORY_LINE = re.compile("pertinent result|admission lab|discharge lab", re.IGNORECASE)
PLACEHOLDER_LINES = {"facility:", "___"}


def clean_note(text: str) -> str:
    """Cleans one discharge note.

    Args:
        text: the note as MIMIC-IV-Note holds it.

    Returns:
        The note from its chief complaint to before its discharge condition, one line per section, without medication
        lists, vital signs and laboratory headings. Empty if nothing is left.
    """
    return clean_sections(clean_characters(text))


def clean_characters(text: str) -> str:
    """Keeps letters, digits, underscore, white space and `. ' , : ! ? |`; collapses the spaces that come of it."""
    return SPACES.sub(" ", OTHER_CHARACTERS.sub(" ", text.translate(DANISH_LETTERS))).strip()


def clean_sections(text: str) -> str:
    """Cuts a note's two ends, drops its lists of medications, vital signs and results, and joins what is left."""
    lines = cut_head(cut_tail(text)).splitlines()
    lines = drop_medication_lists(lines)
    lines = drop_vital_signs(lines)
    lines = drop_laboratory_headings(lines)
    lines = drop_placeholders(lines)
    return join_sections(lines)


def cut_tail(text: str) -> str:
    """Cuts from "discharge condition" on, or, without one, from "discharge instruction" on."""
    return text[: _first(TAIL_HEADINGS, text, otherwise=len(text))]


def cut_head(text: str) -> str:
    """Keeps from "chief complaint" on; without one, from the procedure or the history of present illness on.

    Repair (a): the published rule kept the text *before* the history of present illness.
    """
    return text[_first(HEAD_HEADINGS, text, otherwise=0) :]


def drop_medication_lists(lines: list[str]) -> list[str]:
    """Drops blocks that start with a line ending in "medication(s)" or in "medication(s) …:"."""
    return _drop_blocks(lines, starts_medication_list)


def drop_vital_signs(lines: list[str]) -> list[str]:
    """Drops blocks that start with a line of the form `___ 06:00…`, which hold little but digits."""
    return _drop_blocks(lines, starts_vital_signs)


def drop_laboratory_headings(lines: list[str]) -> list[str]:
    """Drops the lines that mention a pertinent result, an admission lab or a discharge lab."""
    return [line for line in lines if not is_laboratory_heading(line)]


def drop_placeholders(lines: list[str]) -> list[str]:
    """Drops lines that are just "facility:" or "___", what is left of a removed name."""
    return [line for line in lines if not is_placeholder(line)]


def join_sections(lines: list[str]) -> str:
    """Joins the lines of a section by spaces; a line in capitals or ending in ":" starts a new one. Blank lines go."""
    sections: list[list[str]] = []
    for line in filter(None, map(str.strip, lines)):
        if not sections or starts_section(line):
            sections.append([])
        sections[-1].append(line)
    return "\n".join(" ".join(section) for section in sections)


def starts_medication_list(line: str) -> bool:
    """Whether a line ends in "medication(s)", or in "medication(s) …:" with no other colon in between."""
    line = line.rstrip()
    if line.endswith(":"):  # one expression for both would take quadratic time on a long line
        return MEDICATION.search(line[:-1].rpartition(":")[2]) is not None
    return MEDICATION_AT_END.search(line) is not None


def starts_vital_signs(line: str) -> bool:
    """Whether a line begins with a removed date and a time of day."""
    return VITAL_SIGNS_LINE.match(line.strip()) is not None


def is_laboratory_heading(line: str) -> bool:
    """Whether a line mentions a pertinent result, an admission lab or a discharge lab."""
    return LABORATORY_LINE.search(line) is not None


def is_placeholder(line: str) -> bool:
    """Whether a line is just what is left of a removed name."""
    return line.strip().lower() in PLACEHOLDER_LINES


def starts_section(line: str) -> bool:
    """Whether a line, without white space around it, is a heading: all capitals, or ending in a colon."""
    return line.isupper() or line.endswith(":")


def _first(headings: tuple[str, ...], text: str, otherwise: int) -> int:
    """The position of the first of these headings, in order of preference, that the text holds."""
    for heading in headings:
        found = re.search(heading, text, re.IGNORECASE | re.ASCII)  # lower() could move positions: "İ" becomes two
        if found:
            return found.start()
    return otherwise


def _drop_blocks(lines: list[str], starts: Callable[[str], bool]) -> list[str]:
    """Drops from every line that starts a block to the next blank line, both included."""
    kept, inside = [], False
    for line in lines:
        if inside:
            inside = bool(line.strip())
        elif starts(line):
            inside = True
        else:
            kept.append(line)
    return kept
