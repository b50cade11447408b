"""N-grams as whole numbers, exactly: equal numbers if, and only if, the n-grams are equal."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from synthnotes.privacy.overlap import kernels
from synthnotes.privacy.overlap.threads import in_order
from synthnotes.privacy.overlap.vocabulary import Words

WORDS_AT_ONCE = 1 << 21
SIEVE_BITS = 16  # per n-gram
BYTES_PER_NGRAM = 56  # of memory while an index is built, above all two slots of a hash table


class Found(NamedTuple):
    """N-grams of some notes that an index holds, in reading order.

    Attributes:
        positions: where they begin, counted in words over all notes: int64 [n-grams].
        ids: their numbers: int32 [n-grams].
    """

    positions: np.ndarray
    ids: np.ndarray


class Index:
    """Numbers the n-grams of some notes from 0, and finds them in other notes.

    Args:
        words: the notes; those looked up later come from the same `Encoder`.
        n: words per n-gram, at least 1.

    Attributes:
        n: words per n-gram.
        words: the notes.
        own: all n-grams of the notes themselves.
        different: how many different ones there are.
        examples: where each of them occurs first: int64 [different].
        slots: the hash table of their numbers, for compiled loops: uint64.
        sieve: a bit that is 1 wherever the hash of an n-gram falls, and few more, likewise: uint64.
    """

    def __init__(self, words: Words, n: int) -> None:
        if n < 1:
            raise ValueError(f"n-grams have at least one word, not {n}")
        totals = words.totals(n)
        total = int(totals.sum())
        examples, ids = np.empty(total, np.int64), np.empty(total, np.int32)
        self.n, self.words = n, words
        self.slots = np.zeros(2 * total + 1, np.uint64)
        self.sieve = np.zeros(SIEVE_BITS * total // 64 + 1, np.uint64)
        self.different: int = kernels.number(words.ids, words.starts, n, self.slots, self.sieve, examples, ids)
        self.examples = examples[: self.different]
        first = np.cumsum(totals) - totals
        self.own = Found(np.arange(total) + np.repeat(words.starts[:-1] - first, totals), ids)

    @property
    def table(self) -> tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """What compiled loops need to look n-grams up: n, slots, sieve, words and examples."""
        return self.n, self.slots, self.sieve, self.words.ids, self.examples

    def find(self, words: Words) -> Found:
        """Finds those n-grams of other notes that the index holds too."""
        total = int(words.totals(self.n).sum())
        found = Found(np.empty(total, np.int64), np.empty(total, np.int32))
        count = kernels.find(*words, *self.table, *found)
        return Found(found.positions[:count].copy(), found.ids[:count].copy())


def find_all(index: Index, words: Words) -> Iterator[Found]:
    """Finds n-grams as `Index.find` does, a bounded number of words at a time; positions count over all notes."""

    def find(bounds: tuple[int, int]) -> Found:
        found = index.find(words.part(*bounds))
        return Found(found.positions + words.starts[bounds[0]], found.ids)

    return in_order(find, spans(words, WORDS_AT_ONCE))


def spans(words: Words, most: int, begin: int = 0) -> list[tuple[int, int]]:
    """Cuts notes, from `begin` on, into spans of about `most` words: the first note of each, and the one after it."""
    bounds = np.searchsorted(words.starts, np.arange(words.starts[begin] + most, len(words.ids), most))
    return list(pairwise(np.unique([begin, *bounds, len(words.lengths)]).tolist()))


def notes_of(words: Words, positions: np.ndarray) -> np.ndarray:
    """The note in which each position lies: int64 [positions]."""
    return np.searchsorted(words.starts, positions, side="right") - 1
