"""Cleaning of many notes: what `cleaning.clean_note` gives, byte for byte, at many times the speed.

A discharge note has ten thousand characters and hundreds of lines, and hardly any line concerns a rule. So some notes
at a time are held as one array of bytes, one for each character: characters are replaced by one table, spaces go by one
mask, and of the lines only those whose bytes make them candidates for a rule are looked at as text, by the reference's
own tests.

One byte per character is Latin-1. Unlike in the whole of Unicode, lower case keeps its characters' positions there, and
none but an ASCII letter equals an ASCII letter when case is ignored. A note with letters beyond it goes the reference's
way.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from synthnotes.corpus import cleaning

AT_ONCE = 2**16  # characters; the arrays of many more would not stay in the processor's cache
SPACE, COLON, LOW_LINE, LINE_END = b" :_\n"
NEXT_NOTE = 0  # stands before each note on a line of its own; no note holds it, for cleaning makes it a space
LATIN_1 = bytes(range(256)).decode("latin-1")
# Every character that ends a line becomes the same one; those that cleaning drops become a space.
TABLE = bytes([NEXT_NOTE]) + bytes(
    LINE_END if not character.splitlines()[0] else SPACE if cleaning.OTHER_CHARACTERS.match(character) else code
    for code, character in enumerate(LATIN_1[1:], start=1)
)
OTHER_BLANKS = [chr(code) for code in set(TABLE) - {SPACE, LINE_END} if chr(code).isspace()]
UPPER, LOWER = 1, 2
CASE = bytes(LOWER if character.islower() else UPPER if character.isupper() else 0 for character in LATIN_1)
LABORATORY_HEADINGS = cleaning.LABORATORY_LINE.pattern.split("|")


def clean_notes(texts: Iterable[str]) -> list[str]:
    """Cleans discharge notes (METHOD 1.1, steps 4 and 5); equal to `[clean_note(text) for text in texts]`."""
    cleaned: list[str] = []
    for batch in _batches(texts):
        encoded = [_encode(text) for text in batch]
        in_latin_1 = iter(_clean([note for note in encoded if note is not None]))
        cleaned += [
            cleaning.clean_note(text) if note is None else next(in_latin_1)
            for text, note in zip(batch, encoded, strict=True)
        ]
    return cleaned


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch, characters = [], 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if characters >= AT_ONCE:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _encode(text: str) -> bytes | None:
    """A note in Latin-1, None if it has letters beyond it; each character that ends a line is one byte."""
    note = _latin_1(text)
    if note is None:
        note = _latin_1(cleaning.clean_characters(text))  # dashes and quotation marks go, letters stay
    return note


def _latin_1(text: str) -> bytes | None:
    if not text.isascii():
        for code, letters in cleaning.DANISH_LETTERS.items():
            text = text.replace(chr(code), letters)
    try:
        note = text.encode("latin-1")
    except UnicodeEncodeError:
        return None
    if b"\r" in note:
        note = note.replace(b"\r\n", b"\n")
    return note.replace(b"\0", b" ")


def _clean(notes: list[bytes]) -> list[str]:
    if not notes:
        return []
    text = _clean_characters(b"".join(b"\0\n%b\n" % note for note in notes))
    parts = zip(text.split("\0")[1:], text.lower().split("\0")[1:], strict=True)
    return _Lines("".join(f"\0\n{_cut(part, lower)}\n" for part, lower in parts)).clean()


def _clean_characters(notes: bytes) -> str:
    """The reference's rules on characters; spaces before the end of a line go too, and all lines end alike."""
    codes = np.frombuffer(notes.translate(TABLE), np.uint8)
    space = codes == SPACE
    kept = np.ones(len(codes), bool)
    kept[:-1] = ~(space[:-1] & (space | (codes == LINE_END))[1:])
    text = codes[kept].tobytes().decode("latin-1")
    if any(blank in text for blank in OTHER_BLANKS):
        text = "\n".join(map(str.strip, text.split("\n")))
    return text


def _cut(text: str, lower: str) -> str:
    """Cuts a note's two ends, given it in lower case as well."""
    end = _first(cleaning.TAIL_HEADINGS, lower, otherwise=len(text))
    start = _first(cleaning.HEAD_HEADINGS, lower[:end], otherwise=0)
    return text[start:end].rstrip()


