"""Notes as whole numbers, one per word, exactly: equal numbers if, and only if, the words are equal.

Three rules cut a note into words: a rule says which characters of a lower-cased text belong to words, and a word is a
longest run of them. `cut_into_words` is the definition; `Encoder` applies the same rules to whole corpora: a compiled
loop cuts some notes at a time, Arrow numbers their different words, and a dictionary these few over all corpora.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import count
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit

from synthnotes.machinery.files import UserError
from synthnotes.machinery.parallel_map import map_in_order

Tokenizer = Literal["ascii", "unicode", "white-space"]

CHARACTERS_AT_ONCE = 1 << 24
CODE_POINTS = 0x110000
_WORD_CHARACTERS: dict[Tokenizer, str] = {"ascii": r"[a-z0-9]", "unicode": r"[^\W_]", "white-space": r"\S"}


def cut_into_words(text: str, tokenizer: Tokenizer) -> list[str]:
    """Cuts the lower-cased text into words.

    `ascii` finds runs of a-z and 0-9, as the package `rouge_score` does without its stemmer; `unicode` runs of letters
    and digits of any script, so that Swedish words stay whole (repair p); `white-space` all that it separates.
    """
    return re.findall(f"{_WORD_CHARACTERS[tokenizer]}+", normalise(text, tokenizer))


def normalise(text: str, tokenizer: Tokenizer) -> str:
    """The text whose characters a rule reads: in lower case, and for `unicode` composed first.

    Composed (NFC), "å" is one letter, whether it was typed as one character or as "a" and a ring.
    """
    return (unicodedata.normalize("NFC", text) if tokenizer == "unicode" else text).lower()


@cache
def word_characters(tokenizer: Tokenizer) -> np.ndarray:
    """Which characters belong to words: bool, by code point."""
    characters = "".join(map(chr, range(CODE_POINTS)))
    table = np.zeros(CODE_POINTS, dtype=bool)
    table[[match.start() for match in re.finditer(_WORD_CHARACTERS[tokenizer], characters)]] = True
    return table


class EncodedNotes(NamedTuple):
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

    def part(self, first: int, last: int) -> "EncodedNotes":
        """The notes from `first` up to, not including, `last`."""
        starts = self.starts[first : last + 1]
        return EncodedNotes(self.ids[starts[0] : starts[-1]], starts - starts[0])

    def take(self, notes: np.ndarray) -> "EncodedNotes":
        """The notes at these positions, in this order."""
        parts = [self.ids[self.starts[note] : self.starts[note + 1]] for note in notes]
        return EncodedNotes(np.concatenate([self.ids[:0], *parts]), _starts(self.lengths[notes]))

    def notes_at(self, positions: np.ndarray) -> np.ndarray:
        """The note in which each position lies, counted in words over all notes: int64 [positions]."""
        return np.searchsorted(self.starts, positions, side="right") - 1

    def totals(self, n: int) -> np.ndarray:
        """N-grams per note, repetitions counted: int64 [notes]."""
        return np.maximum(self.lengths - n + 1, 0)


def join(*corpora: EncodedNotes) -> EncodedNotes:
    """The notes of several corpora, one corpus after the other."""
    ids, lengths = ([getattr(notes, name) for notes in corpora] for name in ("ids", "lengths"))
    return EncodedNotes(np.concatenate(ids), _starts(np.concatenate(lengths)))


class Encoder:
    """Numbers the words of corpora that are to be compared.

    Args:
        tokenizer: cuts a text into words.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer: Tokenizer = tokenizer
        self._is_word = word_characters(tokenizer)
        self._numbers: dict[bytes, int] = defaultdict(count().__next__)  # a new word gets the next number

    def __call__(self, texts: Sequence[str], name: str = "notes") -> EncodedNotes:
        """Numbers the words of notes.

        Args:
            texts: the notes.
            name: what they are, for messages.

        Raises:
            UserError: a note is not text; its position is named.
        """
        ids, lengths = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
        for codes, lengths_of_block, different in map_in_order(self._cut, _blocks(texts, name)):
            ids.append(np.array([self._numbers[word] for word in different], dtype=np.int32)[codes])
            lengths.append(lengths_of_block)
        return EncodedNotes(np.concatenate(ids), _starts(np.concatenate(lengths)))

    def _cut(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray, list[bytes]]:
        """Cuts notes into words: a code for each, the words per note, and the word that each code stands for."""
        encoded = [normalise(text, self._tokenizer).encode("utf-8", "surrogatepass") for text in texts]
        note_ends = np.cumsum([len(text) + 1 for text in encoded]) - 1
        text = np.frombuffer(b" ".join([*encoded, b""]), np.uint8)
        letters, ends, lengths = _cut_into_words(text, note_ends, self._is_word)
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(letters)]
        words = pa.BinaryArray.from_buffers(pa.binary(), len(ends) - 1, buffers).dictionary_encode()
        return words.indices.to_numpy(), lengths, words.dictionary.to_pylist()


@njit(nogil=True, cache=True)
def _cut_into_words(
    text: np.ndarray, note_ends: np.ndarray, is_word: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cuts UTF-8 into words.

    Args:
        text: bytes of all notes, with a space after each: uint8.
        note_ends: where these spaces stand: int64 [notes].
        is_word: which characters belong to words: bool, by code point.

    Returns:
        The words without what parts them: uint8; where the first one begins and each one ends: int32 [words + 1]; and
        the words of each note: int64 [notes].
    """
    letters, lengths = np.empty(len(text), np.uint8), np.empty(len(note_ends), np.int64)
    ends = np.zeros(len(text) // 2 + 1, np.int32)  # so many words can so many bytes hold
    kept, words, words_before, note, inside = 0, 0, 0, 0, False
    for at in range(len(text)):
        byte = text[at]
        if byte < 0x80:
            belongs = is_word[byte]
        elif byte < 0xC0:  # continues a character
            belongs = inside
        else:
            belongs = is_word[_code_point(text, at)]
        if belongs:
            letters[kept] = byte
            kept += 1
        elif inside:
            words += 1
            ends[words] = kept
        inside = belongs
        if at == note_ends[note]:
            lengths[note] = words - words_before
            words_before = words
            note += 1
    return letters[:kept], ends[: words + 1], lengths


@njit(nogil=True, cache=True)
def _code_point(text: np.ndarray, at: int) -> int:
    """The character of more than one byte that begins here."""
    lead = text[at]
    width = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    point = lead & (0x7F >> width)
    for byte in range(at + 1, at + width):
        point = point << 6 | (text[byte] & 0x3F)
    return point


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
