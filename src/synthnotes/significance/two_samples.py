"""Two paired or independent samples: tests of their difference, its size, and their correlation, as plain numbers.

Every function returns None in place of a number that the data do not define (no variance, too few values).
"""

import math
import warnings
from collections.abc import Sequence
from statistics import NormalDist
from typing import TypedDict

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

Numbers = Sequence[float] | np.ndarray
EXACT_PAIRS = 50  # up to here, Wilcoxon's test is exact
TINY = 1e-12  # a smaller standard error is rounding
FEWEST = 3  # pairs for a correlation; any two points lie on a line
FEWEST_FOR_INTERVAL = 4  # pairs; its variance divides by n - 3
CORRELATION_LEVEL = 0.05  # the interval of a correlation covers the rest
Correlation = dict[str, float | None]


class Correlations(TypedDict):
    """What `correlate` gives."""

    n: int
    pearson: Correlation
    spearman: Correlation


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
    return multipletests(p_values, method="holm")[1].tolist() if len(p_values) else []


def mean_interval(values: Numbers, significance_level: float) -> tuple[float | None, float | None]:
    """Student's interval of a mean, which covers 1 - significance_level; None without variance."""
    values = np.asarray(values, float)
    error = stats.sem(values) if len(values) > 1 else 0.0
    if not error:
        return None, None
    low, high = stats.t.interval(1 - significance_level, len(values) - 1, loc=values.mean(), scale=error)
    return finite(low), finite(high)


def equivalence(
    first: Numbers, second: Numbers, margin: float, significance_level: float
) -> dict[str, float | bool | None]:
    """Two one-sided t-tests of paired values: is the mean difference within ± margin (Schuirmann 1987)?

    Returns:
        difference: mean of first - second; low, high: its interval, which covers 1 less twice the level and lies within
        the margin exactly where the values are equivalent; p: the larger of the one-sided p-values; margin; equivalent.
    """
    difference = np.asarray(first, float) - np.asarray(second, float)
    low, high = mean_interval(difference, 2 * significance_level)
    result = {"difference": finite(difference.mean()), "low": low, "high": high, "p": None, "margin": margin}
    if low is None:
        return result | {"equivalent": False}
    error, degrees = stats.sem(difference), len(difference) - 1
    above = stats.t.sf((difference.mean() + margin) / error, degrees)
    below = stats.t.cdf((difference.mean() - margin) / error, degrees)
    p = float(max(above, below))
    return result | {"p": p, "equivalent": p < significance_level}


def cliffs_delta(first: np.ndarray, second: np.ndarray) -> float:
    """Cliff's delta: P(first > second) - P(first < second) over all pairs of values (Cliff 1993), in [-1, 1]."""
    return float(np.sign(np.subtract.outer(first, second)).mean())


def cliffs_delta_interval(
    first: np.ndarray, second: np.ndarray, significance_level: float
) -> tuple[float | None, float | None]:
    """Student's interval of Cliff's delta on the jackknife by rater, since a rater's answers hang together.

    With four or ten raters a percentile bootstrap covers too little (80 and 90 % where 95 % are meant).

    Args:
        first, second: ratings, raters x notes, NaN where a rater did not rate a note; no rater without a rating.
        significance_level: 1 - coverage, for instance 0.05.

    Returns:
        Low and high, within [-1, 1]; None for a single rater, or where leaving one out changes nothing.
    """
    raters = len(first)
    if raters < 2:
        return None, None
    # Of the first ratings of rater a against the second ratings of rater b: wins less losses, and comparisons.
    signs = np.sign(first[:, None, :, None] - second[None, :, None, :])
    wins, comparisons = np.nansum(signs, axis=(2, 3)), np.isfinite(signs).sum(axis=(2, 3))
    deltas = _without_each(wins) / _without_each(comparisons)
    error = np.sqrt((raters - 1) * deltas.var())
    if error < TINY:
        return None, None
    delta, reach = wins.sum() / comparisons.sum(), stats.t.isf(significance_level / 2, raters - 1) * error
    return float(max(-1.0, delta - reach)), float(min(1.0, delta + reach))


def _without_each(of_raters: np.ndarray) -> np.ndarray:
    """The sum of a matrix raters x raters without the row and the column of each rater."""
    return of_raters.sum() - of_raters.sum(axis=0) - of_raters.sum(axis=1) + np.diag(of_raters)


def correlate(first: np.ndarray, second: np.ndarray) -> Correlations:
    """Pearson's and Spearman's correlation with two-sided p-values and 95 % intervals.

    Returns:
        n, the number of pairs; pearson and spearman, each with r, low, high and p, which are None where they are not
        defined: fewer than three pairs (four for an interval), or a sample without variance.
    """
    if len(first) < FEWEST or np.ptp(first) == 0 or np.ptp(second) == 0:
        undefined: Correlation = dict.fromkeys(("r", "low", "high", "p"))
        return {"n": len(first), "pearson": undefined, "spearman": undefined}
    pearson, spearman = stats.pearsonr(first, second), stats.spearmanr(first, second)
    # Fisher's variance for Pearson's r; for Spearman's, Bonett and Wright's (2000).
    return {
        "n": len(first),
        "pearson": _described(pearson.statistic, pearson.pvalue, len(first), 1),
        "spearman": _described(spearman.statistic, spearman.pvalue, len(first), 1 + spearman.statistic**2 / 2),
    }


def _described(r: float, p: float, n: int, variance: float) -> Correlation:
    """The coefficient and p, with the interval that is symmetric on the scale of Fisher's z.

    Args:
        r, p: the coefficient and its p-value.
        n: pairs.
        variance: of z, times n - 3.
    """
    low = high = None
    if n >= FEWEST_FOR_INTERVAL:
        half = NormalDist().inv_cdf(1 - CORRELATION_LEVEL / 2) * np.sqrt(variance / (n - 3))
        with np.errstate(divide="ignore"):  # a perfect correlation has an infinite z, and itself as interval
            z = np.arctanh(np.clip(r, -1, 1))
        low, high = float(np.tanh(z - half)), float(np.tanh(z + half))
    return {"r": finite(r), "low": low, "high": high, "p": finite(p)}
