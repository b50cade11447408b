"""Which notes hold which n-grams: an inverted index, by which many notes are compared with one at a time.

A member is an n-gram, or its second, third, … occurrence within a note. So a note is a set of members, and two notes
share as many members as their clipped count says: min(a, b) for an n-gram that they hold a and b times.
"""

import numpy as np
from numba import njit

from synthnotes.privacy.overlap.ngrams import Found, Index
from synthnotes.privacy.overlap.vocabulary import Words

COMMON_FROM = 0.1  # members that more than this share of the notes hold are bits


class Holders:
    """The notes of an index by the members that they hold: a list of notes for each member, and bits for common ones.

    Args:
        index: the n-grams of the notes.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        repetitions, bounds = self._repetitions(index.words, index.own)
        most = np.zeros(index.different, dtype=np.int64)
        np.maximum.at(most, index.own.ids, repetitions + 1)
        self._first = np.concatenate([np.zeros(1, np.int64), np.cumsum(most)])
        starts, self._notes = _invert(self._first[index.own.ids] + repetitions, bounds, self._first[-1])
        self._spans = np.column_stack([starts[:-1], starts[1:]])

        size = len(index.words.lengths)
        common = np.flatnonzero(np.diff(starts) > COMMON_FROM * size)
        self._bits = np.zeros((-(-len(common) // 64), size), dtype=np.uint64)
        for column, member in enumerate(common.tolist()):
            notes = self._notes[starts[member] : starts[member + 1]]
            self._bits[column // 64, notes] |= np.uint64(1 << column % 64)
            self._spans[member] = -1, column

    def nearest(self, others: Words) -> tuple[np.ndarray, np.ndarray]:
        """Finds for every note of the index which of the others shares most members with it, the first of several.

        Returns:
            The other note's position, 0 where nothing is shared: int64 [notes]; and the count: int32 [notes].
        """
        found = self._index.find(others)
        repetitions, bounds = self._repetitions(others, found)
        members = self._first[found.ids] + repetitions
        members[members >= self._first[found.ids + 1]] = -1  # more often than in any note of the index
        return _nearest(members, bounds, self._spans, self._notes, self._bits)

    def _repetitions(self, words: Words, found: Found) -> tuple[np.ndarray, np.ndarray]:
        """How often each n-gram has stood in its note before; where each note's n-grams begin, and the last's end."""
        bounds = np.searchsorted(found.positions, words.starts)
        return _count_before(found.ids, bounds, self._index.different), bounds


@njit(nogil=True, cache=True)
def _count_before(numbers: np.ndarray, bounds: np.ndarray, different: int) -> np.ndarray:
    """Counts, for each n-gram of each note, the same ones before it in the note: int32 [n-grams]."""
    seen, before = np.zeros(different, np.int32), np.empty(len(numbers), np.int32)
    for note in range(len(bounds) - 1):
        for at in range(bounds[note], bounds[note + 1]):
            before[at] = seen[numbers[at]]
            seen[numbers[at]] += 1
        for at in range(bounds[note], bounds[note + 1]):
            seen[numbers[at]] = 0
    return before


@njit(nogil=True, cache=True)
def _invert(members: np.ndarray, bounds: np.ndarray, different: int) -> tuple[np.ndarray, np.ndarray]:
    """Lists the notes of each member from the members of each note.

    Args:
        members: of all notes, note after note: int64.
        bounds: where each note's members begin, and where the last one's end.
        different: how many members there are.

    Returns:
        Where each member's notes begin, and where the last one's end: int64 [different + 1]; and the notes: int32.
    """
    starts = np.zeros(different + 1, np.int64)
    for member in members:
        starts[member + 1] += 1
    starts = np.cumsum(starts)
    free, notes = starts.copy(), np.empty(len(members), np.int32)
    for note in range(len(bounds) - 1):
        for at in range(bounds[note], bounds[note + 1]):
            notes[free[members[at]]] = note
            free[members[at]] += 1
    return starts, notes


@njit(nogil=True, cache=True)
def _nearest(
    members: np.ndarray, bounds: np.ndarray, spans: np.ndarray, notes: np.ndarray, bits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Does what `Holders.nearest` promises.

    Args:
        members: of the other notes, note after note; -1 for none.
        bounds: where each other note's members begin, and where the last one's end.
        spans: for each member, from where to where `notes` lists the notes that hold it; or -1 and its column in
            `bits`: int64 [members, 2].
        notes: the lists.
        bits: which notes hold which common members, 64 members to a row: uint64 [rows, notes].
    """
    size = bits.shape[1]
    shared, most, neighbour = np.zeros(size, np.int32), np.zeros(size, np.int32), np.zeros(size, np.int64)
    wanted = np.zeros(len(bits), np.uint64)
    for other in range(len(bounds) - 1):
        for at in range(bounds[other], bounds[other + 1]):
            member = members[at]
            if member < 0:
                continue
            first, last = spans[member, 0], spans[member, 1]
            if first < 0:
                wanted[last >> 6] |= np.uint64(1) << np.uint64(last & 63)
            else:
                for place in range(first, last):
                    shared[notes[place]] += 1
        for row in range(len(bits)):
            if wanted[row]:
                for note in range(size):
                    shared[note] += np.int32(_ones(bits[row, note] & wanted[row]))
                wanted[row] = 0
        for note in range(size):
            if shared[note] > most[note]:
                most[note], neighbour[note] = shared[note], other
            shared[note] = 0
    return neighbour, most


@njit(nogil=True, cache=True)
def _ones(bits: int) -> int:
    """Counts the ones of 64 bits: in pairs, fours and bytes, whose sums a multiplication adds up."""
    bits -= bits >> np.uint64(1) & np.uint64(0x5555555555555555)
    bits = (bits & np.uint64(0x3333333333333333)) + (bits >> np.uint64(2) & np.uint64(0x3333333333333333))
    bits = bits + (bits >> np.uint64(4)) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return bits * np.uint64(0x0101010101010101) >> np.uint64(56)
