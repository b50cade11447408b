"""What is said about the nearest neighbours of a corpus: aggregates only, never a note or a pair."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from synthnotes.privacy.passages import longest_common_run, shared_ngram_frequencies
from synthnotes.privacy.rouge import NONE
from synthnotes.privacy.tokens import Tokenizer

RECALL_BINS = 50


def summarise(values: Sequence[float] | np.ndarray | pd.Series) -> dict[str, float | None]:
    """Mean, median, minimum and maximum; None for all of them where there are no values."""
    numbers = np.asarray(values, dtype=np.float64)
    statistics = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max}
    return {name: float(statistic(numbers)) if numbers.size else None for name, statistic in statistics.items()}


def recall_summary(neighbours: pd.DataFrame, top: int) -> dict[str, int | dict[str, float | None]]:
    """Summarises recall over all notes and over the `top` highest; counts the notes that share nothing at all."""
    highest = neighbours["recall"].nlargest(top)
    return {
        "notes": len(neighbours),
        "notes_without_neighbour": int((neighbours["real_index"] == NONE).sum()),
        "all": summarise(neighbours["recall"]),
        "top_notes": len(highest),
        "top": summarise(highest),
    }


def passage_summary(
    neighbours: pd.DataFrame, notes: Sequence[str], training: Sequence[str], top: int, n: int, tokenizer: Tokenizer
) -> dict[str, int | dict[str, float | None]]:
    """Summarises the longest common runs of the `top` nearest pairs, and how common their n-grams are in training.

    Args:
        neighbours: as `nearest_neighbours` gives them.
        notes: the texts that `synthetic_index` counts.
        training: the texts that `real_index` counts.
        top: how many pairs; of equal recall, the first notes.
        n: words per n-gram.
        tokenizer: cuts notes into the words of n-grams.
    """
    nearest = neighbours[neighbours["real_index"] != NONE].nlargest(top, "recall")
    pairs = [
        (notes[note], training[real])
        for note, real in zip(nearest["synthetic_index"], nearest["real_index"], strict=True)
    ]
    return {
        "pairs": len(pairs),
        "longest_run_words": summarise([longest_common_run(*pair) for pair in pairs]),
        "shared_ngrams": len(frequencies := shared_ngram_frequencies(pairs, training, n, tokenizer)),
        "occurrences_in_training": summarise(frequencies),
    }


def recall_distribution(recalls: Mapping[str, pd.Series]) -> pd.DataFrame:
    """The distribution of recall by kind of note, in bins of equal width.

    Args:
        recalls: the recalls of each kind.

    Returns:
        Columns kind, recall (a bin's upper end; its lower end is the one before, and the first bin holds 0), notes,
        share (of the kind's notes in the bin), cumulative_share (of notes up to the bin's upper end).
    """
    edges = np.arange(RECALL_BINS + 1) / RECALL_BINS
    tables = []
    for kind, values in recalls.items():
        # Bins are open below and closed above, so that a recall on an edge counts as "up to" it.
        bins = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, None)
        notes = np.bincount(bins, minlength=RECALL_BINS)
        shares = notes / max(1, len(values))
        tables.append(
            pd.DataFrame(
                {
                    "kind": kind,
                    "recall": edges[1:],
                    "notes": notes,
                    "share": shares,
                    "cumulative_share": shares.cumsum(),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
