"""N-gram overlap of two corpora: how much of what one says stands in the other, word for word (paper, section 7).

Exact and in bounded memory: the n-grams are divided by their hashes into as many parts as the budget asks for, equal
ones into the same part, and each part is sorted and counted by itself. Equal hashes are compared word by word.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from tqdm import tqdm

from synthnotes.privacy import budget as memory
from synthnotes.privacy import ngrams
from synthnotes.privacy.ngrams import ATTEMPTS, POSITIONS_AT_ONCE
from synthnotes.privacy.words import Encoder, Words, join

BYTES_PER_NGRAM = 80  # of the part that is being counted
MOST_PARTS = 4_096


def ngram_overlap(
    real: Sequence[str], synthetic: Sequence[str], n: int = 8, budget: int = memory.DEFAULT
) -> dict[str, int | float | None]:
    """Counts the unique n-grams of lower-case words, split at white space, in and shared by two corpora.

    Args:
        real: the notes of one corpus.
        synthetic: the notes of the other.
        n: words per n-gram.
        budget: bytes that the counting may take, the corpora themselves not counted.

    Returns:
        real_unique, synthetic_unique, common, union: numbers of unique n-grams.
        jaccard: common / union, which falls as the real corpus grows.
        synthetic_share: common / synthetic_unique, which compares with a control's (repair r).
        Shares of nothing are None.

    Raises:
        UserError: a note is not text, or the budget is too small.
    """
    encode = Encoder("white-space")
    return count_overlap(encode(real, "real notes"), encode(synthetic, "synthetic notes"), n, budget)


def count_overlap(real: Words, synthetic: Words, n: int, budget: int = memory.DEFAULT) -> dict[str, int | float | None]:
    """Counts as `ngram_overlap` does, in notes whose words are numbered by one `Encoder`."""
    counts = count_by_holders([real, synthetic], n, budget)
    real_unique, synthetic_unique, common = unique(counts, 0), unique(counts, 1), unique(counts, 0, 1)
    union = int(counts.sum())
    return {
        "real_unique": real_unique,
        "synthetic_unique": synthetic_unique,
        "common": common,
        "union": union,
        "jaccard": common / union if union else None,
        "synthetic_share": common / synthetic_unique if synthetic_unique else None,
    }


def count_by_holders(corpora: Sequence[Words], n: int, budget: int = memory.DEFAULT) -> np.ndarray:
    """Counts different n-grams by the corpora that hold them.

    Args:
        corpora: at most eight, numbered by one `Encoder`.
        n: words per n-gram.
        budget: bytes that the counting may take.

    Returns:
        The number of n-grams for each set of corpora, bit i of its position standing for corpus i: int64 [256].
    """
    words = join(*corpora)
    borders = np.cumsum([len(corpus.ids) for corpus in corpora])
    parts = memory.parts(int(words.totals(n).sum()) * BYTES_PER_NGRAM, budget, MOST_PARTS, f"{n}-grams")
    for seed in range(ATTEMPTS):
        progress = tqdm(range(parts), desc=f"{n}-gram overlap", unit=" parts", mininterval=1)
        counts = [_count_part(words, borders, n, seed, part, parts) for part in progress]
        if all(count is not None for count in counts):
            return np.sum(counts, axis=0)
    raise RuntimeError(f"{ATTEMPTS} seeds gave n-grams equal hashes; this cannot happen by chance")


def unique(counts: np.ndarray, *corpora: int) -> int:
    """How many different n-grams all of the corpora hold, whoever else does, from what `count_by_holders` gives."""
    wanted = sum(1 << corpus for corpus in corpora)
    return int(counts[np.arange(len(counts)) & wanted == wanted].sum())


def ngrams_in_training(notes: Words, training: Words, n: int, budget: int = memory.DEFAULT) -> np.ndarray:
    """Counts those n-grams of each note that stand in any training note, repetitions counted: int64 [notes]."""
    found = []
    for first, last in memory.blocks(notes.totals(n) * ngrams.BYTES_PER_NGRAM + 8, budget, "the index of notes"):
        part = notes.part(first, last)
        index = ngrams.Index(part, n)
        held = np.zeros(index.different, dtype=bool)
        for block in ngrams.find_all(index, training):
            held[block.ids] = True
        holders = ngrams.notes_of(part, index.own.positions[held[index.own.ids]])
        found.append(np.bincount(holders, minlength=last - first))
    return np.concatenate([np.empty(0, np.int64), *found])


def _count_part(words: Words, borders: np.ndarray, n: int, seed: int, part: int, parts: int) -> np.ndarray | None:
    """Counts the different n-grams of one part by their holders; None if two of them have the same hash."""
    hashes, positions = (np.concatenate(column) for column in zip(*_of_part(words, n, seed, part, parts), strict=True))
    order = np.argsort(hashes)
    hashes, positions = hashes[order], positions[order]
    same = hashes[1:] == hashes[:-1]
    del hashes, order
    repeated = np.flatnonzero(same)
    for chunk in np.array_split(repeated, len(repeated) // POSITIONS_AT_ONCE + 1):
        one, other = positions[chunk], positions[chunk + 1]
        if any((words.ids[one + word] != words.ids[other + word]).any() for word in range(n)):
            return None
    first = np.flatnonzero(np.concatenate([np.ones(min(1, len(positions)), dtype=bool), ~same]))
    if not len(first):
        return np.zeros(256, dtype=np.int64)
    bits = np.left_shift(1, np.searchsorted(borders, positions, side="right")).astype(np.uint8)
    return np.bincount(np.bitwise_or.reduceat(bits, first), minlength=256)


def _of_part(words: Words, n: int, seed: int, part: int, parts: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The hashes of the n-grams of one part and where these begin, some at a time."""
    yield np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64)
    for start, chunk, inside in ngrams.chunks(words, n):
        hashes = ngrams.hashes(chunk, n, seed)[inside]
        mine = (hashes >> np.uint64(31)) * np.uint64(parts) >> np.uint64(32) == part
        yield hashes[mine], inside[mine] + start
