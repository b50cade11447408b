"""The rules of `cleaning` once more, as machine code: on bytes, one for each character (Latin-1), by numba.

A line is copied behind the last one that was kept, which replaces its characters and collapses its spaces; the rules
then look at the copy, and the next line overwrites it if one of them drops it. So a note is read once but for the
search of its two ends, and nothing is allocated.

Latin-1 keeps this simple: lower case keeps its characters' positions, no other letter than an ASCII letter equals one
when case is ignored, and no other digit than 0 to 9 is one to a regular expression.

Importing this module takes half a second, the first call of `clean` some seconds, in which it is compiled.
"""

from collections.abc import Callable

import numpy as np
from numba import njit

from synthnotes.corpus import cleaning

LATIN_1 = bytes(range(256)).decode("latin-1")
SPACE, TAB, LINE_END, RETURN, COLON, LOW_LINE = b" \t\n\r:_"
ZERO, NINE = b"09"


def _table(value: Callable[[str], int]) -> np.ndarray:
    """The value of each character of Latin-1, uint8 [256]."""
    return np.array([value(character) for character in LATIN_1], np.uint8)


def _replaced(character: str) -> int:
    """What cleaning leaves of a character; all characters that end a line become the same one."""
    if not character.splitlines()[0]:
        return LINE_END
    return SPACE if cleaning.OTHER_CHARACTERS.match(character) else ord(character)


def _codes(words: str) -> np.ndarray:
    return np.array(list(words.encode("latin-1")), np.uint8)


REPLACED = _table(_replaced)
LOWER = np.array([code + 32 if ord("A") <= code <= ord("Z") else code for code in REPLACED], np.uint8)
BLANK = _table(str.isspace)
WORD = _table(lambda character: character.isalnum() or character == "_")
UPPER_CASE, LOWER_CASE = _table(str.isupper), _table(str.islower)

TAIL_HEADINGS = tuple(map(_codes, cleaning.TAIL_HEADINGS))
HEAD_HEADINGS = tuple(map(_codes, cleaning.HEAD_HEADINGS))
LABORATORY = tuple(map(_codes, cleaning.LABORATORY_LINE.pattern.split("|")))
BEGINS_LABORATORY = _table(lambda character: character.lower() in {chr(words[0]) for words in LABORATORY})
PLACEHOLDERS = tuple(map(_codes, sorted(cleaning.PLACEHOLDER_LINES)))
MEDICATION, MEDICATIONS = _codes("medication"), _codes("medications")
REMOVED_NAME = _codes("___")

compiled = njit(nogil=True)
within = njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)  # nothing to call it from Python: sooner done


@compiled
def clean(codes: np.ndarray, starts: np.ndarray, cleaned: np.ndarray) -> np.ndarray:
    """Cleans notes, without holding the interpreter's lock.

    Args:
        codes: the notes' characters, one note after another, uint8 [characters].
        starts: where each note starts, and where the last one ends, int64 [notes + 1].
        cleaned: receives the cleaned notes, each where the note itself starts, uint8 [characters].

    Returns:
        Where each cleaned note ends, int64 [notes].
    """
    ends = np.empty(len(starts) - 1, np.int64)
    for note in range(len(ends)):
        start = starts[note]
        end = _first(codes, start, starts[note + 1], TAIL_HEADINGS, starts[note + 1])
        position = _first(codes, start, end, HEAD_HEADINGS, start)
        written = start
        in_medications = in_vital_signs = False
        while position < end:
            line = written if written == start else written + 1  # leaves room for what joins it to the line before
            stop, position = _copy_line(codes, position, end, cleaned, line)
            if in_medications:
                in_medications = stop > line
            elif _starts_medication_list(cleaned, line, stop):
                in_medications = True
            elif in_vital_signs:
                in_vital_signs = stop > line
            elif _starts_vital_signs(cleaned, line, stop):
                in_vital_signs = True
            elif stop > line and not _is_dropped(cleaned, line, stop):
                if line > start:
                    cleaned[written] = LINE_END if _starts_section(cleaned, line, stop) else SPACE
                written = stop
        ends[note] = written
    return ends


