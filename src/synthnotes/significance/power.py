"""What a study of paired differences could have found, and how many raters a finding takes."""

import numpy as np
from scipy import stats
from statsmodels.stats.power import TTestPower

MOST = 5000  # raters up to which a number is looked for
TINY = 1e-9  # a smaller standard deviation is rounding


def detectable_difference(sd: float, number: int, level: float, power: float) -> float | None:
    """The true mean difference that a two-sided paired t-test finds with a given probability.

    Args:
        sd: standard deviation of the differences.
        number: of differences.
        level: significance level.
        power: the probability to find it, for instance 0.8.

    Returns:
        The difference, in the unit of `sd`; None where a test is not possible.
    """
    if number < 2 or not sd > TINY:
        return None
    size = TTestPower().solve_power(nobs=number, alpha=level, power=power, alternative="two-sided")
    return float(np.squeeze(size) * sd)


def number_to_detect(difference: float, sd: float, level: float, power: float) -> int | None:
    """The smallest number with which a two-sided paired t-test finds a true difference; None above `MOST`."""
    if not sd > TINY:
        return None
    numbers = np.arange(2, MOST + 1)
    return _smallest(numbers, TTestPower().power(difference / sd, numbers, level, alternative="two-sided"), power)


def number_to_show_equivalence(margin: float, sd: float, level: float, power: float) -> int | None:
    """The smallest number with which two one-sided t-tests show that a true difference of zero is within ± margin.

    The power is the usual approximation by the noncentral t-distribution, which leaves out the correlation of the two
    tests and errs, where it does, towards more raters (Phillips 1990).
    """
    if not sd > TINY:
        return None
    numbers = np.arange(2, MOST + 1)
    critical = stats.t.isf(level, numbers - 1)
    return _smallest(numbers, 2 * stats.nct.sf(critical, numbers - 1, margin / sd * np.sqrt(numbers)) - 1, power)


def _smallest(numbers: np.ndarray, powers: np.ndarray, power: float) -> int | None:
    enough = np.flatnonzero(powers >= power)
    return int(numbers[enough[0]]) if len(enough) else None
