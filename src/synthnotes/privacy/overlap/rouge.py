"""ROUGE-n nearest neighbours: for each synthetic note the training note that holds most of it (paper, section 7).

Recall is the clipped count of shared n-grams over the n-grams of the synthetic note (Lin 2004), as the package
`rouge_score` computes it with the synthetic note as target. An inverted index lists the synthetic notes that hold an
n-gram; for each training note all lists of its n-grams are counted through. The few n-grams that stand in many notes
are bits of the notes instead, 64 of which are compared and counted at once.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthnotes.machinery.progress import Bar
from synthnotes.privacy.overlap import memory
from synthnotes.privacy.overlap.checkpoint import Checkpoint
from synthnotes.privacy.overlap.inverted_index import Holders
from synthnotes.privacy.overlap.ngrams import BYTES_PER_NGRAM, Index, spans
from synthnotes.privacy.overlap.threads import THREADS, in_order
from synthnotes.privacy.overlap.tokens import Tokenizer
from synthnotes.privacy.overlap.vocabulary import Encoder, Words

NONE = -1  # the neighbour of a note that shares nothing
WORDS_AT_ONCE = 1 << 20  # of training notes, after which what was found is added up
BYTES_PER_MEMBER = 60 + 4 * THREADS  # beside the index: lists and bits of its notes, what each thread has seen of it


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
    need = totals * (BYTES_PER_NGRAM + BYTES_PER_MEMBER) + 8
    parts = list(memory.blocks(need, budget, "the index of synthetic notes"))
    checkpoint = Checkpoint(work, f"rouge-{n}", [synthetic.ids, synthetic.starts, real.ids, real.starts])
    with Bar(total=len(parts) * len(real_totals), desc=f"ROUGE-{n}", unit=" notes", mininterval=1) as progress:
        for first, last in parts:
            done, kept = Nearest(*(column[first:last] for column in nearest)), checkpoint.of(f"{first}-{last}")
            _search_block(synthetic.part(first, last), real, n, done, kept, progress)
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
    synthetic: Words, real: Words, n: int, nearest: Nearest, checkpoint: Checkpoint, progress: Bar
) -> None:
    """Brings `nearest` up to date with all real notes, for synthetic notes whose index fits the budget."""
    begin = checkpoint.load(nearest)
    progress.update(begin)
    holders = Holders(Index(synthetic, n))
    blocks = spans(real, WORDS_AT_ONCE, begin)
    found = in_order(lambda block: holders.nearest(real.part(*block)), blocks)
    for (first, last), (neighbour, overlap) in zip(blocks, found, strict=True):
        nearer = overlap > nearest.overlap  # in order of blocks, so that an earlier note keeps a tie
        nearest.neighbour[nearer] = first + neighbour[nearer]
        nearest.overlap[nearer] = overlap[nearer]
        checkpoint.save(last, nearest)
        progress.update(last - first)
