"""What is said about the nearest neighbours of a corpus: aggregates only, never a note or a pair."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, SupportsFloat

import numpy as np
import pandas as pd

from synthnotes.machinery.disclosure import Table, also, extreme, over, people
from synthnotes.privacy.overlap.inverted_index import NONE

RECALL_BINS = 50


def summarise(values: Sequence[float] | np.ndarray | pd.Series, basis: int | None = None) -> dict[str, float | None]:
    """Mean, median, minimum and maximum; None for all of them where there are no values.

    Args:
        values: the values.
        basis: of how many notes they are; of as many as there are values where it is not given.
    """
    numbers = np.asarray(values, dtype=np.float64)
    statistics: dict[str, Callable[[np.ndarray], SupportsFloat]]
    statistics = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max}
    found = {name: float(statistic(numbers)) if numbers.size else None for name, statistic in statistics.items()}
    found |= {name: extreme(found[name]) for name in ("min", "max")}
    return over(numbers.size if basis is None else basis, found)


def recall_summary(neighbours: pd.DataFrame, top: int, left_out: int = 0) -> dict[str, int | dict[str, float | None]]:
    """Summarises recall over all notes and over the `top` highest; counts the notes that share nothing at all.

    Args:
        neighbours: of these notes.
        top: how many of the highest.
        left_out: how many notes, since their text stands in training.
    """
    highest = neighbours["recall"].nlargest(top)
    rest = len(neighbours) - len(highest)  # whose mean follows from the two that are told
    return {
        "notes": also(left_out, people(len(neighbours))),
        "notes_without_neighbour": people(int((neighbours["real_index"] == NONE).sum())),
        "all": summarise(neighbours["recall"]),
        "top_notes": people(len(highest), len(neighbours)),
        "top": summarise(highest, min(len(highest), rest) if rest else len(highest)),
    }


def longest_summary(passages: pd.DataFrame, top: int) -> dict[str, Any]:
    """Summarises the longest shared passages, and the `top` longest apart: words, and training notes with them."""
    longest = passages.nlargest(top, "words")
    return {
        "words": summarise(passages["words"]),
        "longest": {
            "passages": people(len(longest)),
            "words": summarise(longest["words"]),
            "training_notes": summarise(longest["training_notes"]),
        },
    }


def length_distribution(lengths: Mapping[str, pd.Series], left_out: int = 0) -> Table:
    """The share of notes whose longest shared passage has more words than a number, by kind.

    Args:
        lengths: the lengths of each kind, in words.
        left_out: how many unseen notes, since their text stands in training.

    Returns:
        Columns kind, words (every length that occurs, and 0), notes (of exactly this length), share_longer.
    """
    tables = []
    for kind, values in lengths.items():
        counts = values.value_counts().reindex({0, *values}, fill_value=0).sort_index()
        longer = 1 - counts.cumsum() / max(1, len(values))
        columns = {"kind": kind, "words": counts.index, "notes": counts.to_numpy(), "share_longer": longer.to_numpy()}
        tables.append(pd.DataFrame(columns))
    every = pd.concat(tables, ignore_index=True)
    return Table(
        every, ["kind", "words"], ["notes"], ["share_longer"], by=["kind"], added=(), longest=True, left_out=left_out
    )


def recall_distribution(recalls: Mapping[str, pd.Series], left_out: int = 0) -> Table:
    """The distribution of recall by kind of note, in bins of equal width.

    Args:
        recalls: the recalls of each kind.
        left_out: how many unseen notes, since their text stands in training.

    Returns:
        Columns kind, recall (a bin's upper end; its lower end is the one before, and the first bin holds 0), notes,
        share (of the kind's notes in the bin), cumulative_share (of notes up to the bin's upper end).
    """
    edges = np.arange(RECALL_BINS + 1) / RECALL_BINS
    tables, shares_of = [], ["share", "cumulative_share"]
    for kind, values in recalls.items():
        # Bins are open below and closed above, so that a recall on an edge counts as "up to" it.
        bins = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, None)
        notes = np.bincount(bins, minlength=RECALL_BINS)
        shares = notes / max(1, len(values))
        columns = {"kind": kind, "recall": edges[1:], "notes": notes}
        tables.append(pd.DataFrame(columns | {"share": shares, "cumulative_share": shares.cumsum()}))
    every = pd.concat(tables, ignore_index=True)
    return Table(every, ["kind", "recall"], ["notes"], shares_of, by=["kind"], added=["share"], left_out=left_out)
