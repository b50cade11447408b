"""Sizes of effects and agreement on ordinal scales."""

import numpy as np


def cliffs_delta(first: np.ndarray, second: np.ndarray) -> float:
    """Cliff's delta: P(first > second) - P(first < second) over all pairs of values (Cliff 1993), in [-1, 1]."""
    return float(np.sign(np.subtract.outer(first, second)).mean())


def cliffs_delta_interval(
    first: np.ndarray, second: np.ndarray, resamples: int, level: float, seed: int
) -> tuple[float, float]:
    """Percentile bootstrap interval of Cliff's delta that resamples raters, since a rater's answers hang together.

    Args:
        first, second: ratings, raters x notes, NaN where a rater did not rate a note; no rater without a rating.
        resamples: number of bootstrap samples.
        level: 1 - coverage, for instance 0.05.
        seed: of the resampling.
    """
    random = np.random.default_rng(seed)
    raters = random.integers(len(first), size=(resamples, len(first)))
    # Of the first ratings of rater a against the second ratings of rater b: wins less losses, and comparisons.
    signs = np.sign(first[:, None, :, None] - second[None, :, None, :])
    wins, comparisons = np.nansum(signs, axis=(2, 3)), np.isfinite(signs).sum(axis=(2, 3))
    drawn = raters[:, :, None], raters[:, None, :]
    deltas = wins[drawn].sum(axis=(1, 2)) / comparisons[drawn].sum(axis=(1, 2))
    low, high = np.quantile(deltas, [level / 2, 1 - level / 2])
    return float(low), float(high)


def krippendorff_alpha(ratings: np.ndarray) -> float | None:
    """Krippendorff's alpha for ordinal ratings (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability").

    Args:
        ratings: raters x units, NaN where a rater did not rate a unit.

    Returns:
        1 for perfect agreement, 0 for chance; None where all ratings are the same value.
    """
    values = np.unique(ratings[~np.isnan(ratings)])
    counts = (ratings[:, :, None] == values).sum(axis=0).astype(float)  # units x values
    rated = counts.sum(axis=1)
    counts, rated = counts[rated > 1], rated[rated > 1]
    coincidences = ((counts[:, :, None] * counts[:, None, :]) / (rated - 1)[:, None, None]).sum(axis=0)
    coincidences -= np.diag((counts / (rated - 1)[:, None]).sum(axis=0))
    totals = coincidences.sum(axis=1)
    # ordinal distance: squared number of ratings that lie between two values, the two themselves counted half
    middle = np.cumsum(totals) - totals / 2
    distance = np.subtract.outer(middle, middle) ** 2
    expected = (np.outer(totals, totals) * distance).sum()
    if expected == 0:
        return None
    return float(1 - (totals.sum() - 1) * (coincidences * distance).sum() / expected)
