"""Intervals over what varies by chance: the patients of E, and the seeds of training.

What the patients change is told by the jackknife, which leaves out one after another; what the seeds change, by the
variance between them. Both add up, and the interval is Student's, with Satterthwaite's (1946) degrees of freedom. The
jackknife serves macro averages over codes of a few notes, of which a bootstrap draws some twice and leaves out others:
its percentiles cover 80 to 90 % where 95 are promised (`benchmarks/coverage.py`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

ENOUGH = 3  # seeds of a training set from which the variance between seeds is taken for the set's own
TINY = 1e-9  # what is smaller is rounding
THE_SETS, THESE_CODERS = "the training sets", "these coders"


class Part(NamedTuple):
    """A part of a variance, and the degrees of freedom of its estimate."""

    variance: np.ndarray
    degrees: np.ndarray | int


class Interval(NamedTuple):
    """Bounds, and the p-value of the same t: below `level` exactly where zero lies outside."""

    low: np.ndarray
    high: np.ndarray
    p: np.ndarray


def jackknife(without_each: np.ndarray) -> Part:
    """The variance of a statistic by its values without each patient, or without each seed: [..., left out].

    Of a mean over k seeds, this is their sample variance over k.
    """
    degrees = without_each.shape[-1] - 1
    return Part(degrees * without_each.var(axis=-1), degrees)


def between_seeds(of_seeds: np.ndarray) -> Part:
    """The variance of a mean over seeds, [seeds]."""
    return Part(of_seeds.var(ddof=1) / len(of_seeds), len(of_seeds) - 1)


def student(value: np.ndarray | float, parts: Sequence[Part], level: float) -> Interval:
    """The interval that covers 1 - level, where the parts of the variance are independent.

    Without any variance it is the value alone, and p is 1 for zero and 0 for anything else.
    """
    size, variance = np.broadcast_arrays(np.abs(value), sum(part.variance for part in parts))
    error = np.sqrt(variance)
    of_estimate = sum(np.square(part.variance) / part.degrees for part in parts)
    degrees = np.divide(variance**2, of_estimate, out=np.ones(variance.shape), where=error > TINY)
    reach = np.where(error > TINY, stats.t.isf(level / 2, degrees) * error, 0)
    ratio = np.divide(size, error, out=np.where(size > TINY, np.inf, 0.0), where=error > TINY)
    return Interval(value - reach, value + reach, 2 * stats.t.sf(ratio, degrees))


def about(seeds: Sequence[int]) -> str:
    """What intervals tell about, by the numbers of seeds of the training sets compared."""
    return THE_SETS if min(seeds) >= ENOUGH else THESE_CODERS
