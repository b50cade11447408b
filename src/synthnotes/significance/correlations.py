"""Correlation of two paired samples, as plain numbers for the results."""

import numpy as np
from scipy import stats

from synthnotes.significance.differences import finite

FEWEST = 3  # pairs; any two points lie on a line


def correlate(first: np.ndarray, second: np.ndarray) -> dict[str, int | dict[str, float | None]]:
    """Pearson's and Spearman's correlation with two-sided p-values.

    Returns:
        n, the number of pairs; pearson and spearman, each with r and p, which are None where they are not defined:
        fewer than three pairs, or a sample without variance.
    """
    undefined = {"r": None, "p": None}
    if len(first) < FEWEST or np.ptp(first) == 0 or np.ptp(second) == 0:
        return {"n": len(first), "pearson": undefined, "spearman": undefined}
    results = {"pearson": stats.pearsonr(first, second), "spearman": stats.spearmanr(first, second)}
    return {"n": len(first)} | {
        name: {"r": finite(result.statistic), "p": finite(result.pvalue)} for name, result in results.items()
    }
