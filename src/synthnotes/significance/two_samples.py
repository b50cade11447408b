"""Significance of differences between paired or independent samples, as plain numbers for the results.

Every function returns None in place of a number that the data do not define (no variance, too few values).
"""

import math
import warnings
from collections.abc import Sequence

import numpy as np
from scipy import stats

Numbers = Sequence[float] | np.ndarray
EXACT_PAIRS = 50  # up to here, Wilcoxon's test is exact


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


def wilcoxon(first: Numbers, second: Numbers) -> dict[str, float | int | bool | None]:
    """Wilcoxon's signed-rank test of paired ratings; pairs without a difference are left out (Wilcoxon 1945).

    Up to `EXACT_PAIRS` pairs the p-value is exact given the ties, which ratings are full of: it counts, among all ways
    to set the signs of the ranks, those at least as far from the middle. Beyond, it is the normal approximation.

    Returns:
        w: the smaller of the sums of positive and of negative ranks; p: two-sided; pairs: with a difference; exact.
    """
    # Means of ratings: rounding keeps ties that the arithmetic would break.
    difference = np.round(np.asarray(first, float) - np.asarray(second, float), 9)
    difference = difference[difference != 0]
    pairs = len(difference)
    if not pairs:
        return {"w": None, "p": None, "pairs": 0, "exact": True}
    ranks = stats.rankdata(np.abs(difference))
    positive = ranks[difference > 0].sum()
    smaller = float(min(positive, ranks.sum() - positive))
    if pairs > EXACT_PAIRS:
        p = finite(stats.wilcoxon(difference, zero_method="wilcox", method="asymptotic").pvalue)
        return {"w": smaller, "p": p, "pairs": pairs, "exact": False}
    return {"w": smaller, "p": _signed_rank_tails(ranks, smaller), "pairs": pairs, "exact": True}


def _signed_rank_tails(ranks: np.ndarray, smaller: float) -> float:
    """The share of all assignments of signs whose smaller sum of ranks is at most `smaller` (midranks allowed)."""
    doubled = np.rint(2 * ranks).astype(int)  # midranks are halves
    share = np.zeros(doubled.sum() + 1)  # of the assignments, by the doubled sum of positive ranks
    share[0] = 1.0
    for rank in doubled:
        moved = np.zeros_like(share)
        moved[rank:] = share[: len(share) - rank]
        share = (share + moved) / 2
    # The distribution is symmetric; where `smaller` is its middle, both tails share it.
    return float(min(1.0, 2 * share[: round(2 * smaller) + 1].sum()))


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


def mean_interval(values: Numbers, level: float) -> tuple[float | None, float | None]:
    """Student's interval of a mean, which covers 1 - level; None without variance."""
    values = np.asarray(values, float)
    error = stats.sem(values) if len(values) > 1 else 0.0
    if not error:
        return None, None
    low, high = stats.t.interval(1 - level, len(values) - 1, loc=values.mean(), scale=error)
    return finite(low), finite(high)


def equivalence(first: Numbers, second: Numbers, margin: float, level: float) -> dict[str, float | bool | None]:
    """Two one-sided t-tests of paired values: is the mean difference within ± margin (Schuirmann 1987)?

    Returns:
        difference: mean of first - second; low, high: its interval, which covers 1 - 2 level and lies within the margin
        exactly where the values are equivalent; p: the larger of the two one-sided p-values; margin; equivalent.
    """
    difference = np.asarray(first, float) - np.asarray(second, float)
    low, high = mean_interval(difference, 2 * level)
    result = {"difference": finite(difference.mean()), "low": low, "high": high, "p": None, "margin": margin}
    if low is None:
        return result | {"equivalent": False}
    error, degrees = stats.sem(difference), len(difference) - 1
    above = stats.t.sf((difference.mean() + margin) / error, degrees)
    below = stats.t.cdf((difference.mean() - margin) / error, degrees)
    p = float(max(above, below))
    return result | {"p": p, "equivalent": p < level}
