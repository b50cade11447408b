"""Cleaning of MIMIC discharge notes: characters, then sections (paper, section 3.1, steps 4 and 5 in docs/method.md).

Every rule is a function of its own, applied in the published order; rules on lines take and return lists of lines
without white space around them. A block that is dropped ends at the next blank line and takes that line with it, so
blank lines stay until the last rule joins what is left.

A note takes some 0.4 ms, a quarter of what the published script needs, for few regular expressions ever run over it: a
table replaces its characters, and headings are looked for in its lower case.

Known limit, kept so that notes stay comparable with the published ones: a line of prose that happens to end in
"medications" starts a dropped block too.
"""

import re
from collections.abc import Callable, Sequence

DANISH_LETTERS = {"å": "aa", "æ": "ae", "ø": "oe"}
OTHER_CHARACTER = re.compile(r"[^\w\s.',:!?|]")
SPACES = re.compile("  +")  # literal, which is looked for three times as fast as `{2,}`

# Where the part of a note that repeats itself begins, and where the note proper does: the first heading found decides.
TAIL_HEADINGS = ("discharge condition", "discharge instruction")
HEAD_HEADINGS = ("chief complaint", "major surgical or invasive procedure", "history of present illness")

MEDICATION = re.compile(r"\bmedication", re.IGNORECASE)
MEDICATION_AT_END = re.compile(r"\bmedications?$", re.IGNORECASE)
LONGEST_AT_END = len("medications") + 1  # with the character before it, which shows whether a word begins
VITAL_SIGNS_LINE = re.compile(r"___\s*\d{2}:\d{2}")
# Looked for by their space, which has no case: four times as fast as by their first letters.
LABORATORY_LINE = re.compile(" (?:(?<=pertinent )result|(?<=admission )lab|(?<=discharge )lab)", re.IGNORECASE)
PLACEHOLDER_LINES = {"facility:", "___"}


class _Replacements(dict[int, str]):
    """What cleaning leaves of each character, worked out when one is first met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = DANISH_LETTERS.get(character) or OTHER_CHARACTER.sub(" ", character)
        return self[code]


REPLACEMENTS = _Replacements()


def clean_notes(texts: Sequence[str]) -> list[str]:
    """Cleans notes one after another, as `clean_note` does."""
    return list(map(clean_note, texts))


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
    return SPACES.sub(" ", text.translate(REPLACEMENTS)).strip()


def clean_sections(text: str) -> str:
    """Cuts a note's two ends, drops its lists of medications, vital signs and results, and joins what is left."""
    lines = [line.strip() for line in cut_head(cut_tail(text)).splitlines()]
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
    return _drop_blocks(lines, VITAL_SIGNS_LINE.match)


def drop_laboratory_headings(lines: list[str]) -> list[str]:
    """Drops the lines that mention a pertinent result, an admission lab or a discharge lab."""
    return [line for line in lines if not LABORATORY_LINE.search(line)]


def drop_placeholders(lines: list[str]) -> list[str]:
    """Drops lines that are just "facility:" or "___", what is left of a removed name."""
    return [line for line in lines if line.lower() not in PLACEHOLDER_LINES]


def join_sections(lines: list[str]) -> str:
    """Joins the lines of a section by spaces; a line in capitals or ending in ":" starts a new one. Blank lines go."""
    sections: list[list[str]] = []
    for line in filter(None, lines):
        if not sections or line.isupper() or line.endswith(":"):
            sections.append([])
        sections[-1].append(line)
    return "\n".join(map(" ".join, sections))


def starts_medication_list(line: str) -> bool:
    """Whether a line ends in "medication(s)", or in "medication(s) …:" with no other colon in between."""
    if line.endswith(":"):  # one expression for both would take quadratic time on a long line
        return MEDICATION.search(line[:-1].rpartition(":")[2]) is not None
    return MEDICATION_AT_END.search(line[-LONGEST_AT_END:]) is not None


def _first(headings: tuple[str, ...], text: str, otherwise: int) -> int:
    """The position of the first of these headings, in order of preference, that the text holds."""
    lower = text.replace("İ", "ı").lower()  # whose lower case is two letters, and would move all positions behind it
    return next((position for heading in headings if (position := lower.find(heading)) >= 0), otherwise)


def _drop_blocks(lines: list[str], starts: Callable[[str], object]) -> list[str]:
    """Drops from every line that starts a block to the next blank line, both included."""
    kept, inside = [], False
    for line in lines:
        if inside:
            inside = line != ""
        elif starts(line):
            inside = True
        else:
            kept.append(line)
    return kept
