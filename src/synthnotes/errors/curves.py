"""F1 against the frequency of codes and the length of notes, in quantile bins (paper, 6.3.2)."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from synthnotes.coding.outcomes import Outcome, membership
from synthnotes.machinery.disclosure import Parts, Table, computed, over, people, setting
from synthnotes.significance.two_samples import correlate

SMALLEST_BIN = 5  # codes or notes, so that a bin tells about no single one


class Points(NamedTuple):
    """What a curve is made of: x, and F1 at x, per code or per note; and which patients have that code or note.

    Attributes:
        x, f1: [points].
        patients: bool [points, patients]; None where they do not matter.
    """

    x: np.ndarray
    f1: np.ndarray
    patients: sparse.csr_array | None = None


def frequency_points(outcome: Outcome, frequency: np.ndarray) -> Points:
    """F1 of each code that occurs in E against the number of training notes that have it, at least one.

    Args:
        outcome: for the notes of E.
        frequency: training notes per code, [codes].
    """
    judged = outcome.occurring & (frequency > 0)
    with_code = (outcome.truth.T.astype(np.int32) @ membership(outcome.patients)).tocsr() > 0
    return Points(frequency[judged], outcome.f1_per_code[judged], with_code[judged])


def length_points(outcome: Outcome, words: np.ndarray) -> Points:
    """F1 of each note of E against its length in words, [notes]."""
    return Points(words, outcome.f1_per_note, membership(outcome.patients))


def frequency_correlation(points: Points, outcome: Outcome) -> dict:
    """Correlation of F1 with log frequency, and how many codes of E the coder never saw in training."""
    unseen = int(outcome.occurring.sum()) - len(points.x)
    found = {"codes_unseen_in_training": unseen, **computed(correlate, np.log10(points.x), points.f1)}
    return over(len(np.unique(outcome.patients)), found)


def length_correlation(points: Points, boundary: int, limit: int) -> dict:
    """Correlation of F1 with length for notes below the boundary, and from there to the coder's limit; in words."""
    below = points.x < boundary
    above = ~below & (points.x <= limit)
    parts: dict[str, Any] = {
        name: over(_patients_of(points, which), computed(correlate, points.x[which], points.f1[which]))
        for name, which in (("below", below), ("above", above))
    }
    beyond = points.x > limit
    parts["notes_beyond_limit"] = people(int(beyond.sum()), patients=_patients_of(points, beyond))
    return Parts(setting({"boundary": boundary, "limit": limit}) | parts, tuple(parts))


def quantile_bins(x: np.ndarray, bins: int) -> np.ndarray:
    """Cuts values into quantile bins that keep equal values together and hold at least SMALLEST_BIN of them each.

    Returns:
        The bin of each value, counted from 0 in ascending order: int [values]; at most so many bins, fewer where there
        are too few values or too many equal ones.
    """
    values, position, counts = np.unique(x, return_inverse=True, return_counts=True)
    fewest = max(len(x) / bins, SMALLEST_BIN)
    bin_of = np.zeros(len(values), dtype=np.int64)
    current, filled, left = 0, 0, len(x)
    for index, count in enumerate(counts):
        bin_of[index] = current
        filled, left = filled + count, left - count
        if filled >= fewest and left >= SMALLEST_BIN:
            current, filled = current + 1, 0
    return bin_of[position]


def _patients_of(points: Points, which: np.ndarray) -> int:
    """How many patients some notes are of; the notes themselves where that is not known."""
    held = points.patients
    return int(which.sum()) if held is None else int((held[which].sum(axis=0) > 0).sum())


def table(frame: pd.DataFrame, *names: str) -> Table:
    """Curves that `binned` gives, for `publish`; `names` are the columns before those of `binned`.

    The bins of one curve, told by these names, make up all codes or notes.
    """
    return Table(frame, [*names, "x", "count"], ["patients"], ["mean", "sd"], by=names)


def binned(points: Points, bin_of: np.ndarray) -> pd.DataFrame:
    """Summarises a curve by bins, given as the bin of each point.

    Returns:
        One row per bin, ascending: x (the median of its points), mean and sd of F1 (None for a single point), count of
        points and, where they are known, of patients.
    """
    groups = pd.DataFrame({"bin": bin_of, "x": points.x, "f1": points.f1}).groupby("bin")
    summary = groups.agg(x=("x", "median"), mean=("f1", "mean"), sd=("f1", "std"), count=("f1", "size"))
    if points.patients is not None:
        summary["patients"] = ((membership(bin_of, len(summary)).T @ points.patients) > 0).sum(axis=1)
    return summary.reset_index(drop=True)
