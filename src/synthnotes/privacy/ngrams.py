"""N-grams as whole numbers, exactly: equal numbers if, and only if, the n-grams are equal.

Hashing n-grams would be simpler, and wrong now and then. Here two overlapping halves stand for the whole: an n-gram is
the pair of the numbers of its first and its last m words, m = ceil(n / 2), and the pair, packed into 64 bits, is given
a number of its own. So 5-grams need three steps (2, 3, 5 words), 8-grams three as well (2, 4, 8 words).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count, repeat
from typing import NamedTuple

import numpy as np
import pandas as pd

UNKNOWN = -1


class Ngrams(NamedTuple):
    """The n-grams of some notes, in reading order.

    Attributes:
        notes: the position of the note that each n-gram stands in: int32 [n-grams].
        ids: the number of each n-gram, UNKNOWN where it has none: int32 [n-grams].
        totals: n-grams per note, repetitions counted: int64 [notes].
    """

    notes: np.ndarray
    ids: np.ndarray
    totals: np.ndarray


class Vocabulary:
    """Exact numbers for the n-grams of one corpus, by which the n-grams of other notes can be looked up.

    Args:
        texts: the corpus to learn from.
        n: words per n-gram, at least 1.
        tokenize: cuts a text into words.

    Attributes:
        ngrams: the n-grams of the corpus itself.
    """

    def __init__(self, texts: Iterable[str], n: int, tokenize: Callable[[str], list[str]]) -> None:
        if n < 1:
            raise ValueError(f"n-grams have at least one word, not {n}")
        self._n = n
        self._tokenize = tokenize
        self._words: dict[str, int] = defaultdict(count().__next__)  # a new word gets the next number
        self._pairs: list[pd.Index] = []  # the pairs of halves of each width, in the order of their numbers
        self.ngrams = self._join(*_flatten(texts, tokenize, partial(map, self._words.__getitem__)), self._learn)

    def find(self, texts: Iterable[str]) -> Ngrams:
        """Looks up the n-grams of other notes; those that the corpus does not hold have the id UNKNOWN."""
        words, lengths = _flatten(texts, self._tokenize, lambda words: map(self._words.get, words, repeat(UNKNOWN)))
        return self._join(words, lengths, self._look_up)

    def _join(
        self, ids: np.ndarray, lengths: np.ndarray, number: Callable[[int, np.ndarray, np.ndarray], np.ndarray]
    ) -> Ngrams:
        """Widens single words step by step to n-grams; none reaches over the end of its note."""
        width, totals = 1, lengths
        for step, wider in enumerate(_widths(self._n)):
            halves, totals = totals, np.maximum(lengths - wider + 1, 0)
            # The k-th n-gram of a note begins with the note's k-th half and ends with a later one.
            first = np.arange(totals.sum()) + np.repeat(_starts(halves) - _starts(totals), totals)
            ids = number(step, ids[first], ids[first + wider - width])
            width = wider
        return Ngrams(np.repeat(np.arange(len(lengths), dtype=np.int32), totals), ids, totals)

    def _learn(self, step: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        numbers, pairs = pd.factorize(pack(first, second))
        self._pairs.append(pd.Index(pairs))
        return numbers.astype(np.int32)

    def _look_up(self, step: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        numbers = np.full(len(first), UNKNOWN, dtype=np.int32)
        known = np.flatnonzero((first != UNKNOWN) & (second != UNKNOWN))
        numbers[known] = self._pairs[step].get_indexer(pack(first[known], second[known]))
        return numbers


def repetitions(ngrams: Ngrams) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tells the first, second, … occurrence of an n-gram in a note apart, so that its bag of n-grams becomes a set.

    Two notes then share as many members as their clipped count says: min(a, b) for an n-gram that they hold a and b
    times.

    Returns:
        notes, ids and repetition (0 for the first occurrence), sorted by note and id; UNKNOWN ids are left out.
    """
    known = ngrams.ids != UNKNOWN
    keys = np.sort(pack(ngrams.notes[known], ngrams.ids[known]))
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    repetition = np.arange(len(keys)) - np.repeat(starts, np.diff(starts, append=len(keys)))
    return keys >> 32, keys & 0xFFFFFFFF, repetition


def pack(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Packs two numbers of [0, 2**31) into one of 64 bits, without loss."""
    return first.astype(np.int64) << 32 | second.astype(np.int64)


def _flatten(
    texts: Iterable[str], tokenize: Callable[[str], list[str]], number: Callable[[list[str]], Iterable[int]]
) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of all words of the notes, one after the other, int32 [words], and the words per note, int64."""
    notes = [np.array(list(number(tokenize(text))), dtype=np.int32) for text in texts]
    lengths = np.array([len(note) for note in notes], dtype=np.int64)
    return np.concatenate([np.empty(0, dtype=np.int32), *notes]), lengths


def _starts(totals: np.ndarray) -> np.ndarray:
    return np.cumsum(totals) - totals


def _widths(n: int) -> list[int]:
    """The widths on the way from single words to n-grams: [2, 3, 5] for n = 5."""
    return [] if n == 1 else [*_widths((n + 1) // 2), n]