def _first(headings: tuple[str, ...], lower: str, otherwise: int) -> int:
    positions = (lower.find(heading) for heading in headings)
    return next((position for position in positions if position >= 0), otherwise)


class _Lines:
    """The lines of some notes between their two ends, those of each note after a line that holds `NEXT_NOTE`.

    Attributes:
        text: the notes; a line may begin with a space and ends with none.
        codes: its characters, uint8 [characters].
        begins: where each line begins, int [lines].
        starts: where each line's first character but a space is, int [lines].
        ends: where each line ends, int [lines].
        notes: the numbers of the lines that hold `NEXT_NOTE`.
        kept: which lines are still there, bool [lines].
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.codes = np.frombuffer(bytearray(text, "latin-1"), np.uint8)
        self.ends = np.flatnonzero(self.codes == LINE_END)
        self.begins = np.concatenate(([0], self.ends[:-1] + 1))
        self.starts = self.begins + (self.codes[self.begins] == SPACE)
        self.notes = self.codes[self.starts] == NEXT_NOTE
        self.kept = np.ones(len(self.ends), bool)

    def clean(self) -> list[str]:
        """Applies the rules on lines in their order, and joins what is left of each note."""
        lower = self.text.lower()
        lengths = self.ends - self.starts
        removed_name = self.codes[self.starts] == LOW_LINE
        self.drop_blocks(self.medication_lists(lower))
        self.drop_blocks(self.vital_signs(removed_name))
        for heading in LABORATORY_HEADINGS:
            self.kept[self.holding(heading, lower)] = False
        for line in self.holding("facility:", lower).tolist():
            self.kept[line] &= not cleaning.is_placeholder(self.line(line))
        self.kept &= (lengths > 0) & ~(removed_name & (lengths == len("___")))
        return [note.strip() for note in self.join().split("\0")[1:]]

    def join(self) -> str:
        """Joins the lines of each section by spaces."""
        case = np.frombuffer(self.codes.tobytes().translate(CASE), np.uint8)
        heading = (np.maximum.reduceat(case, self.begins) == UPPER) | (self.codes[self.ends - 1] == COLON)
        kept = self.kept.nonzero()[0]
        self.codes[self.ends[kept[:-1]]] = np.where(heading[kept[1:]], np.uint8(LINE_END), np.uint8(SPACE))
        character_kept = np.repeat(self.kept, self.ends - self.begins + 1)
        character_kept[self.begins[self.starts > self.begins]] = False
        return self.codes[character_kept].tobytes().decode("latin-1")

    def holding(self, word: str, lower: str) -> np.ndarray:
        """The numbers of the lines that hold a word in any case, in ascending order."""
        before = np.fromiter(map(len, lower.split(word)), int)[:-1]
        return self.ends.searchsorted(np.cumsum(before + len(word)))  # the word may stand at a line's end

    def medication_lists(self, lower: str) -> list[int]:
        """The numbers of the lines that start a list of medications."""
        lines = np.unique(self.holding("medication", lower)).tolist()
        return [line for line in lines if cleaning.starts_medication_list(self.line(line))]

    def vital_signs(self, removed_name: np.ndarray) -> list[int]:
        """The numbers of the lines that start vital signs, of those that begin like a removed name."""
        lines = (removed_name & self.kept).nonzero()[0]
        lines = lines[self.ends[lines] - self.starts[lines] >= len("___06:00")]
        places = zip(lines.tolist(), self.starts[lines].tolist(), self.ends[lines].tolist(), strict=True)
        return [line for line, start, end in places if cleaning.VITAL_SIGNS_LINE.match(self.text, start, end)]

    def line(self, number: int) -> str:
        return self.text[self.starts[number] : self.ends[number]]

    def drop_blocks(self, begun: list[int]) -> None:
        """Drops from each of these lines to the note's next blank line, both included.

        One that stands within the block of an earlier one ends where that ends: it makes no difference.
        """
        if not begun:
            return
        blank = (self.kept & (self.ends == self.starts)).nonzero()[0]
        stops = np.sort(np.concatenate((blank + 1, self.notes.nonzero()[0], [len(self.ends)])))
        ended = stops[stops.searchsorted(begun, side="right")]
        depth = np.bincount(begun, minlength=len(self.ends) + 1) - np.bincount(ended, minlength=len(self.ends) + 1)
        self.kept &= depth.cumsum()[:-1] == 0
