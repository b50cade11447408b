"""ROUGE-n nearest neighbours: for each synthetic note the training note that holds most of it (paper, section 7).

Recall is the clipped count of shared n-grams over the n-grams of the synthetic note (Lin 2004), as the package
`rouge_score` computes it with the synthetic note as target. Only pairs that share an n-gram are ever looked at: an
inverted index holds the synthetic notes, and the training notes stream through it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from tqdm import tqdm

from synthnotes.privacy.ngrams import UNKNOWN, Ngrams, Vocabulary, pack, repetitions
from synthnotes.privacy.tokens import TOKENIZERS, Tokenizer

NOTES_PER_BLOCK = 2_048  # training notes tokenised and looked up at once
PAIRS_AT_ONCE = 4_000_000  # counts of shared n-grams held at once, 4 bytes each
NONE = -1  # the neighbour of a note that shares nothing


def nearest_neighbours(
    synthetic: Sequence[str], real: Sequence[str], n: int = 5, tokenizer: Tokenizer = "ascii"
) -> pd.DataFrame:
    """Finds, for each synthetic note, the real note with the highest ROUGE-n recall; ties go to the first.

    Args:
        synthetic: the notes to find neighbours for.
        real: the notes to search, in training order.
        n: words per n-gram.
        tokenizer: `ascii` cuts words as `rouge_score` does, `unicode` keeps letters of any script.

    Returns:
        One row per synthetic note, in order: synthetic_index, real_index (-1 where nothing is shared), overlap (the
        clipped count of shared n-grams), and of that pair recall, precision and f1, equal to `rouge_score`'s.
    """
    vocabulary = Vocabulary(synthetic, n, TOKENIZERS[tokenizer])
    index = _Index(vocabulary.ngrams)
    overlap = np.zeros(len(synthetic), dtype=np.int64)
    neighbour = np.full(len(synthetic), NONE, dtype=np.int64)
    totals = np.zeros(len(real), dtype=np.int64)

    with tqdm(total=len(real), desc=f"ROUGE-{n} neighbours", unit=" notes", mininterval=1) as progress:
        for start in range(0, len(real), NOTES_PER_BLOCK):
            block = vocabulary.find(real[start : start + NOTES_PER_BLOCK])
            totals[start : start + len(block.totals)] = block.totals
            for first, shared in index.shared(block):
                best = shared.max(axis=0)
                nearer = best > overlap  # not >=: an earlier note keeps a tie
                neighbour[nearer] = start + first + shared[:, nearer].argmax(axis=0)
                overlap[nearer] = best[nearer]
            progress.update(len(block.totals))

    found = neighbour != NONE
    real_totals = np.where(found, totals[neighbour] if len(real) else 0, 0)
    recall = overlap / np.maximum(vocabulary.ngrams.totals, 1)
    precision = overlap / np.maximum(real_totals, 1)
    return pd.DataFrame(
        {
            "synthetic_index": np.arange(len(synthetic)),
            "real_index": neighbour,
            "overlap": overlap,
            "recall": recall,
            "precision": precision,
            "f1": np.divide(2 * precision * recall, precision + recall, out=np.zeros(len(synthetic)), where=found),
        }
    )


class _Index:
    """The synthetic notes by what they hold: every repetition of every n-gram is a member of its own."""

    def __init__(self, ngrams: Ngrams) -> None:
        notes, ids, repetition = repetitions(ngrams)
        members, pairs = pd.factorize(pack(ids, repetition))
        self._pairs = pd.Index(pairs)
        self._notes = len(ngrams.totals)
        self._holders = _indicators(members, notes, (len(pairs), self._notes))

    def shared(self, block: Ngrams) -> Iterator[tuple[int, np.ndarray]]:
        """Counts what the notes of a block share with every synthetic note.

        Yields:
            The position in the block of the first note counted, and the counts: int32 [some notes, synthetic notes].
        """
        notes, ids, repetition = repetitions(block)
        members = self._pairs.get_indexer(pack(ids, repetition))
        known = members != UNKNOWN
        contents = _indicators(notes[known], members[known], (len(block.totals), len(self._pairs)))
        rows = max(1, PAIRS_AT_ONCE // max(1, self._notes))
        for first in range(0, contents.shape[0], rows):
            yield first, (contents[first : first + rows] @ self._holders).toarray()


def _indicators(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """A matrix with a one at every (row, column)."""
    return sparse.coo_array((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=shape).tocsr()
