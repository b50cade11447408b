"""Compiled loops over n-grams. A loop's machine code is kept beside this file, which changes with any of them.

Hash tables have open addresses: what is looked for at a slot may stand in one that follows it. A slot is 0 if empty,
and otherwise holds some bits of a hash and, in the other ones, a number plus one. The bits spare most comparisons; what
has the same bits is compared word by word, so that no two n-grams are ever taken for each other.

Large tables are slow because each slot must come from memory. So a note's n-grams are first sifted or their slots
merely touched, without a branch in between, which lets the processor fetch many of them at once.
"""

import numpy as np
from numba import njit

MULTIPLIERS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
ONE, HALF = np.uint64(1), np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)
POSITION_BITS, SET_BITS = np.uint64(36), np.uint64(8)  # of a slot; the rest are of the hash
POSITION = np.uint64((1 << 36) - 1)
TAG = np.uint64((1 << 20) - 1)


@njit(nogil=True, cache=True)
def hashes_of(ids: np.ndarray, begin: int, end: int, n: int, hashes: np.ndarray) -> int:
    """Hashes the n-grams of a note to 64 bits each; gives how many they are.

    A hash is the sum of (word + 1) times a power of a multiplier, so that the next one needs two multiplications
    whatever n is, and then mixed.
    """
    power = np.uint64(1)
    for _ in range(n + 1):
        power *= MULTIPLIERS[0]
    rolling, count = np.uint64(0), 0
    for at in range(begin, end):
        rolling = (rolling + np.uint64(ids[at]) + ONE) * MULTIPLIERS[0]
        if at >= begin + n:
            rolling -= (np.uint64(ids[at - n]) + ONE) * power
        if at >= begin + n - 1:
            mixed = (rolling ^ rolling >> HALF) * MULTIPLIERS[1]
            hashes[count] = mixed ^ mixed >> HALF
            count += 1
    return count


@njit(nogil=True, cache=True)
def longest(starts: np.ndarray) -> int:
    """The length of the longest note."""
    most = 0
    for note in range(len(starts) - 1):
        most = max(most, starts[note + 1] - starts[note])
    return most


@njit(nogil=True, cache=True)
def share_of(bits: int, parts: int) -> int:
    """Maps 32 bits evenly to [0, parts)."""
    return np.int64(bits * np.uint64(parts) >> HALF)


@njit(nogil=True, cache=True)
def same(ids: np.ndarray, at: int, others: np.ndarray, other: int, n: int) -> bool:
    """Whether two n-grams are equal."""
    for word in range(n):  # noqa: SIM110 - compiled, a generator is slower
        if ids[at + word] != others[other + word]:
            return False
    return True


@njit(nogil=True, cache=True)
def slot_of(
    mixed: int, ids: np.ndarray, at: int, n: int, slots: np.ndarray, known: np.ndarray, examples: np.ndarray
) -> int:
    """The slot that holds the number of an n-gram, or the empty one where it belongs.

    Args:
        mixed: the n-gram's hash.
        ids: words.
        at: where the n-gram begins in them.
        n: words per n-gram.
        slots: the table: uint64, with at least one empty slot.
        known: the words of the n-grams in the table.
        examples: where in them each n-gram begins, by its number.
    """
    slot = share_of(mixed >> HALF, len(slots))
    while slots[slot]:
        maybe = slots[slot] >> HALF == mixed & LOW_HALF
        if maybe and same(ids, at, known, examples[np.int64(slots[slot] & LOW_HALF) - 1], n):
            break
        slot += 1
        if slot == len(slots):
            slot = 0
    return slot


@njit(nogil=True, cache=True)
def number(
    ids: np.ndarray,
    starts: np.ndarray,
    n: int,
    slots: np.ndarray,
    sieve: np.ndarray,
    examples: np.ndarray,
    numbers: np.ndarray,
) -> int:
    """Numbers the n-grams of notes from 0 by the order in which they come; gives how many different ones there are.

    Args:
        ids: the notes' words.
        starts: where each note begins, and where the last one ends.
        n: words per n-gram.
        slots: an empty table, to be filled.
        sieve: an empty table of bits, to be filled.
        examples: to be filled with the first place of each different n-gram.
        numbers: to be filled with the number of each n-gram, in reading order.
    """
    hashes = np.empty(longest(starts), np.uint64)
    different, count = 0, 0
    for note in range(len(starts) - 1):
        for offset in range(hashes_of(ids, starts[note], starts[note + 1], n, hashes)):
            at, mixed = starts[note] + offset, hashes[offset]
            slot = slot_of(mixed, ids, at, n, slots, ids, examples)
            if not slots[slot]:
                examples[different] = at
                different += 1
                slots[slot] = mixed << HALF | np.uint64(different)
                bit = share_of(mixed >> HALF, 64 * len(sieve))
                sieve[bit >> 6] |= ONE << np.uint64(bit & 63)
            numbers[count] = np.int64(slots[slot] & LOW_HALF) - 1
            count += 1
    return different


