"""N-grams as whole numbers, exactly: equal numbers if, and only if, the n-grams are equal.

N-grams are hashed to 63 bits, because a hash is found in a table several times faster than the n-gram itself; but no
hash is trusted. Within the index every n-gram is compared with an example of its hash, and if ever two differ, all are
hashed anew with another seed. Whatever is looked up is compared with what was found, word by word.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from synthnotes.privacy.words import Words

POSITIONS_AT_ONCE = 1 << 18  # hashed and looked up at once: so few that the arrays stay in the processor's cache
WORDS_AT_ONCE = 1 << 21
BYTES_PER_NGRAM = 64  # of memory while an index is built
ATTEMPTS = 8
_MULTIPLIERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
_HALF, _ONE = np.uint64(32), np.uint64(1)
_NO_HASH = np.uint64(2**64 - 1)


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
        own: all n-grams of the notes themselves.
        different: how many different ones there are.
        examples: where each of them occurs: int64 [different].
    """

    def __init__(self, words: Words, n: int) -> None:
        if n < 1:
            raise ValueError(f"n-grams have at least one word, not {n}")
        self._n, self._ids = n, words.ids
        for seed in range(ATTEMPTS):
            self._seed = seed
            if self._number(words):
                return
        raise RuntimeError(f"{ATTEMPTS} seeds gave n-grams equal hashes; this cannot happen by chance")

    def _number(self, words: Words) -> bool:
        """Builds the table; False if two different n-grams have the same hash."""
        parts = [(np.empty(0, np.uint64), np.empty(0, np.int64))]
        for start, chunk, inside in chunks(words, self._n):
            parts.append((hashes(chunk, self._n, self._seed)[inside], inside + start))
        found, positions = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(found)
        found = found[order]
        new = np.ones(len(found), dtype=bool)
        new[1:] = found[1:] != found[:-1]
        ids = np.empty(len(found), dtype=np.int32)
        ids[order] = np.cumsum(new, dtype=np.int32) - np.int32(1)
        self.own = Found(positions, ids)
        self.examples = positions[order[new]]
        self.different = len(self.examples)

        # Two buckets of hashes' first bits per n-gram: `_first` says where in `_sorted` each bucket begins.
        self._sorted = np.append(found[new], _NO_HASH)
        bits = max(1, int(self.different).bit_length() + 1)
        self._shift = np.uint64(63 - bits)
        sizes = np.bincount((self._sorted[:-1] >> self._shift).astype(np.int64), minlength=1 << bits)
        self._first = np.zeros(len(sizes), dtype=np.int32)
        np.cumsum(sizes[:-1], out=self._first[1:])
        return bool(self._same(self._ids, self.own).all())

    def find(self, words: Words) -> Found:
        """Finds those n-grams of other notes that the index holds too."""
        parts = [Found(np.empty(0, np.int64), np.empty(0, np.int32))]
        for start, chunk, inside in chunks(words, self._n):
            part = self._look_up(hashes(chunk, self._n, self._seed), inside)
            kept = self._same(chunk, part)
            parts.append(Found(part.positions[kept] + start, part.ids[kept]))
        return Found(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _look_up(self, wanted: np.ndarray, at: np.ndarray) -> Found:
        """Finds the hashes at some positions: the bucket's first one, or one that follows it."""
        positions, ids = [at[:0]], [np.empty(0, np.int32)]
        wanted = wanted[at]
        place = self._first[(wanted >> self._shift).view(np.int64)]
        while len(at):
            stored = self._sorted[place]
            hit = stored == wanted
            positions.append(at[hit])
            ids.append(place[hit])
            later = np.flatnonzero(stored < wanted)
            at, wanted, place = at[later], wanted[later], place[later] + np.int32(1)
        places = np.concatenate(positions)
        order = np.argsort(places)
        return Found(places[order], np.concatenate(ids)[order])

    def _same(self, ids: np.ndarray, found: Found) -> np.ndarray:
        """Whether what was found is, word by word, what the index holds under its number: bool [n-grams]."""
        example = self.examples[found.ids]
        same = np.ones(len(example), dtype=bool)
        for word in range(self._n):
            same &= ids[found.positions + word] == self._ids[example + word]
        return same


def find_all(index: Index, words: Words) -> Iterator[Found]:
    """Finds n-grams as `Index.find` does, a bounded number of words at a time; positions count over all notes."""
    bounds = np.searchsorted(words.starts, np.arange(0, len(words.ids), WORDS_AT_ONCE))
    bounds = np.unique([*bounds, len(words.lengths)])
    for first, last in pairwise(bounds):
        found = index.find(words.part(first, last))
        yield Found(found.positions + words.starts[first], found.ids)


def notes_of(words: Words, positions: np.ndarray) -> np.ndarray:
    """The note in which each position lies: int64 [positions]."""
    return np.searchsorted(words.starts, positions, side="right") - 1


def hashes(ids: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Hashes the n-gram at every position to 63 bits: uint64 [words - n + 1].

    An n-gram is mixed from two overlapping halves, so that 5 words take three steps (2, 3, 5) and not five.
    """
    mixed = ids.astype(np.uint64)
    mixed += np.uint64(seed * 0x51ED2701 + 1)
    mixed = _mix(mixed, mixed)
    width = 1
    for wider in widths(n):
        mixed = _mix(mixed[: width - wider], mixed[wider - width :])
        width = wider
    mixed >>= _ONE
    return mixed


def _mix(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    mixed = first * _MULTIPLIERS[0]
    mixed += second
    mixed ^= mixed >> _HALF
    mixed *= _MULTIPLIERS[1]
    return mixed


def widths(n: int) -> list[int]:
    """The widths on the way from single words to n-grams: [2, 3, 5] for n = 5."""
    return [] if n == 1 else [*widths((n + 1) // 2), n]


def chunks(words: Words, n: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Some words at a time: where the chunk starts, its words, and where n-grams begin, counted from its start."""
    ends = words.starts[1:]
    for start in range(0, len(words.ids), POSITIONS_AT_ONCE):
        chunk = words.ids[start : start + POSITIONS_AT_ONCE + n - 1]
        inside = np.zeros(len(chunk) + n, dtype=bool)
        inside[: min(POSITIONS_AT_ONCE, len(chunk) - n + 1)] = len(chunk) >= n
        first, last = np.searchsorted(ends, [start, start + len(inside)], side="right")
        for back in range(1, n):  # the last n - 1 words of a note begin no n-gram
            near = ends[first : last + 1] - start - back
            inside[near[(near >= 0) & (near < len(inside))]] = False
        yield start, chunk, np.flatnonzero(inside)
