"""What a study of raters and pairs could have found, by simulating the very tests that its verdict rests on."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats

from synthnotes.significance.two_samples import EXACT_PAIRS, wilcoxon

MOST = 1000  # raters up to which a number is looked for
LARGEST = 4.0  # points: no difference on a scale from 1 to 5 is larger
STEPS = 9  # halvings of that range: to a hundredth of a point
TINY = 1e-9  # a smaller standard deviation is rounding
ROUNDING = 1 / 12  # what rounding to whole points adds to a variance (Sheppard 1898)


class Spread(NamedTuple):
    """How the differences of a rater's two ratings of a pair vary.

    Attributes:
        between: standard deviation of the raters' own mean differences, in points.
        within: standard deviation of one rater's differences around that mean, before they are rounded to points.
    """

    between: float
    within: float


def spread(differences: np.ndarray) -> Spread | None:
    """Estimates both parts of the variation by a one-way analysis of variance.

    Args:
        differences: raters x pairs, NaN where a rater did not rate a pair; no rater without a pair.

    Returns:
        None for a single rater, or where the differences do not vary.
    """
    pairs = (~np.isnan(differences)).sum(axis=1)
    means = np.nanmean(differences, axis=1)
    if len(means) < 2 or np.nanstd(differences) <= TINY:
        return None
    degrees = (pairs - 1).sum()
    within = np.nansum((differences - means[:, None]) ** 2) / degrees if degrees else 0.0
    between = means.var(ddof=1) - within * (1 / pairs).mean()
    return Spread(float(np.sqrt(max(0.0, between))), float(np.sqrt(max(0.0, within - ROUNDING))))


def simulate(spread: Spread, raters: int, pairs: int, studies: int, seed: int) -> np.ndarray:
    """Differences of studies without a true difference, not yet rounded: studies x (raters x pairs)."""
    random = np.random.default_rng([seed, raters])
    of_raters = random.normal(0, spread.between, (studies, raters, 1))
    return (of_raters + random.normal(0, spread.within, (studies, raters, pairs))).reshape(studies, raters * pairs)


def differs(differences: np.ndarray, significance_level: float) -> float:
    """In what share of the studies (rows) Wilcoxon's test over all pairs finds a difference, as `wilcoxon` does."""
    points = np.rint(differences)
    exact = (points != 0).sum(axis=1) <= EXACT_PAIRS
    p = [wilcoxon(study, np.zeros(len(study)))["p"] for study in points[exact]]
    found = sum(value is not None and value < significance_level for value in p)
    points = points[~exact]
    ranks = stats.rankdata(np.abs(points), axis=1) - (points == 0).sum(axis=1, keepdims=True)
    signed = np.where(points == 0, 0.0, np.sign(points) * ranks)
    size = np.sqrt((signed**2).sum(axis=1))  # the normal approximation, ties and pairs without a difference included
    found += int((2 * stats.norm.sf(np.abs(signed.sum(axis=1)) / size) < significance_level).sum())
    return found / len(differences)


def equivalent(differences: np.ndarray, margin: float, significance_level: float) -> float:
    """In what share of the studies (rows) both one-sided t-tests over all pairs keep the difference within ± margin."""
    points = np.rint(differences)
    error = points.std(axis=1, ddof=1) / np.sqrt(points.shape[1])
    reach = stats.t.isf(significance_level, points.shape[1] - 1) * error
    return float(((np.abs(points.mean(axis=1)) + reach < margin) & (error > 0)).mean())


def detectable_difference(noise: np.ndarray, significance_level: float, power: float) -> float | None:
    """The smallest true mean difference that Wilcoxon's test over all pairs finds with a given probability.

    Args:
        noise: as `simulate` gives it.
        significance_level:.
        power: the probability to find it, for instance 0.8.

    Returns:
        The difference in points; None where not even the scale's largest is found so often.
    """
    if differs(LARGEST + noise, significance_level) < power:
        return None
    low, high = 0.0, LARGEST
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if differs(middle + noise, significance_level) >= power else (middle, high)
    return high


def smallest_number(share_of: Callable[[int], float], power: float) -> int | None:
    """The smallest number of raters, from 2, with which so large a share of the studies succeeds; None above `MOST`."""
    high = 2
    while share_of(high) < power:
        if high >= MOST:
            return None
        high = min(2 * high, MOST)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if share_of(middle) >= power else (middle, high)
    return high


def of_study(
    differences: np.ndarray, margin: float, significance_level: float, power: float, studies: int, seed: int
) -> dict[str, float | int | None]:
    """What the tests over all pairs find in studies whose raters vary as these do.

    Args:
        differences: synthetic minus real, raters x pairs, NaN where a rater did not rate a pair.
        margin: equivalence margin, in points.
        significance_level: of a single test, corrections included.
        power: the probability with which something is to be found.
        studies: simulated per question asked.
        seed: of the simulation.

    Returns:
        power and significance_level, as given; false_positives: the share of studies in which Wilcoxon's test finds a
        difference where there is none; detectable_difference, in points; raters_to_detect_margin;
        raters_to_show_equivalence, where there is no difference. None where the differences do not vary, or no number
        suffices.
    """
    raters, pairs = differences.shape
    keys = ("false_positives", "detectable_difference", "raters_to_detect_margin", "raters_to_show_equivalence")
    vary = spread(differences)
    if vary is None:
        return {"power": power, "significance_level": significance_level} | dict.fromkeys(keys)

    def of_raters(number: int) -> np.ndarray:
        return simulate(vary, number, pairs, studies, seed)

    noise = of_raters(raters)
    found = (
        differs(noise, significance_level),
        detectable_difference(noise, significance_level, power),
        smallest_number(lambda number: differs(margin + of_raters(number), significance_level), power),
        smallest_number(lambda number: equivalent(of_raters(number), margin, significance_level), power),
    )
    return {"power": power, "significance_level": significance_level} | dict(zip(keys, found, strict=True))
