"""Agreement of raters: Krippendorff's alpha, for ordinal ratings, and the intraclass correlation."""

import numpy as np
from scipy import stats

UNDEFINED = {"single": None, "low": None, "high": None, "average": None}


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


def intraclass_correlation(ratings: np.ndarray, significance_level: float) -> dict[str, float | int | None]:
    """ICC(2,1) and ICC(2,k) of Shrout and Fleiss (1979): random raters, absolute agreement.

    Args:
        ratings: raters x notes. Raters who left a note out (NaN) are left out themselves.
        significance_level: 1 - coverage of the interval.

    Returns:
        raters: who rated all notes; single: agreement of one rater's ratings, with the interval low to high (their
        equations for ICC(2,1)); average: agreement of the raters' mean ratings. None where the ratings do not vary, or
        for fewer than two raters or notes.
    """
    complete = ratings[~np.isnan(ratings).any(axis=1)]
    raters, notes = complete.shape
    if raters < 2 or notes < 2 or np.ptp(complete) == 0:
        return {"raters": raters} | UNDEFINED
    mean = complete.mean()
    by_note, by_rater = complete.mean(axis=0), complete.mean(axis=1)
    residual = complete - by_note[None, :] - by_rater[:, None] + mean
    ms_note = raters * ((by_note - mean) ** 2).sum() / (notes - 1)
    ms_rater = notes * ((by_rater - mean) ** 2).sum() / (raters - 1)
    ms_error = (residual**2).sum() / ((notes - 1) * (raters - 1))

    between_raters = raters * (ms_rater - ms_error) / notes
    single = (ms_note - ms_error) / (ms_note + (raters - 1) * ms_error + between_raters)
    average_scale = ms_note + (ms_rater - ms_error) / notes
    average = (ms_note - ms_error) / average_scale if average_scale > 0 else None
    low, high = _interval(single, ms_note, ms_rater, ms_error, raters, notes, significance_level)
    return {
        "raters": raters,
        "single": float(single),
        "low": low,
        "high": high,
        "average": None if average is None else float(average),
    }


def _interval(
    icc: float, ms_note: float, ms_rater: float, ms_error: float, raters: int, notes: int, significance_level: float
) -> tuple[float | None, float | None]:
    """The interval of ICC(2,1) by Satterthwaite's degrees of freedom; None without residual variance."""
    if ms_error < 1e-12:
        return None, None
    ratio = ms_rater / ms_error
    share = notes * (1 + (raters - 1) * icc) - raters * icc
    degrees = ((raters - 1) * (notes - 1) * (raters * icc * ratio + share) ** 2) / (
        (notes - 1) * raters**2 * icc**2 * ratio**2 + share**2
    )
    rest = raters * ms_rater + (raters * notes - raters - notes) * ms_error
    below = stats.f.ppf(1 - significance_level / 2, notes - 1, degrees)
    above = stats.f.ppf(1 - significance_level / 2, degrees, notes - 1)
    low = notes * (ms_note - below * ms_error) / (below * rest + notes * ms_note)
    high = notes * (above * ms_note - ms_error) / (rest + notes * above * ms_note)
    return float(low), float(high)
