"""Notes as whole numbers, one per word, exactly: equal numbers if, and only if, the words are equal.

A corpus is cut into words and numbered some megabytes at a time by array operations, several times as fast as Python
merely splits it. A word is read eight bytes at a time: its first eight are a number of 64 bits; longer words go on as
pairs of what was read so far and the next eight bytes, so that nothing is hashed and nothing can collide.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthnotes.files import UserError
from synthnotes.privacy.tokens import Tokenizer, normalise, word_characters

CHARACTERS_AT_ONCE = 1 << 22
SPACE, NUL, NO_BYTE = 0x20, 0x00, 0xFF  # 0xFF occurs nowhere in UTF-8: it stands for NUL, which pads short words
LONGEST_BY_EIGHTS = 256  # bytes; longer "words" are looked up one by one
_FIRST_BYTES = np.array([(1 << 8 * kept) - 1 for kept in range(9)], dtype=np.uint64)


class Words(NamedTuple):
    """The words of some notes.

    Attributes:
        ids: the number of each word, note after note: int32 [words].
        starts: where each note begins, and at last where the last one ends: int64 [notes + 1].
    """

    ids: np.ndarray
    starts: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Words per note: int64 [notes]."""
        return np.diff(self.starts)

    def part(self, first: int, last: int) -> "Words":
        """The notes from `first` up to, not including, `last`."""
        starts = self.starts[first : last + 1]
        return Words(self.ids[starts[0] : starts[-1]], starts - starts[0])

    def take(self, notes: np.ndarray) -> "Words":
        """The notes at these positions, in this order."""
        parts = [self.ids[self.starts[note] : self.starts[note + 1]] for note in notes]
        return Words(np.concatenate([self.ids[:0], *parts]), _starts(self.lengths[notes]))

    def totals(self, n: int) -> np.ndarray:
        """N-grams per note, repetitions counted: int64 [notes]."""
        return np.maximum(self.lengths - n + 1, 0)


def join(*corpora: Words) -> Words:
    """The notes of several corpora, one corpus after the other."""
    return Words(
        np.concatenate([words.ids for words in corpora]), _starts(np.concatenate([words.lengths for words in corpora]))
    )


class Encoder:
    """Numbers the words of corpora that are to be compared.

    Args:
        tokenizer: cuts a text into words.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer: Tokenizer = tokenizer
        self._is_word = word_characters(tokenizer)
        bytes_ = np.arange(256)
        kept = np.where(self._is_word[:256], bytes_, SPACE)
        kept[NUL] = NO_BYTE if self._is_word[NUL] else SPACE
        self._ascii = kept.astype(np.uint8).tobytes()
        self._numbers: dict[bytes, int] = defaultdict(count().__next__)  # a new word gets the next number

    def __call__(self, texts: Sequence[str], name: str = "notes") -> Words:
        """Numbers the words of notes.

        Args:
            texts: the notes.
            name: what they are, for messages.

        Raises:
            UserError: a note is not text; its position is named.
        """
        ids, lengths = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
        for block in _blocks(texts, name):
            words, ends, lengths_of_block = self._cut([normalise(text, self._tokenizer) for text in block])
            ids.append(self._number(*words, ends))
            lengths.append(lengths_of_block)
        return Words(np.concatenate(ids), _starts(np.concatenate(lengths)))

    def _cut(self, texts: list[str]) -> tuple[tuple[bytes, np.ndarray], np.ndarray, np.ndarray]:
        """Cuts notes into words: their bytes, where the words begin and end in them, and the words per note."""
        joined = " " + " ".join(texts) + " "
        ends_of_notes = np.cumsum([len(text) + 1 for text in texts])
        if joined.isascii():
            characters = joined.encode().translate(self._ascii)
            starts, ends = _runs(np.frombuffer(characters, np.uint8) != SPACE)
            first = starts
        else:
            points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
            is_word = self._is_word[points]
            first, _ = _runs(is_word)  # in characters, as the ends of the notes are; below, in bytes
            spaced = np.where(is_word, points, SPACE).astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
            characters = spaced.encode("utf-8", "surrogatepass").replace(b"\x00", b"\xff")
            starts, ends = _runs(np.frombuffer(characters, np.uint8) != SPACE)
        lengths = np.diff(np.searchsorted(first, ends_of_notes), prepend=0)
        return (characters, starts), ends, lengths

    def _number(self, characters: bytes, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Numbers words, first within the block and then, each different one once, over all corpora."""
        codes = _distinguish(characters, starts, ends - starts)
        example = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.int64)
        example[codes] = np.arange(1, len(codes) + 1)
        used = np.flatnonzero(example)
        begin, end = (positions[example[used] - 1].tolist() for positions in (starts, ends))
        numbers = [self._numbers[characters[b:e]] for b, e in zip(begin, end, strict=True)]
        example[used] = numbers
        return example[codes].astype(np.int32)


def _distinguish(characters: bytes, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Gives equal words equal codes and different words different ones: int64 [words]."""
    padded = characters + bytes(8)
    eights = np.ndarray(len(characters) + 1, dtype="<u8", buffer=padded, strides=(1,))  # the eight bytes from each on

    def read(words: np.ndarray | slice, done: int) -> np.ndarray:
        return eights[starts[words] + done] & _FIRST_BYTES[np.minimum(lengths[words] - done, 8)]

    codes, different = _factorize(read(slice(None), 0))
    longer = np.flatnonzero(lengths > 8)
    for done in range(8, LONGEST_BY_EIGHTS, 8):
        if not len(longer):
            return codes
        next_eight, _ = _factorize(read(longer, done))
        pairs, found = _factorize(codes[longer] << 32 | next_eight)
        codes[longer] = different + pairs  # no code of a shorter word
        different += found
        longer = longer[lengths[longer] > done + 8]
    rest: dict[bytes, int] = defaultdict(count(different).__next__)
    for word in longer.tolist():
        codes[word] = rest[characters[starts[word] : starts[word] + lengths[word]]]
    return codes


def _factorize(keys: np.ndarray) -> tuple[np.ndarray, int]:
    codes, different = pd.factorize(keys)
    return codes.astype(np.int64, copy=False), len(different)


def _runs(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the runs of True begin and end; the first and the last value are False."""
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    return edges[::2], edges[1::2]


def _blocks(texts: Sequence[str], name: str) -> Iterator[list[str]]:
    """Some notes at a time, about `CHARACTERS_AT_ONCE` and at least one."""
    block: list[str] = []
    characters = 0
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(
                f"{name}: number {position} is not text but {type(text).__name__}. Every note must be a str."
            )
        if block and characters + len(text) > CHARACTERS_AT_ONCE:
            yield block
            block, characters = [], 0
        block.append(text)
        characters += len(text) + 1
    if block:
        yield block


def _starts(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
