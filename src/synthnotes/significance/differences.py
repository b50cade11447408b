"""Significance of differences between paired or independent samples, as plain numbers for the results.

Every function returns None in place of a number that the data do not define (no variance, too few values).
"""

import math
import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

Numbers = Sequence[float] | np.ndarray


def finite(value: float) -> float | None:
    """Turns NaN and infinities, which JSON does not know, into None."""
    value = float(value)
    return value if math.isfinite(value) else None


def t_test(first: Numbers, second: Numbers, equal_variance: bool) -> dict[str, float | None]:
    """Student's (equal variances) or Welch's t-test of the means of two independent samples, first minus second."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # constant samples are told by None
        result = stats.ttest_ind(first, second, equal_var=equal_variance)
    return {"t": finite(result.statistic), "p": finite(result.pvalue)}


def wilcoxon(first: Numbers, second: Numbers) -> dict[str, float | None]:
    """Wilcoxon's signed-rank test of paired ratings; pairs without a difference are left out (Wilcoxon 1945)."""
    difference = np.asarray(first, float) - np.asarray(second, float)
    if not np.any(difference):
        return {"w": None, "p": None}
    result = stats.wilcoxon(difference, zero_method="wilcox")
    return {"w": finite(result.statistic), "p": finite(result.pvalue)}


def mann_whitney(first: Numbers, second: Numbers) -> dict[str, float | None]:
    """Mann-Whitney U of two independent samples, with correction for ties."""
    result = stats.mannwhitneyu(first, second, alternative="two-sided")
    return {"u": finite(result.statistic), "p": finite(result.pvalue)}


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment of a family of p-values (Holm 1979), in the order given."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, float)[order] * factors))
    result = np.empty(len(p_values))
    result[order] = adjusted
    return result.tolist()


def equivalence(first: Numbers, second: Numbers, margin: float) -> dict[str, float | None]:
    """Two one-sided t-tests of paired values: is the mean difference within ± margin (Schuirmann 1987)?

    Returns:
        difference: mean of first - second; p: the larger of the two one-sided p-values, below the significance level
        where the values are equivalent within the margin.
    """
    difference = np.asarray(first, float) - np.asarray(second, float)
    error = stats.sem(difference) if len(difference) > 1 else 0.0
    if not error:
        return {"difference": finite(difference.mean()), "p": None}
    degrees = len(difference) - 1
    above = stats.t.sf((difference.mean() + margin) / error, degrees)
    below = stats.t.cdf((difference.mean() - margin) / error, degrees)
    return {"difference": finite(difference.mean()), "p": finite(max(above, below))}