@within
def _first(codes: np.ndarray, start: int, end: int, headings: tuple[np.ndarray, ...], otherwise: int) -> int:
    """Where the first of some headings, in order of preference, stands first, in any case."""
    for words in headings:
        for position in range(start, end):
            if LOWER[codes[position]] == words[0] and _stands_at(codes, position, end, words):
                return position
    return otherwise


@within
def _copy_line(codes: np.ndarray, position: int, end: int, cleaned: np.ndarray, line: int) -> tuple[int, int]:
    """Copies a line to `line`, cleaned and without white space around it; where the copy ends, and the next begins."""
    stop = line
    while position < end:
        code = REPLACED[codes[position]]
        position += 1
        if code == LINE_END:
            if codes[position - 1] == RETURN and position < end and codes[position] == LINE_END:
                position += 1
            break
        if BLANK[code] and (stop == line or (code == SPACE and cleaned[stop - 1] == SPACE)):
            continue
        cleaned[stop] = code
        stop += 1
    while stop > line and BLANK[cleaned[stop - 1]]:
        stop -= 1
    return stop, position


@within
def _starts_medication_list(codes: np.ndarray, line: int, stop: int) -> bool:
    if stop == line:
        return False
    if codes[stop - 1] != COLON:
        for words in (MEDICATION, MEDICATIONS):
            start = stop - len(words)
            if start >= line and _stands_at(codes, start, stop, words) and _begins_word(codes, start, line):
                return True
        return False
    start = stop - 2  # from the last colon but this one on
    while start >= line and codes[start] != COLON:
        if _stands_at(codes, start, stop, MEDICATION) and _begins_word(codes, start, line):
            return True
        start -= 1
    return False


@within
def _starts_vital_signs(codes: np.ndarray, line: int, stop: int) -> bool:
    if not _stands_at(codes, line, stop, REMOVED_NAME):
        return False
    time = line + len(REMOVED_NAME)
    while time < stop and BLANK[codes[time]]:
        time += 1
    if time + 5 > stop or codes[time + 2] != COLON:
        return False
    return (
        _is_digit(codes[time])
        and _is_digit(codes[time + 1])
        and _is_digit(codes[time + 3])
        and _is_digit(codes[time + 4])
    )


@within
def _is_dropped(codes: np.ndarray, line: int, stop: int) -> bool:
    """Whether a line goes by itself: a laboratory heading, or what is left of a removed name."""
    for words in PLACEHOLDERS:
        if stop - line == len(words) and _stands_at(codes, line, stop, words):
            return True
    for position in range(line, stop):
        if BEGINS_LABORATORY[codes[position]]:
            for words in LABORATORY:
                if _stands_at(codes, position, stop, words):
                    return True
    return False


@within
def _starts_section(codes: np.ndarray, line: int, stop: int) -> bool:
    if codes[stop - 1] == COLON:
        return True
    upper = False
    for position in range(line, stop):
        if LOWER_CASE[codes[position]]:
            return False
        upper |= UPPER_CASE[codes[position]] > 0
    return upper


@within
def _stands_at(codes: np.ndarray, position: int, end: int, words: np.ndarray) -> bool:
    """Whether words stand here, in any case; one space of theirs is any number of what becomes a space."""
    for letter in words:
        if position >= end or LOWER[codes[position]] != letter:
            return False
        position += 1
        if letter == SPACE:
            while position < end and LOWER[codes[position]] == SPACE:
                position += 1
    return True


@within
def _begins_word(codes: np.ndarray, position: int, line: int) -> bool:
    return position == line or not WORD[codes[position - 1]]


@within
def _is_digit(code: int) -> bool:
    return ZERO <= code <= NINE
