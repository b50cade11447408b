"""Cleaning of many notes: what `cleaning.clean_note` gives, byte for byte, at many times the speed.

A discharge note has ten thousand characters and hundreds of lines, and hardly any line concerns a rule. So a note is
held as an array of bytes, one for each character: characters are replaced by one table, spaces go by one mask, and of
the lines only those whose bytes make them candidates for a rule are looked at as text, by the reference's own tests.

One byte per character is Latin-1. Unlike in the whole of Unicode, lower case keeps its characters' positions there, and
none but an ASCII letter equals an ASCII letter when case is ignored. A note with letters beyond it goes the reference's
way.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from synthnotes.corpus import cleaning

SPACE, COLON, LOW_LINE, LINE_END = b" :_\n"
LATIN_1 = bytes(range(256)).decode("latin-1")
# Every character that ends a line becomes the same one; those that cleaning drops become a space.
TABLE = bytes(
    LINE_END if not character.splitlines()[0] else SPACE if cleaning.OTHER_CHARACTERS.match(character) else code
    for code, character in enumerate(LATIN_1)
)
OTHER_BLANKS = [character for character in LATIN_1 if character.isspace() and TABLE[ord(character)] == ord(character)]
OTHER_BLANKS = [blank for blank in OTHER_BLANKS if blank not in " \n"]
UPPER, LOWER = 1, 2
CASE = bytes(LOWER if character.islower() else UPPER if character.isupper() else 0 for character in LATIN_1)
LABORATORY_HEADINGS = cleaning.LABORATORY_LINE.pattern.split("|")


def clean_notes(texts: Iterable[str]) -> list[str]:
    """Cleans discharge notes (METHOD 1.1, steps 4 and 5); equal to `[clean_note(text) for text in texts]`."""
    return [_clean(text) for text in texts]


def _clean(text: str) -> str:
    try:
        text = _clean_characters(text)
    except UnicodeEncodeError:
        clean = cleaning.clean_characters(text)  # what is not Latin-1 may be no letter: dashes, quotation marks
        return cleaning.clean_sections(text) if clean == text else _clean(clean)
    lower = text.lower()
    end = _first(cleaning.TAIL_HEADINGS, lower, otherwise=len(text))
    start = _first(cleaning.HEAD_HEADINGS, lower[:end], otherwise=0)
    text = text[start:end].rstrip()
    return _Lines(text).clean() if text else ""


def _clean_characters(text: str) -> str:
    """The reference's rules on characters; spaces before the end of a line go too, and all lines end alike."""
    if not text.isascii():
        for code, letters in cleaning.DANISH_LETTERS.items():
            text = text.replace(chr(code), letters)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    codes = np.frombuffer(text.encode("latin-1").translate(TABLE), np.uint8)
    space = codes == SPACE
    kept = np.ones(len(codes), bool)
    kept[:-1] = ~(space[:-1] & (space | (codes == LINE_END))[1:])
    text = codes[kept].tobytes().decode("latin-1")
    if any(blank in text for blank in OTHER_BLANKS):
        text = "\n".join(map(str.strip, text.split("\n")))
    return text


def _first(headings: tuple[str, ...], lower: str, otherwise: int) -> int:
    positions = (lower.find(heading) for heading in headings)
    return next((position for position in positions if position >= 0), otherwise)


class _Lines:
    """The lines of a note between its two ends.

    Attributes:
        text: the note; its lines may begin with a space, and the last one is not blank.
        codes: its characters and a last line's end, uint8 [characters + 1].
        begins: where each line begins, and where its first character after a space is, int [lines].
        starts: where each line's first character after a space is, int [lines].
        ends: where each line ends, int [lines].
        kept: which lines are still there, bool [lines].
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.codes = np.frombuffer(bytearray(text + "\n", "latin-1"), np.uint8)
        self.ends = np.flatnonzero(self.codes == LINE_END)
        self.begins = np.concatenate(([0], self.ends[:-1] + 1))
        self.starts = self.begins + (self.codes[self.begins] == SPACE)
        self.kept = np.ones(len(self.ends), bool)

    def clean(self) -> str:
        """Applies the rules on lines in their order, and joins what is left."""
        lower = self.text.lower()
        removed_name = self.codes[self.starts] == LOW_LINE
        self.drop_blocks(self.holding("medication", lower), cleaning.starts_medication_list)
        self.drop_blocks(np.flatnonzero(removed_name).tolist(), cleaning.starts_vital_signs)
        for heading in LABORATORY_HEADINGS:
            self.kept[self.holding(heading, lower)] = False
        lengths = self.ends - self.starts
        self.kept &= lengths > 0
        self.kept[removed_name & (lengths == len("___"))] &= False
        for line in self.holding("facility:", lower):
            self.kept[line] &= not cleaning.is_placeholder(self[line])
        return self.join()

    def join(self) -> str:
        """Joins the lines of each section by spaces."""
        case = np.frombuffer(self.codes.tobytes().translate(CASE), np.uint8)
        heading = (np.maximum.reduceat(case, self.begins) == UPPER) | (self.codes[self.ends - 1] == COLON)
        kept = self.kept.nonzero()[0]
        self.codes[self.ends[kept[:-1]]] = SPACE - heading[kept[1:]] * np.uint8(SPACE - LINE_END)
        character_kept = np.repeat(self.kept, self.ends - self.begins + 1)
        character_kept[self.begins[self.starts > self.begins]] = False
        return self.codes[character_kept][:-1].tobytes().decode("latin-1")

    def __getitem__(self, line: int) -> str:
        return self.text[self.starts[line] : self.ends[line]]

    def holding(self, word: str, lower: str) -> list[int]:
        """The numbers of the lines that hold a word in any case."""
        positions = list(_positions(word, lower))
        return self.ends.searchsorted(positions).tolist() if positions else []

    def drop_blocks(self, candidates: list[int], starts: Callable[[str], bool]) -> None:
        """Drops from every candidate that starts a block to the next blank line, both included."""
        candidates = [line for line in candidates if self.kept[line] and starts(self[line])]
        if not candidates:
            return
        blanks = np.flatnonzero(self.kept & (self.ends == self.starts)).tolist() + [len(self.ends)]
        after = 0
        for line in candidates:
            if line >= after:
                after = blanks[bisect_left(blanks, line)] + 1
                self.kept[line:after] = False


def _positions(word: str, text: str) -> Iterator[int]:
    """Where each line that holds a word does so first."""
    position = text.find(word)
    while position >= 0:
        yield position
        end = text.find("\n", position)
        position = text.find(word, end) if end >= 0 else -1
