"""N-grams as whole numbers, exactly: equal numbers if, and only if, the n-grams are equal. Hash tables number them.

The loops are compiled; a loop's machine code is kept beside this file, which changes with any of them.

Hash tables have open addresses: what is looked for at a slot may stand in one that follows it. A slot is 0 if empty,
and otherwise holds some bits of a hash and, in the other ones, a number plus one. The bits spare most comparisons; what
has the same bits is compared word by word, so that no two n-grams are ever taken for each other.

Large tables are slow because each slot must come from memory. So a note's n-grams are first sifted or their slots
merely touched, without a branch in between, which lets the processor fetch many of them at once.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import njit

from synthnotes.machinery.parallel_map import map_in_order
from synthnotes.privacy.overlap.vocabulary import EncodedNotes

WORDS_AT_ONCE = 1 << 21
SIEVE_BITS = 16  # per n-gram
BYTES_PER_NGRAM = 56  # of memory while an index is built, above all two slots of a hash table
MULTIPLIERS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
ONE, HALF = np.uint64(1), np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)


class Ngrams(NamedTuple):
    """N-grams of some notes that an index holds, in reading order.

    Attributes:
        positions: where they begin, counted in words over all notes: int64 [n-grams].
        ids: their numbers: int32 [n-grams].
    """

    positions: np.ndarray
    ids: np.ndarray

    def take(self, chosen: np.ndarray) -> "Ngrams":
        """Some of them: those at these places, or where a mask is true."""
        return Ngrams(self.positions[chosen], self.ids[chosen])


class _Table(NamedTuple):
    """A hash table of n-grams.

    Attributes:
        n: words per n-gram.
        ids: the words of the notes that they are from.
        examples: where in them each n-gram stands first, by its number: int64.
        slots: the table, with at least one empty slot: uint64.
        sieve: ones wherever the hash of an n-gram falls, 64 bits to an element: uint64.
    """

    n: int
    ids: np.ndarray
    examples: np.ndarray
    slots: np.ndarray
    sieve: np.ndarray


class Index:
    """Numbers the n-grams of some notes from 0, and finds them in other notes.

    Args:
        notes: the notes; those looked up later come from the same `Encoder`.
        n: words per n-gram, at least 1.

    Attributes:
        own: all n-grams of the notes themselves.
        different: how many different ones there are.
    """

    def __init__(self, notes: EncodedNotes, n: int) -> None:
        if n < 1:
            raise ValueError(f"n-grams have at least one word, not {n}")
        total = int(notes.totals(n).sum())
        slots, sieve = (np.zeros(size + 1, np.uint64) for size in (2 * total, SIEVE_BITS * total // 64))
        table = _Table(n, notes.ids, np.empty(total, np.int64), slots, sieve)
        self.own = Ngrams(np.empty(total, np.int64), np.empty(total, np.int32))
        self.different: int = _number(notes, table, self.own)
        self._table = table._replace(examples=table.examples[: self.different].copy())

    def find(self, notes: EncodedNotes) -> Ngrams:
        """Finds those n-grams of other notes that the index holds too."""
        total = int(notes.totals(self._table.n).sum())
        found = Ngrams(np.empty(total, np.int64), np.empty(total, np.int32))
        count = _find(notes, self._table, found)
        return Ngrams(*(column[:count].copy() for column in found))

    def find_all(self, notes: EncodedNotes) -> Iterator[Ngrams]:
        """Finds them a bounded number of words at a time; positions count over all notes."""

        def find(bounds: tuple[int, int]) -> Ngrams:
            found = self.find(notes.part(*bounds))
            return Ngrams(found.positions + notes.starts[bounds[0]], found.ids)

        return map_in_order(find, spans(notes, WORDS_AT_ONCE))


def spans(notes: EncodedNotes, most: int, begin: int = 0) -> list[tuple[int, int]]:
    """Cuts notes, from `begin` on, into spans of about `most` words: the first note of each, and the one after it."""
    bounds = np.searchsorted(notes.starts, np.arange(notes.starts[begin] + most, len(notes.ids), most))
    return list(pairwise(np.unique([begin, *bounds, len(notes.lengths)]).tolist()))


@njit(nogil=True, cache=True)
def hash_ngrams(notes: EncodedNotes, note: int, n: int) -> np.ndarray:
    """Hashes the n-grams of one of some notes: uint64 [n-grams].

    A hash is the sum of (word + 1) times a power of a multiplier, so that the next one needs two multiplications
    whatever n is, and then mixed.
    """
    ids = notes.ids[notes.starts[note] : notes.starts[note + 1]]
    power = np.uint64(1)
    for _ in range(n + 1):
        power *= MULTIPLIERS[0]
    hashes, rolling = np.empty(max(0, len(ids) - n + 1), np.uint64), np.uint64(0)
    for at in range(len(ids)):
        rolling = (rolling + np.uint64(ids[at]) + ONE) * MULTIPLIERS[0]
        if at >= n:
            rolling -= (np.uint64(ids[at - n]) + ONE) * power
        if at >= n - 1:
            mixed = (rolling ^ rolling >> HALF) * MULTIPLIERS[1]
            hashes[at - n + 1] = mixed ^ mixed >> HALF
    return hashes


@njit(nogil=True, cache=True)
def scale(bits: np.uint64, parts: int) -> np.int64:
    """Maps 32 bits evenly to [0, parts)."""
    return np.int64(bits * np.uint64(parts) >> HALF)


@njit(nogil=True, cache=True)
def are_equal(ids: np.ndarray, at: int, others: np.ndarray, other: int, n: int) -> bool:
    """Whether two n-grams are equal."""
    for word in range(n):  # noqa: SIM110 - compiled, a generator is slower
        if ids[at + word] != others[other + word]:
            return False
    return True


@njit(nogil=True, cache=True)
def _slot(
    mixed: np.uint64, ids: np.ndarray, at: int, n: int, known: np.ndarray, examples: np.ndarray, slots: np.ndarray
) -> np.int64:
    """The slot that holds the number of the n-gram of this hash and place, or the empty one where it belongs."""
    slot = scale(mixed >> HALF, len(slots))
    while slots[slot]:
        maybe = slots[slot] >> HALF == mixed & LOW_HALF
        if maybe and are_equal(ids, at, known, examples[np.int64(slots[slot] & LOW_HALF) - 1], n):
            break
        slot += 1
        if slot == len(slots):
            slot = 0
    return slot


@njit(nogil=True, cache=True)
def _number(notes: EncodedNotes, table: _Table, own: Ngrams) -> int:
    """Numbers the n-grams of notes from 0 by the order in which they come; gives how many different ones there are.

    Args:
        notes: the notes.
        table: empty, to be filled.
        own: to be filled with all n-grams.
    """
    n, known, examples, slots, sieve = table
    ids, starts = notes
    different, count = 0, 0
    for note in range(len(starts) - 1):
        hashes = hash_ngrams(notes, note, n)
        for offset in range(len(hashes)):
            at, mixed = starts[note] + offset, hashes[offset]
            slot = _slot(mixed, ids, at, n, known, examples, slots)
            if not slots[slot]:
                examples[different] = at
                different += 1
                slots[slot] = mixed << HALF | np.uint64(different)
                bit = scale(mixed >> HALF, 64 * len(sieve))
                sieve[bit >> 6] |= ONE << np.uint64(bit & 63)
            own.positions[count], own.ids[count] = at, np.int64(slots[slot] & LOW_HALF) - 1
            count += 1
    return different


@njit(nogil=True, cache=True)
def _find(notes: EncodedNotes, table: _Table, found: Ngrams) -> int:
    """Enters those n-grams of notes that a table holds; gives how many they are."""
    n, known, examples, slots, sieve = table
    ids, starts = notes
    count = 0
    for note in range(len(starts) - 1):
        hashes = hash_ngrams(notes, note, n)
        offsets, kept = np.empty(len(hashes), np.int64), np.int64(0)  # of those that the sieve lets through
        for offset in range(len(hashes)):
            bit = scale(hashes[offset] >> HALF, 64 * len(sieve))
            offsets[kept] = offset
            kept += np.int64(sieve[bit >> 6] >> np.uint64(bit & 63) & ONE)
        for offset in offsets[:kept]:
            at = starts[note] + offset
            slot = _slot(hashes[offset], ids, at, n, known, examples, slots)
            if slots[slot]:
                found.positions[count], found.ids[count] = at, np.int64(slots[slot] & LOW_HALF) - 1
                count += 1
    return count
