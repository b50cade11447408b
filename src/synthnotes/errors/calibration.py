"""Do a coder's probabilities mean what they say? Reliability curve and expected calibration error.

Of the codes to which a calibrated coder gives 0.7, seven in ten are true (Guo et al. 2017). Probabilities are kept at
half precision, which has 15,361 values in [0, 1]: how often each was given, and how often rightly, tells it all.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from synthnotes.machinery.disclosure import Table, over, people, share

VALUES = np.arange(np.float16(1).view(np.uint16) + 1, dtype=np.uint16).view(np.float16).astype(np.float64)
NOTES_AT_ONCE = 1_000


class Histogram(NamedTuple):
    """How often a coder gave each value in VALUES to a note and a code that occurs in E, and how often rightly."""

    decisions: np.ndarray
    true: np.ndarray


def histogram(probabilities: np.ndarray, truth: sparse.csr_array) -> Histogram:
    """Counts probabilities.

    Args:
        probabilities: float [notes, codes].
        truth: bool [notes, codes]; codes that no note has are left out, as in the metrics.
    """
    occurring = truth.sum(axis=0) > 0
    decisions = np.zeros(len(VALUES), dtype=np.int64)
    for start in range(0, len(probabilities), NOTES_AT_ONCE):
        bits = _bits(probabilities[start : start + NOTES_AT_ONCE, occurring])
        decisions += np.bincount(bits.ravel(), minlength=len(VALUES))
    return Histogram(decisions, np.bincount(_bits(probabilities[truth.nonzero()]), minlength=len(VALUES)))


def calibration(counted: Histogram, threshold: float, bins: int) -> dict[str, Any]:
    """Summarises calibration over all decisions, nearly all of which are easy, and over the codes predicted.

    Args:
        counted: the coder's probabilities.
        threshold: a code is predicted where its probability is greater.
        bins: of equal width, for the expected calibration error.

    Returns:
        decisions, mean_probability, share_true, brier score, and expected_calibration_error, the mean gap between
        probability and share of true codes, weighted by the decisions in a bin; the same of the codes predicted.
        None where there is no decision.
    """
    predicted = np.float32(threshold) < VALUES
    of_predicted = Histogram(np.where(predicted, counted.decisions, 0), np.where(predicted, counted.true, 0))
    return _summary(counted, bins) | {"predicted": _summary(of_predicted, bins)}


def reliability(counted: Histogram, bins: int) -> pd.DataFrame:
    """The reliability curve.

    Returns:
        One row per bin of equal width that holds a decision: probability, their mean; share_true; decisions.
    """
    bin_of = np.minimum((VALUES * bins).astype(np.int64), bins - 1)
    decisions, true, total = (
        np.bincount(bin_of, weights=counts, minlength=bins)
        for counts in (counted.decisions, counted.true, counted.decisions * VALUES)
    )
    filled = decisions > 0
    decisions = decisions[filled]
    values = {"probability": total[filled] / decisions, "share_true": true[filled] / decisions}
    return pd.DataFrame(values | {"decisions": decisions.astype(np.int64)})


def table(frame: pd.DataFrame) -> Table:
    """Curves that `reliability` gives, by coder, for `publish`."""
    return Table(frame, ["coder"], ["decisions"], ["probability", "share_true"], by=["coder"])


def _summary(counted: Histogram, bins: int) -> dict[str, int | float | None]:
    decisions, true = int(counted.decisions.sum()), int(counted.true.sum())
    if not decisions:
        names = ("mean_probability", "share_true", "brier", "expected_calibration_error")
        return {"decisions": people(0)} | dict.fromkeys(names)
    curve = reliability(counted, bins)
    gaps = (curve["probability"] - curve["share_true"]).abs() * curve["decisions"]
    squares = counted.decisions @ VALUES**2 - 2 * counted.true @ VALUES + true
    measures = {
        "mean_probability": float(counted.decisions @ VALUES / decisions),
        "share_true": share(true, decisions),
        "brier": float(squares / decisions),
        "expected_calibration_error": float(gaps.sum() / decisions),
    }
    return {"decisions": people(decisions)} | over(decisions, measures)


def _bits(probabilities: np.ndarray) -> np.ndarray:
    """The place of each probability in VALUES: halves that are not negative are ordered as their bits are."""
    return np.abs(probabilities.astype(np.float16)).view(np.uint16)
