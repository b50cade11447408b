"""Different n-grams of corpora: how much of what one says stands in another, word for word (paper, section 7).

Exact and in bounded memory: the n-grams are divided by their hashes into as many parts as the budget asks for, equal
ones into the same part, and each part is counted by itself, in a hash table.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numba import njit

from synthnotes.machinery.parallel_map import CORES, map_in_order
from synthnotes.machinery.progress import Bar
from synthnotes.privacy.overlap import hash_tables, memory
from synthnotes.privacy.overlap.hash_tables import HALF, LOW_HALF, are_equal, hash_ngrams, scale
from synthnotes.privacy.overlap.vocabulary import EncodedNotes, join

BYTES_PER_NGRAM = 20  # of a part that is being counted: two slots, and a part may be larger than the others
NGRAMS_PER_PART = 1 << 23  # or fewer, where the budget is small
MOST_PARTS = 4_096
POSITION_BITS, SET_BITS = np.uint64(36), np.uint64(8)  # of a slot; the rest are of the hash
POSITION = np.uint64((1 << 36) - 1)
TAG = np.uint64((1 << 20) - 1)


def count_by_corpora(
    corpora: Sequence[EncodedNotes], n: int, budget: int = memory.DEFAULT, work: Path | None = None
) -> np.ndarray:
    """Counts different n-grams by the corpora that hold them.

    Args:
        corpora: at most eight, numbered by one `Encoder`.
        n: words per n-gram.
        budget: bytes that the counting may take, the corpora themselves not counted.
        work: a folder in which the search leaves what it has, part by part, to go on after a kill.

    Returns:
        The number of n-grams for each set of corpora, bit i of its position standing for corpus i: int64 [256].

    Raises:
        UserError: the budget is too small.
    """
    notes = join(*corpora)
    bits = np.repeat(1 << np.arange(len(corpora)), [len(corpus.lengths) for corpus in corpora]).astype(np.uint8)
    total = int(notes.totals(n).sum())
    parts = memory.parts(total * BYTES_PER_NGRAM, budget // CORES, MOST_PARTS, f"{n}-grams")
    parts = max(parts, min(MOST_PARTS, -(-total // NGRAMS_PER_PART)))
    sizes = _sizes_of_parts(notes, n, parts)
    checkpoint, name = memory.Checkpoint(work, f"overlap-{n}", [*notes, bits]), f"of-{parts}"
    counts = np.zeros(256, dtype=np.int64)
    begin = checkpoint.load(name, [counts])
    with Bar(initial=begin, total=parts, desc=f"{n}-gram overlap", unit=" parts", mininterval=1) as progress:

        def count(part: int) -> np.ndarray:
            return _count_part(notes, bits, n, part, parts, int(sizes[part]))

        for part, more in enumerate(map_in_order(count, range(begin, parts)), begin):
            counts += more
            checkpoint.save(name, [counts], part + 1)
            progress.update()
    checkpoint.remove()
    return counts


def count_in_training(notes: EncodedNotes, training: EncodedNotes, n: int, budget: int = memory.DEFAULT) -> np.ndarray:
    """Counts those n-grams of each note that stand in any training note, repetitions counted: int64 [notes]."""
    found = [np.empty(0, np.int64)]
    for first, last in memory.blocks(notes.totals(n) * hash_tables.BYTES_PER_NGRAM + 8, budget, "the index of notes"):
        part = notes.part(first, last)
        index = hash_tables.Index(part, n)
        held = np.zeros(index.different, dtype=bool)
        for block in index.find_all(training):
            held[block.ids] = True
        found.append(np.bincount(part.notes_at(index.own.positions[held[index.own.ids]]), minlength=last - first))
    return np.concatenate(found)


@njit(nogil=True, cache=True)
def _sizes_of_parts(notes: EncodedNotes, n: int, parts: int) -> np.ndarray:
    """How many n-grams of notes belong to each part, repetitions counted: int64 [parts]."""
    sizes = np.zeros(parts, np.int64)
    for note in range(len(notes.starts) - 1):
        for mixed in hash_ngrams(notes, note, n):
            sizes[scale(mixed & LOW_HALF, parts)] += 1
    return sizes


@njit(nogil=True, cache=True)
def _count_part(notes: EncodedNotes, corpora: np.ndarray, n: int, part: int, parts: int, size: int) -> np.ndarray:
    """Counts the different n-grams of one part by the sets of corpora that hold them.

    Args:
        notes: of all corpora.
        corpora: each note's corpus, as a bit: uint8 [notes].
        n: words per n-gram.
        part: which part.
        parts: of how many.
        size: n-grams of the part, repetitions counted, or more.

    Returns:
        N-grams by the union of their notes' bits: int64 [256].
    """
    slots = np.zeros(2 * size + 1, np.uint64)  # of each n-gram a place where it stands, its set, bits of its hash
    for note in range(len(notes.starts) - 1):
        hashes = hash_ngrams(notes, note, n)
        offsets, kept = np.empty(len(hashes), np.int64), 0
        for offset in range(len(hashes)):
            offsets[kept] = offset
            kept += scale(hashes[offset] & LOW_HALF, parts) == part
        fetched = np.empty(kept, np.uint64)  # never read
        for place in range(kept):
            fetched[place] = slots[scale(hashes[offsets[place]] >> HALF, len(slots))]
        corpus = np.uint64(corpora[note]) << POSITION_BITS
        for offset in offsets[:kept]:
            at, mixed = notes.starts[note] + offset, hashes[offset]
            slot = scale(mixed >> HALF, len(slots))
            while slots[slot]:
                maybe = slots[slot] >> POSITION_BITS + SET_BITS == mixed & TAG
                if maybe and are_equal(notes.ids, at, notes.ids, np.int64(slots[slot] & POSITION) - 1, n):
                    break
                slot += 1
                if slot == len(slots):
                    slot = 0
            if not slots[slot]:
                slots[slot] = mixed << POSITION_BITS + SET_BITS | np.uint64(at + 1)
            slots[slot] |= corpus
    counts = np.zeros(256, np.int64)
    for slot in slots:
        counts[np.int64(slot >> POSITION_BITS) & 255] += 1
    counts[0] = 0  # empty slots
    return counts
