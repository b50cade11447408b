"""F1 against the frequency of codes and the length of notes, in quantile bins (paper, 6.3.2)."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from synthnotes.errors.decisions import Decisions
from synthnotes.machinery.disclosure import Parts, Table, computed, over, people, setting
from synthnotes.significance.correlations import correlate

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


def frequency_points(decisions: Decisions, frequency: np.ndarray) -> Points:
    """F1 of each code that occurs in E against the number of training notes that have it, at least one.

    Args:
        decisions: for the notes of E.
        frequency: training notes per code, [codes].
    """
    judged = decisions.occurring & (frequency > 0)
    with_code = (decisions.truth.T.astype(np.int32) @ _patients(decisions)).tocsr() > 0
    return Points(frequency[judged], decisions.f1_per_code()[judged], with_code[judged])


def length_points(decisions: Decisions, words: np.ndarray) -> Points:
    """F1 of each note of E against its length in words, [notes]."""
    return Points(words, decisions.f1_per_note(), _patients(decisions))


def _patients(decisions: Decisions) -> sparse.csr_array:
    """Whose note it is, as a matrix: [notes, patients]."""
    notes = len(decisions.patients)
    shape = (notes, int(decisions.patients.max(initial=-1)) + 1)
    return sparse.csr_array((np.ones(notes, dtype=np.int32), (np.arange(notes), decisions.patients)), shape=shape)


def frequency_correlation(points: Points, decisions: Decisions) -> dict:
    """Correlation of F1 with log frequency, and how many codes of E the coder never saw in training."""
    unseen = int(decisions.occurring.sum()) - len(points.x)
    found = {"codes_unseen_in_training": unseen, **computed(correlate, np.log10(points.x), points.f1)}
    return over(len(np.unique(decisions.patients)), found)


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

    Args:
        x: the values.
        bins: at most so many bins; fewer where there are too few values, or too many equal ones.

    Returns:
        The bin of each value, counted from 0 in ascending order: int [values]; one for all where they are too few.
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
    """Curves that `binned` gives, for `publish`: the bins of one curve, told by its names, make up all codes or notes.

    Args:
        frame: the curves.
        names: its columns before those of `binned`.
    """
    return Table(frame, [*names, "x", "count"], ["patients"], ["mean", "sd"], by=names)


def binned(points: Points, bin_of: np.ndarray) -> pd.DataFrame:
    """Summarises a curve by bins.

    Args:
        points: the curve's.
        bin_of: the bin of each point.

    Returns:
        One row per bin, ascending: x (the median of its points), mean and sd of F1 (None for a single point), count of
        points and, where they are known, of patients.
    """
    groups = pd.DataFrame({"bin": bin_of, "x": points.x, "f1": points.f1}).groupby("bin")
    summary = groups.agg(x=("x", "median"), mean=("f1", "mean"), sd=("f1", "std"), count=("f1", "size"))
    if points.patients is not None:
        ones, shape = np.ones(len(bin_of), dtype=np.int32), (len(summary), len(bin_of))
        members = sparse.csr_array((ones, (bin_of, np.arange(len(bin_of)))), shape=shape)
        summary["patients"] = ((members @ points.patients) > 0).sum(axis=1)
    return summary.reset_index(drop=True)
