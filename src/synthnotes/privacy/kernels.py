"""Compiled loops over n-grams. A loop's machine code is kept beside this file, which changes with any of them.

Hash tables have open addresses: what is looked for at a slot may stand in one that follows it. A slot is 0 if empty,
and otherwise holds some bits of a hash and, in the other ones, a number plus one. The bits spare most comparisons; what
has the same bits is compared word by word, so that no two n-grams are ever taken for each other.
"""

import numpy as np
from numba import njit

MULTIPLIERS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
HALF = np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)
POSITION_BITS = np.uint64(40)
POSITION = np.uint64((1 << 40) - 1)


@njit(nogil=True, cache=True)
def hash_of(ids: np.ndarray, at: int, n: int) -> int:
    """Hashes the n-gram that begins at a word to 64 bits."""
    mixed = np.uint64(0)
    for word in range(at, at + n):
        mixed = (mixed + np.uint64(ids[word]) + np.uint64(1)) * MULTIPLIERS[0]
    mixed ^= mixed >> HALF
    mixed *= MULTIPLIERS[1]
    return mixed ^ mixed >> HALF


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
def slot_of(ids: np.ndarray, at: int, n: int, slots: np.ndarray, known: np.ndarray, examples: np.ndarray) -> int:
    """The slot that holds the number of an n-gram, or the empty one where it belongs.

    Args:
        ids: words.
        at: where the n-gram begins in them.
        n: words per n-gram.
        slots: the table: uint64, with at least one empty slot.
        known: the words of the n-grams in the table.
        examples: where in them each n-gram begins, by its number.
    """
    mixed = hash_of(ids, at, n)
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
    ids: np.ndarray, starts: np.ndarray, n: int, slots: np.ndarray, examples: np.ndarray, numbers: np.ndarray
) -> int:
    """Numbers the n-grams of notes from 0 by the order in which they come; gives how many different ones there are.

    Args:
        ids: the notes' words.
        starts: where each note begins, and where the last one ends.
        n: words per n-gram.
        slots: an empty table, to be filled.
        examples: to be filled with the first place of each different n-gram.
        numbers: to be filled with the number of each n-gram, in reading order.
    """
    different, count = 0, 0
    for note in range(len(starts) - 1):
        for at in range(starts[note], starts[note + 1] - n + 1):
            slot = slot_of(ids, at, n, slots, ids, examples)
            if not slots[slot]:
                examples[different] = at
                different += 1
                slots[slot] = hash_of(ids, at, n) << HALF | np.uint64(different)
            numbers[count] = np.int64(slots[slot] & LOW_HALF) - 1
            count += 1
    return different


@njit(nogil=True, cache=True)
def find(
    ids: np.ndarray,
    starts: np.ndarray,
    n: int,
    slots: np.ndarray,
    known: np.ndarray,
    examples: np.ndarray,
    positions: np.ndarray,
    numbers: np.ndarray,
) -> int:
    """Enters position and number of those n-grams of notes that a table holds; gives how many they are."""
    found = 0
    for note in range(len(starts) - 1):
        for at in range(starts[note], starts[note + 1] - n + 1):
            slot = slot_of(ids, at, n, slots, known, examples)
            if slots[slot]:
                positions[found] = at
                numbers[found] = np.int64(slots[slot] & LOW_HALF) - 1
                found += 1
    return found


@njit(nogil=True, cache=True)
def sizes_of_parts(ids: np.ndarray, starts: np.ndarray, n: int, parts: int) -> np.ndarray:
    """How many n-grams of notes belong to each part, repetitions counted: int64 [parts]."""
    sizes = np.zeros(parts, np.int64)
    for note in range(len(starts) - 1):
        for at in range(starts[note], starts[note + 1] - n + 1):
            sizes[share_of(hash_of(ids, at, n) & LOW_HALF, parts)] += 1
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
    slots, sets = np.zeros(2 * size + 1, np.uint64), np.zeros(2 * size + 1, np.uint8)
    for note in range(len(starts) - 1):
        for at in range(starts[note], starts[note + 1] - n + 1):
            mixed = hash_of(ids, at, n)
            if share_of(mixed & LOW_HALF, parts) != part:
                continue
            slot = share_of(mixed >> HALF, len(slots))
            while slots[slot]:
                maybe = slots[slot] >> POSITION_BITS == mixed & LOW_HALF >> np.uint64(8)
                if maybe and same(ids, at, ids, np.int64(slots[slot] & POSITION) - 1, n):
                    break
                slot += 1
                if slot == len(slots):
                    slot = 0
            if not slots[slot]:
                slots[slot] = mixed << POSITION_BITS | np.uint64(at + 1)
            sets[slot] |= holders[note]
    counts = np.zeros(256, np.int64)
    for slot in range(len(sets)):
        counts[sets[slot]] += 1
    counts[0] = 0  # empty slots
    return counts


