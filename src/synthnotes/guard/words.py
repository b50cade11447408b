"""Words and runs of words as 64-bit numbers, computed over whole files at once.

A word is a run of letters and digits, in lower case; everything between words (punctuation, line ends, quotes, the
underscores of MIMIC's blanks) is the same. So a note is known again however it is wrapped, quoted or cleaned.
"""

import re
import unicodedata
from dataclasses import dataclass

import numpy as np

RUN = 8  # words per hashed run (n-gram)
LETTERED = 4  # of them must hold a letter: rows of numbers are alike everywhere
NONE = np.uint64(2**64 - 1)  # where no run begins; what hashes to it is lost, one in 2^64

_BYTE_BASE, _WORD_BASE = np.uint64(0x100000001B3), np.uint64(0x9E3779B97F4A7C15)
_WORD = np.array([chr(b).isalnum() or b >= 0x80 for b in range(256)])  # other characters than ASCII: see `normalised`
_LETTER = np.array([(chr(b).isalpha() and b < 0x80) or b >= 0x80 for b in range(256)])
_LONGEST = 64  # bytes of a word that count
_NOT_A_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Words:
    """The words of a text.

    Attributes:
        start: where each begins, in bytes of the normalised text.
        end: where each ends.
        hashes: uint64, one per word.
        lettered: whether it holds a letter.
    """

    start: np.ndarray
    end: np.ndarray
    hashes: np.ndarray
    lettered: np.ndarray


def normalised(text: str) -> bytes:
    """Lower case, composed letters, UTF-8; line ends stay, so that a place in it can be told as a line."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        text = _NOT_A_WORD.sub(lambda match: "\n" * match[0].count("\n") or " ", text)
    return text.lower().encode("utf-8", "replace")


def words(content: bytes) -> Words:
    """Splits a normalised text into words and hashes each."""
    codes = np.frombuffer(content, dtype=np.uint8)
    inside = np.zeros(len(codes) + 2, dtype=np.int8)
    inside[1:-1] = _WORD[codes]
    edges = np.diff(inside)
    start, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(start):
        empty = np.zeros(0, dtype=np.int64)
        return Words(empty, empty, empty.astype(np.uint64), empty.astype(bool))
    which = np.repeat(np.arange(len(start)), end - start)
    places = np.flatnonzero(inside[1:-1])
    letters = codes[places]
    offsets = places - start[which]
    values = np.where(offsets < _LONGEST, (letters.astype(np.uint64) + np.uint64(1)) * _POWERS[offsets % _LONGEST], 0)
    first = np.concatenate([[0], np.cumsum(end - start)[:-1]])
    hashes = mixed(np.add.reduceat(values.astype(np.uint64), first))
    return Words(start, end, hashes, np.logical_or.reduceat(_LETTER[letters], first))


def runs(found: Words, texts: np.ndarray | None = None) -> np.ndarray:
    """Hashes every run of `RUN` words.

    Args:
        found: the words.
        texts: which text each word belongs to, ascending; runs do not reach from one text into the next.

    Returns:
        uint64, one per word that has enough words after it; `NONE` where a run spans texts or is mostly numbers.
    """
    count = len(found.hashes) - RUN + 1
    if count < 1:
        return np.zeros(0, dtype=np.uint64)
    total = np.zeros(count, dtype=np.uint64)
    lettered = np.zeros(count, dtype=np.int8)
    for place in range(RUN):
        total = total * _WORD_BASE + found.hashes[place : place + count]
        lettered += found.lettered[place : place + count]
    hashes = mixed(total)
    hashes[lettered < LETTERED] = NONE
    if texts is not None:
        hashes[texts[:count] != texts[RUN - 1 :]] = NONE
    return hashes


def mixed(values: np.ndarray) -> np.ndarray:
    """Spreads what differs over all bits (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _powers() -> np.ndarray:
    powers = np.ones(_LONGEST, dtype=np.uint64)
    for place in range(1, _LONGEST):
        powers[place] = powers[place - 1] * _BYTE_BASE
    return powers


with np.errstate(over="ignore"):  # arithmetic modulo 2^64 is meant
    _POWERS = _powers()
