"""The published way of preparing the corpora, row by row, written anew from docs/method.md for the benchmark alone.

One pass over the table per rule, each rule a function of one note, each description a search of the titles' table. Not
used by the pipeline.
"""

import re
from collections.abc import Callable

import pandas as pd


def clean(notes: pd.DataFrame) -> pd.Series:
    """Cleans the column `text`, steps 4 and 5, without repair (a)."""
    text = notes["text"]
    for letter, letters in (("å", "aa"), ("æ", "ae"), ("ø", "oe")):
        text = text.apply(lambda note, letter=letter, letters=letters: note.replace(letter, letters))
    text = text.apply(lambda note: re.sub(r"[^\w\s.',:!?|]", " ", note))
    text = text.apply(lambda note: re.sub(r" +", " ", note).strip())
    for rule in (cut_tail, cut_head, drop_medications, drop_vital_signs, drop_laboratory, drop_placeholders, join):
        text = text.apply(rule)
    return text


def cut_tail(text: str) -> str:
    """Cuts from the discharge condition, else from the discharge instructions."""
    for heading in ("discharge condition", "discharge instruction"):
        if heading in text.lower():
            return text[: text.lower().index(heading)]
    return text


def cut_head(text: str) -> str:
    """Keeps from the chief complaint, else from the procedure on; else, as published, before the history."""
    for heading in ("chief complaint", "major surgical or invasive procedure"):
        if heading in text.lower():
            return text[text.lower().index(heading) :]
    if "history of present illness" in text.lower():
        return text[: text.lower().index("history of present illness")]
    return text


def drop_medications(text: str) -> str:
    """Drops lists of medications."""
    return _drop_blocks(text, lambda line: re.search(r"\bmedications?(?:[^:]*:)?\s*$", line, re.IGNORECASE))


def drop_vital_signs(text: str) -> str:
    """Drops vital signs."""
    return _drop_blocks(text, lambda line: re.match(r"___\s*\d{2}:\d{2}", line.strip()))


def drop_laboratory(text: str) -> str:
    """Drops the lines that mention a laboratory."""
    heading = "pertinent result|admission lab|discharge lab"
    return "\n".join(line for line in text.splitlines() if not re.search(heading, line, re.IGNORECASE))


def drop_placeholders(text: str) -> str:
    """Drops what is left of removed names."""
    return "\n".join(line for line in text.splitlines() if line.strip().lower() not in ("facility:", "___"))


def join(text: str) -> str:
    """Joins the lines of each section."""
    sections: list[str] = []
    for line in text.splitlines():
        line = line.strip()
        if not line:
            continue
        if not sections or line.isupper() or line.endswith(":"):
            sections.append(line)
        else:
            sections[-1] += " " + line
    return "\n".join(sections)


def describe(codes: pd.Series, titles: pd.DataFrame) -> pd.Series:
    """Looks up the description of every code of every note.

    Args:
        codes: lists of codes without dots.
        titles: columns icd_code, icd_version and long_title.
    """

    def of_note(own: list[str]) -> list[str]:
        found = []
        for code in own:
            rows = titles[(titles["icd_code"] == code) & (titles["icd_version"] == "10")]
            if not rows.empty:
                found.append(rows["long_title"].iloc[0])
        return found

    return codes.apply(of_note)


def _drop_blocks(text: str, starts: Callable[[str], object]) -> str:
    kept, inside = [], False
    for line in text.splitlines():
        if inside:
            inside = line.strip() != ""
        elif starts(line):
            inside = True
        else:
            kept.append(line)
    return "\n".join(kept)
