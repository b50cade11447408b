"""ROUGE-n nearest neighbours: for each synthetic note the training note that holds most of it (paper, section 7).

Recall is the clipped count of shared n-grams over the n-grams of the synthetic note (Lin 2004), as the package
`rouge_score` computes it with the synthetic note as target. An inverted index lists the synthetic notes that hold a
member, an n-gram by its occurrence; for each training note all lists of its members are counted through. The few
members that stand in many notes are bits of the notes instead, 64 of which are compared and counted at once.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numba import njit
from scipy import sparse

from synthnotes.machinery.parallel_map import CORES, map_in_order
from synthnotes.machinery.progress import Bar
from synthnotes.privacy.overlap import memory
from synthnotes.privacy.overlap.hash_tables import BYTES_PER_NGRAM, Index, Ngrams, spans
from synthnotes.privacy.overlap.vocabulary import EncodedNotes

NONE = -1  # the neighbour of a note that shares nothing
COMMON_FROM = 0.1  # members that more than this share of the notes hold are bits
WORDS_AT_ONCE = 1 << 20  # of training notes, after which what was found is added up
BYTES_PER_MEMBER = 60 + 4 * CORES  # beside the n-grams: lists and bits of notes, what each thread has counted


def nearest_neighbours(
    synthetic: EncodedNotes, real: EncodedNotes, n: int, budget: int = memory.DEFAULT, work: Path | None = None
) -> pd.DataFrame:
    """Finds, for each synthetic note, the real note with the highest ROUGE-n recall; ties go to the first.

    Args:
        synthetic: the notes to find neighbours for.
        real: the notes to search, in training order, numbered by the same `Encoder`.
        n: words per n-gram.
        budget: bytes that index and blocks may take, the corpora themselves not counted.
        work: a folder in which the search leaves what it has, block by block, to go on after a kill.

    Returns:
        One row per synthetic note, in order: synthetic_index, real_index (-1 where nothing is shared), overlap (the
        clipped count of shared n-grams), and of that pair recall, precision and f1, equal to `rouge_score`'s.

    Raises:
        UserError: the budget is too small for one note.
    """
    totals, real_totals = synthetic.totals(n), real.totals(n)
    neighbour, overlap = np.full(len(totals), NONE), np.zeros(len(totals), np.int64)
    need = totals * (BYTES_PER_NGRAM + BYTES_PER_MEMBER) + 8
    parts = list(memory.blocks(need, budget, "the index of synthetic notes"))
    checkpoint = memory.Checkpoint(work, f"rouge-{n}", [*synthetic, *real])
    with Bar(total=len(parts) * len(real_totals), desc=f"ROUGE-{n}", unit=" notes", mininterval=1) as progress:

        def search(first: int, last: int) -> None:
            """Compares all real notes with synthetic ones whose index fits the budget."""
            name, state = f"{first}-{last}", [neighbour[first:last], overlap[first:last]]
            begin = checkpoint.load(name, state)
            progress.update(begin)
            index = InvertedIndex(synthetic.part(first, last), n)
            blocks = spans(real, WORDS_AT_ONCE, begin)
            nearest = map_in_order(lambda block: index.nearest(real.part(*block)), blocks)
            for (start, end), (found, most) in zip(blocks, nearest, strict=True):
                nearer = most > state[1]  # in order of blocks, so that an earlier note keeps a tie
                state[0][nearer], state[1][nearer] = start + found[nearer], most[nearer]
                checkpoint.save(name, state, end)
                progress.update(end - start)

        for first, last in parts:
            search(first, last)
    checkpoint.remove()

    found = neighbour != NONE
    shared_totals = np.where(found, real_totals[neighbour] if len(real_totals) else 0, 0)
    recall, precision = (overlap / np.maximum(of, 1) for of in (totals, shared_totals))
    return pd.DataFrame(
        {
            "synthetic_index": np.arange(len(totals)),
            "real_index": neighbour,
            "overlap": overlap,
            "recall": recall,
            "precision": precision,
            "f1": np.divide(2 * precision * recall, precision + recall, out=np.zeros(len(totals)), where=found),
        }
    )


class InvertedIndex:
    """Some notes by the members that they hold: a list of notes for each member, and bits for common ones.

    Args:
        notes: the notes.
        n: words per n-gram.
    """

    def __init__(self, notes: EncodedNotes, n: int) -> None:
        self._index = Index(notes, n)
        own, size = self._index.own, len(notes.lengths)
        before, bounds = self._count_before(notes, own)
        most = np.zeros(self._index.different, dtype=np.int64)
        np.maximum.at(most, own.ids, before + 1)
        self._first = np.concatenate([np.zeros(1, np.int64), np.cumsum(most)])  # member of each n-gram
        members = self._first[own.ids] + before
        shape = (size, int(self._first[-1]))
        lists = sparse.csr_array((np.ones(len(members), np.bool_), members, bounds), shape=shape).tocsc()
        starts, self._notes = lists.indptr.astype(np.int64), lists.indices.astype(np.int32, copy=False)
        self._spans = np.column_stack([starts[:-1], starts[1:]])

        common = np.flatnonzero(np.diff(starts) > COMMON_FROM * size)
        self._bits = np.zeros((-(-len(common) // 64), size), dtype=np.uint64)
        for column, member in enumerate(common.tolist()):
            holding = self._notes[starts[member] : starts[member + 1]]
            self._bits[column // 64, holding] |= np.uint64(1 << column % 64)
            self._spans[member] = -1, column

    def nearest(self, others: EncodedNotes) -> tuple[np.ndarray, np.ndarray]:
        """Finds for every note of the index which of the others shares most members with it, the first of several.

        Returns:
            The other note's position, 0 where nothing is shared: int64 [notes]; and the count: int32 [notes].
        """
        found = self._index.find(others)
        before, bounds = self._count_before(others, found)
        members = self._first[found.ids] + before
        members[members >= self._first[found.ids + 1]] = -1  # more often than in any note of the index
        return _nearest(members, bounds, self._spans, self._notes, self._bits)

    def _count_before(self, notes: EncodedNotes, found: Ngrams) -> tuple[np.ndarray, np.ndarray]:
        """How often each n-gram has stood in its note before; where each note's n-grams begin, and the last's end."""
        bounds = np.searchsorted(found.positions, notes.starts)
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
def _nearest(
    members: np.ndarray, bounds: np.ndarray, spans: np.ndarray, notes: np.ndarray, bits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Does what `InvertedIndex.nearest` promises.

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
        for member in members[bounds[other] : bounds[other + 1]]:
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
def _ones(bits: np.uint64) -> np.uint64:
    """Counts the ones of 64 bits: in pairs, fours and bytes, whose sums a multiplication adds up."""
    bits -= bits >> np.uint64(1) & np.uint64(0x5555555555555555)
    bits = (bits & np.uint64(0x3333333333333333)) + (bits >> np.uint64(2) & np.uint64(0x3333333333333333))
    bits = bits + (bits >> np.uint64(4)) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return bits * np.uint64(0x0101010101010101) >> np.uint64(56)