@njit(nogil=True, cache=True)
def sift(count: int, hashes: np.ndarray, sieve: np.ndarray, offsets: np.ndarray) -> int:
    """Lists which n-grams of a note a table may hold; gives how many they are."""
    kept = 0
    for offset in range(count):
        bit = share_of(hashes[offset] >> HALF, 64 * len(sieve))
        offsets[kept] = offset
        kept += np.int64(sieve[bit >> 6] >> np.uint64(bit & 63) & ONE)
    return kept


@njit(nogil=True, cache=True)
def find(
    ids: np.ndarray,
    starts: np.ndarray,
    n: int,
    slots: np.ndarray,
    sieve: np.ndarray,
    known: np.ndarray,
    examples: np.ndarray,
    positions: np.ndarray,
    numbers: np.ndarray,
) -> int:
    """Enters position and number of those n-grams of notes that a table holds; gives how many they are."""
    hashes, offsets = np.empty(longest(starts), np.uint64), np.empty(longest(starts), np.int64)
    found = 0
    for note in range(len(starts) - 1):
        count = hashes_of(ids, starts[note], starts[note + 1], n, hashes)
        for place in range(sift(count, hashes, sieve, offsets)):
            at = starts[note] + offsets[place]
            slot = slot_of(hashes[offsets[place]], ids, at, n, slots, known, examples)
            if slots[slot]:
                positions[found] = at
                numbers[found] = np.int64(slots[slot] & LOW_HALF) - 1
                found += 1
    return found


@njit(nogil=True, cache=True)
def sizes_of_parts(ids: np.ndarray, starts: np.ndarray, n: int, parts: int) -> np.ndarray:
    """How many n-grams of notes belong to each part, repetitions counted: int64 [parts]."""
    hashes = np.empty(longest(starts), np.uint64)
    sizes = np.zeros(parts, np.int64)
    for note in range(len(starts) - 1):
        for offset in range(hashes_of(ids, starts[note], starts[note + 1], n, hashes)):
            sizes[share_of(hashes[offset] & LOW_HALF, parts)] += 1
    return sizes


@njit(nogil=True, cache=True)
def count_part(
    ids: np.ndarray, starts: np.ndarray, holders: np.ndarray, n: int, part: int, parts: int, size: int
) -> np.ndarray:
    """Counts the different n-grams of one part by the sets of corpora that hold them.

    Args:
        ids: the words of all corpora.
        starts: where their notes begin, and where the last one ends.
        holders: each note's corpus, as a bit: uint8 [notes].
        n: words per n-gram.
        part: which part.
        parts: of how many.
        size: n-grams of the part, repetitions counted, or more.

    Returns:
        N-grams by the union of their notes' bits: int64 [256].
    """
    hashes, offsets = np.empty(longest(starts), np.uint64), np.empty(longest(starts), np.int64)
    slots = np.zeros(2 * size + 1, np.uint64)  # of each n-gram a place where it stands, its set, bits of its hash
    fetched = np.empty(longest(starts), np.uint64)  # never read
    for note in range(len(starts) - 1):
        kept = 0
        for offset in range(hashes_of(ids, starts[note], starts[note + 1], n, hashes)):
            offsets[kept] = offset
            kept += share_of(hashes[offset] & LOW_HALF, parts) == part
        for place in range(kept):
            fetched[place] = slots[share_of(hashes[offsets[place]] >> HALF, len(slots))]
        holder = np.uint64(holders[note]) << POSITION_BITS
        for place in range(kept):
            at, mixed = starts[note] + offsets[place], hashes[offsets[place]]
            slot = share_of(mixed >> HALF, len(slots))
            while slots[slot]:
                maybe = slots[slot] >> POSITION_BITS + SET_BITS == mixed & TAG
                if maybe and same(ids, at, ids, np.int64(slots[slot] & POSITION) - 1, n):
                    break
                slot += 1
                if slot == len(slots):
                    slot = 0
            if not slots[slot]:
                slots[slot] = mixed << POSITION_BITS + SET_BITS | np.uint64(at + 1)
            slots[slot] |= holder
    counts = np.zeros(256, np.int64)
    for slot in range(len(slots)):
        counts[np.int64(slots[slot] >> POSITION_BITS) & 255] += 1
    counts[0] = 0  # empty slots
    return counts
