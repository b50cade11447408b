"""N-gram overlap of two corpora: how much of what one says stands in the other, word for word (paper, section 7).

Exact and in bounded memory: the n-grams are divided by their hashes into as many parts as the budget asks for, equal
ones into the same part, and each part is counted by itself, in a hash table.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synthnotes.machinery.progress import Bar
from synthnotes.privacy.overlap import memory
from synthnotes.privacy.overlap import kernels, ngrams
from synthnotes.privacy.overlap.checkpoint import Checkpoint
from synthnotes.privacy.overlap.threads import THREADS, in_order
from synthnotes.privacy.overlap.vocabulary import Encoder, Words, join

BYTES_PER_NGRAM = 20  # of a part that is being counted: two slots, and a part may be larger than the others
NGRAMS_PER_PART = 1 << 23  # or fewer, where the budget is small
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


def count_by_holders(
    corpora: Sequence[Words], n: int, budget: int = memory.DEFAULT, work: Path | None = None
) -> np.ndarray:
    """Counts different n-grams by the corpora that hold them.

    Args:
        corpora: at most eight, numbered by one `Encoder`.
        n: words per n-gram.
        budget: bytes that the counting may take.
        work: a folder in which the search leaves what it has, part by part, to go on after a kill.

    Returns:
        The number of n-grams for each set of corpora, bit i of its position standing for corpus i: int64 [256].
    """
    words = join(*corpora)
    bits = np.repeat(1 << np.arange(len(corpora)), [len(corpus.lengths) for corpus in corpora]).astype(np.uint8)
    total = int(words.totals(n).sum())
    parts = memory.parts(total * BYTES_PER_NGRAM, budget // THREADS, MOST_PARTS, f"{n}-grams")
    parts = max(parts, min(MOST_PARTS, -(-total // NGRAMS_PER_PART)))
    sizes = kernels.sizes_of_parts(words.ids, words.starts, n, parts)
    checkpoint = Checkpoint(work, f"overlap-{n}", [words.ids, words.starts, bits]).of(f"of-{parts}")
    counts = np.zeros(256, dtype=np.int64)
    begin = checkpoint.load([counts])
    with Bar(initial=begin, total=parts, desc=f"{n}-gram overlap", unit=" parts", mininterval=1) as progress:

        def count(part: int) -> np.ndarray:
            return kernels.count_part(words.ids, words.starts, bits, n, part, parts, int(sizes[part]))

        for part, more in enumerate(in_order(count, range(begin, parts)), begin):
            counts += more
            checkpoint.save(part + 1, [counts])
            progress.update()
    checkpoint.remove()
    return counts


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