@njit(nogil=True, cache=True)
def members_of(numbers: np.ndarray, bounds: np.ndarray, different: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lists which notes hold which members; a member is an n-gram's first, second, third, … occurrence in a note.

    Args:
        numbers: the n-grams of all notes, in reading order.
        bounds: where each note's n-grams begin, and where the last one's end.
        different: how many different n-grams there are.

    Returns:
        Where each n-gram's members begin, and where the last one's end; where each member's notes begin, and where
        the last one's end; the notes, ascending for each member.
    """
    seen, most = np.zeros(different, np.int32), np.zeros(different + 1, np.int64)
    for note in range(len(bounds) - 1):
        for at in range(bounds[note], bounds[note + 1]):
            number = numbers[at]
            seen[number] += 1
            most[number + 1] = max(most[number + 1], seen[number])
        for at in range(bounds[note], bounds[note + 1]):
            seen[numbers[at]] = 0
    first_member = np.cumsum(most)
    ends = np.zeros(first_member[-1] + 1, np.int64)
    notes = np.empty(len(numbers), np.int32)
    for filling in (False, True):
        for note in range(len(bounds) - 1):
            for at in range(bounds[note], bounds[note + 1]):
                number = numbers[at]
                member = first_member[number] + seen[number]
                seen[number] += 1
                if filling:
                    notes[ends[member]] = note
                    ends[member] += 1
                else:
                    ends[member + 1] += 1
            for at in range(bounds[note], bounds[note + 1]):
                seen[numbers[at]] = 0
        if not filling:
            ends = np.cumsum(ends)
    first_note = np.zeros(len(ends), np.int64)
    first_note[1:] = ends[:-1]
    return first_member, first_note, notes


@njit(nogil=True, cache=True)
def nearest(
    ids: np.ndarray,
    starts: np.ndarray,
    n: int,
    slots: np.ndarray,
    known: np.ndarray,
    examples: np.ndarray,
    first_member: np.ndarray,
    spans: np.ndarray,
    holders: np.ndarray,
    common: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Finds, for every indexed note, which of some other notes shares most members with it, the first one if several.

    Args:
        ids: the words of the other notes.
        starts: where they begin, and where the last one ends.
        n: words per n-gram.
        slots: the table of the indexed notes' n-grams.
        known: the indexed notes' words.
        examples: where in them each n-gram occurs.
        first_member: where each n-gram's members begin, and where the last one's end.
        spans: for each member, from where to where `holders` lists the notes that hold it, or, for one that very many
            hold, -1 and its column in `common`: int64 [members, 2].
        holders: notes, member after member.
        common: which notes hold which common members, 64 members in each number: uint64 [numbers, notes].

    Returns:
        For every indexed note the position of the nearest other note (0 where nothing is shared), and the count.
    """
    size = common.shape[1]
    shared, most, neighbour = np.zeros(size, np.int32), np.zeros(size, np.int32), np.zeros(size, np.int64)
    seen = np.zeros(len(examples), np.int32)
    wanted = np.zeros(len(common), np.uint64)
    found = np.empty(max(1, np.diff(starts).max()) if len(starts) > 1 else 1, np.int64)
    for note in range(len(starts) - 1):
        count = 0
        for at in range(starts[note], starts[note + 1] - n + 1):
            entry = slots[slot_of(ids, at, n, slots, known, examples)]
            if not entry:
                continue
            number = np.int64(entry & LOW_HALF) - 1
            member = first_member[number] + seen[number]
            seen[number] += 1
            found[count] = number
            count += 1
            if member == first_member[number + 1]:  # more often than in any indexed note
                seen[number] -= 1
            elif spans[member, 0] < 0:
                wanted[spans[member, 1] >> 6] |= np.uint64(1) << np.uint64(spans[member, 1] & 63)
            else:
                for place in range(spans[member, 0], spans[member, 1]):
                    shared[holders[place]] += 1
        for place in range(count):
            seen[found[place]] = 0
        for row in range(len(common)):
            if wanted[row]:
                for other in range(size):
                    shared[other] += np.int32(ones(common[row, other] & wanted[row]))
                wanted[row] = 0
        for other in range(size):
            if shared[other] > most[other]:
                most[other], neighbour[other] = shared[other], note
            shared[other] = 0
    return neighbour, most


@njit(nogil=True, cache=True)
def ones(bits: int) -> int:
    """Counts the ones of 64 bits: in pairs, fours and bytes, whose sums a multiplication adds up."""
    bits -= bits >> np.uint64(1) & np.uint64(0x5555555555555555)
    bits = (bits & np.uint64(0x3333333333333333)) + (bits >> np.uint64(2) & np.uint64(0x3333333333333333))
    bits = bits + (bits >> np.uint64(4)) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return bits * np.uint64(0x0101010101010101) >> np.uint64(56)
