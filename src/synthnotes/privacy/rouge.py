"""ROUGE-n nearest neighbours: for each synthetic note the training note that holds most of it (paper, section 7).

Recall is the clipped count of shared n-grams over the n-grams of the synthetic note (Lin 2004), as the package
`rouge_score` computes it with the synthetic note as target. Counts are products of matrices: training notes x n-grams
times n-grams x synthetic notes. Most n-grams are rare, and sparse matrices multiply them pair by pair of notes that
share one; the few that stand in many notes are cheaper as dense matrices. Both count in whole numbers.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from tqdm import tqdm

from synthnotes.privacy import budget as memory
from synthnotes.privacy.checkpoint import Checkpoint
from synthnotes.privacy.ngrams import BYTES_PER_NGRAM, Found, Index, notes_of
from synthnotes.privacy.tokens import Tokenizer
from synthnotes.privacy.words import Encoder, Words

NONE = -1  # the neighbour of a note that shares nothing
THREADS = 2
NOTES_PER_BLOCK = 1_024  # training notes counted at once, fewer where the budget is small
BYTES_PER_WORD = 100  # of a training block: its n-grams' positions, hashes, ids, and their matrix
BYTES_PER_PAIR = 20  # of a training block: the counts shared by a training and a synthetic note, sparse and dense
DENSE_FROM = 0.01  # n-grams in this share of all pairs of notes are multiplied as dense matrices
EXACT_FLOAT = 1 << 24  # up to here 32-bit floats count exactly


class Nearest(NamedTuple):
    """The nearest real note of each synthetic note so far: its position, and the clipped count of shared n-grams."""

    neighbour: np.ndarray
    overlap: np.ndarray


def nearest_neighbours(
    synthetic: Sequence[str],
    real: Sequence[str],
    n: int = 5,
    tokenizer: Tokenizer = "ascii",
    budget: int = memory.DEFAULT,
    work: Path | None = None,
) -> pd.DataFrame:
    """Finds, for each synthetic note, the real note with the highest ROUGE-n recall; ties go to the first.

    Args:
        synthetic: the notes to find neighbours for.
        real: the notes to search, in training order.
        n: words per n-gram.
        tokenizer: `ascii` cuts words as `rouge_score` does, `unicode` keeps letters of any script.
        budget: bytes that index and blocks may take, the corpora themselves not counted.
        work: a folder in which the search leaves what it has, block by block, to go on after a kill.

    Returns:
        One row per synthetic note, in order: synthetic_index, real_index (-1 where nothing is shared), overlap (the
        clipped count of shared n-grams), and of that pair recall, precision and f1, equal to `rouge_score`'s.

    Raises:
        UserError: a note is not text, or the budget is too small for one note.
    """
    encode = Encoder(tokenizer)
    return search(encode(synthetic, "synthetic notes"), encode(real, "real notes"), n, budget, work)


def search(
    synthetic: Words, real: Words, n: int, budget: int = memory.DEFAULT, work: Path | None = None
) -> pd.DataFrame:
    """Finds nearest neighbours as `nearest_neighbours` does, of notes whose words are numbered by one `Encoder`."""
    totals, real_totals = synthetic.totals(n), real.totals(n)
    nearest = Nearest(np.full(len(totals), NONE, dtype=np.int64), np.zeros(len(totals), dtype=np.int64))
    parts = list(memory.blocks(totals * BYTES_PER_NGRAM + 8, budget // 2, "the index of synthetic notes"))
    checkpoint = Checkpoint(work, f"rouge-{n}", [synthetic.ids, synthetic.starts, real.ids, real.starts])
    with tqdm(total=len(parts) * len(real_totals), desc=f"ROUGE-{n}", unit=" notes", mininterval=1) as progress:
        for first, last in parts:
            done, kept = Nearest(*(column[first:last] for column in nearest)), checkpoint.of(f"{first}-{last}")
            _search_block(synthetic.part(first, last), real, n, budget // 2, done, kept, progress)
    checkpoint.remove()

    found = nearest.neighbour != NONE
    shared_totals = np.where(found, real_totals[nearest.neighbour] if len(real_totals) else 0, 0)
    recall = nearest.overlap / np.maximum(totals, 1)
    precision = nearest.overlap / np.maximum(shared_totals, 1)
    return pd.DataFrame(
        {
            "synthetic_index": np.arange(len(totals)),
            "real_index": nearest.neighbour,
            "overlap": nearest.overlap,
            "recall": recall,
            "precision": precision,
            "f1": np.divide(2 * precision * recall, precision + recall, out=np.zeros(len(totals)), where=found),
        }
    )


def _search_block(
    synthetic: Words, real: Words, n: int, budget: int, nearest: Nearest, checkpoint: Checkpoint, progress: tqdm
) -> None:
    """Brings `nearest` up to date with all real notes, for synthetic notes whose index fits the budget."""
    holders = _Holders(Index(synthetic, n), synthetic)
    begin = checkpoint.load(nearest)
    progress.update(begin)
    need = real.lengths[begin:] * BYTES_PER_WORD + len(synthetic.lengths) * BYTES_PER_PAIR
    need = np.maximum(need, budget // THREADS // NOTES_PER_BLOCK)
    parts = [(begin + a, begin + b) for a, b in memory.blocks(need, budget // THREADS, "a block of training notes")]
    with ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda part: holders.best(real.part(*part)), parts)  # in order: an earlier note keeps a tie
        for (first, last), best in zip(parts, found, strict=True):
            nearer = best.overlap > nearest.overlap
            nearest.neighbour[nearer] = first + best.neighbour[nearer]
            nearest.overlap[nearer] = best.overlap[nearer]
            checkpoint.save(last, nearest)
            progress.update(last - first)


class _Holders:
    """Which synthetic notes hold which n-grams: a matrix, members x notes.

    A member is an n-gram, or its second, third, … occurrence within a note. So a note is a set of members, and two
    notes share as many members as their clipped count says: min(a, b) for an n-gram that they hold a and b times.
    """

    def __init__(self, index: Index, synthetic: Words) -> None:
        self._index = index
        self._notes = len(synthetic.lengths)
        notes, ids, repetition = _occurrences(synthetic, index.own)
        self._repeated = np.unique(_pack(ids, repetition)[repetition > 0])  # numbered after the n-grams themselves
        members, known = self._members(ids, repetition)
        size = index.different + len(self._repeated)
        self._matrix = _indicators(members[known], notes, (size, self._notes))
        self._frequency = np.diff(self._matrix.indptr)

    def _members(self, ids: np.ndarray, repetition: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers occurrences; says which are members at all (a third occurrence may be none in any note here)."""
        members = ids.astype(np.int64)
        known = np.ones(len(ids), dtype=bool)
        again = np.flatnonzero(repetition)
        keys = _pack(ids[again], repetition[again])
        place = np.searchsorted(self._repeated, keys)
        members[again] = self._index.different + place
        known[again] = np.append(self._repeated, NONE)[place] == keys
        return members, known

    def best(self, block: Words) -> Nearest:
        """The nearest note of a block for every synthetic note; a count of 0 where nothing is shared."""
        notes, ids, repetition = _occurrences(block, self._index.find(block))
        members, known = self._members(ids, repetition)
        contents = _indicators(notes[known], members[known], (len(block.lengths), self._matrix.shape[0]))
        shared = self._count(contents)
        overlap = shared.max(axis=0)
        neighbour = np.zeros(self._notes, dtype=np.int64)
        some = np.flatnonzero(overlap)
        neighbour[some] = shared[:, some].argmax(axis=0)
        return Nearest(neighbour, overlap.astype(np.int64))

    def _count(self, contents: sparse.csr_array) -> np.ndarray:
        """Multiplies contents by holders: shared members [notes of the block, synthetic notes]."""
        pairs = np.bincount(contents.indices, minlength=contents.shape[1]) * self._frequency
        frequent = np.flatnonzero(pairs > DENSE_FROM * contents.shape[0] * self._notes)
        if not len(frequent) or len(frequent) >= EXACT_FLOAT:
            return (contents @ self._matrix).toarray()
        column = np.full(contents.shape[1], NONE, dtype=np.int32)
        column[frequent] = np.arange(len(frequent))
        of_entry = column[contents.indices]
        is_dense = of_entry != NONE
        rows = np.repeat(np.arange(contents.shape[0]), np.diff(contents.indptr))
        counts = np.zeros((contents.shape[0], len(frequent)), dtype=np.float32)
        counts[rows[is_dense], of_entry[is_dense]] = 1
        counts = counts @ self._matrix[frequent].toarray().astype(np.float32)
        rare = _indicators(rows[~is_dense], contents.indices[~is_dense], contents.shape)
        product = rare @ self._matrix
        counts += product.toarray()
        return counts


def _occurrences(words: Words, found: Found) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tells the first, second, … occurrence of an n-gram in a note apart.

    Returns:
        note, id and repetition (0 for the first occurrence) of each, sorted by note and id.
    """
    keys = np.sort(_pack(notes_of(words, found.positions), found.ids))
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    repetition = np.arange(len(keys)) - np.repeat(starts, np.diff(starts, append=len(keys)))
    return keys >> 32, keys & 0xFFFFFFFF, repetition


def _pack(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Packs two numbers of [0, 2**31) into one of 64 bits, without loss."""
    return first.astype(np.int64) << 32 | second.astype(np.int64)


def _indicators(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """A matrix with a one at every (row, column)."""
    return sparse.coo_array((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=shape).tocsr()
