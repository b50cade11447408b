"""Correlation of two paired samples, as plain numbers for the results."""

from statistics import NormalDist

import numpy as np
from scipy import stats

from synthnotes.significance.differences import finite

FEWEST = 3  # pairs; any two points lie on a line
FEWEST_FOR_INTERVAL = 4  # pairs; its variance divides by n - 3
LEVEL = 0.05  # an interval covers the rest
Correlation = dict[str, float | None]


def correlate(first: np.ndarray, second: np.ndarray) -> dict[str, int | Correlation]:
    """Pearson's and Spearman's correlation with two-sided p-values and 95 % intervals.

    Returns:
        n, the number of pairs; pearson and spearman, each with r, low, high and p, which are None where they are not
        defined: fewer than three pairs (four for an interval), or a sample without variance.
    """
    if len(first) < FEWEST or np.ptp(first) == 0 or np.ptp(second) == 0:
        undefined = dict.fromkeys(("r", "low", "high", "p"))
        return {"n": len(first), "pearson": undefined, "spearman": undefined}
    pearson, spearman = stats.pearsonr(first, second), stats.spearmanr(first, second)
    # Fisher's variance for Pearson's r; for Spearman's, Bonett and Wright's (2000).
    return {
        "n": len(first),
        "pearson": _described(pearson, len(first), 1),
        "spearman": _described(spearman, len(first), 1 + spearman.statistic**2 / 2),
    }


def _described(result: object, n: int, variance: float) -> Correlation:
    """The coefficient and p, with the interval that is symmetric on the scale of Fisher's z.

    Args:
        result: SciPy's, with statistic and pvalue.
        n: pairs.
        variance: of z, times n - 3.
    """
    low = high = None
    if n >= FEWEST_FOR_INTERVAL:
        half = NormalDist().inv_cdf(1 - LEVEL / 2) * np.sqrt(variance / (n - 3))
        with np.errstate(divide="ignore"):  # a perfect correlation has an infinite z, and itself as interval
            z = np.arctanh(np.clip(result.statistic, -1, 1))
        low, high = float(np.tanh(z - half)), float(np.tanh(z + half))
    return {"r": finite(result.statistic), "low": low, "high": high, "p": finite(result.pvalue)}
