"""A cumulative-link model of ordinal ratings: kind of note, raters and pairs together."""

import warnings

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

LARGEST = 10.0  # log-odds: beyond, or with such an error, real and synthetic are separated and no estimate exists


def cumulative_link(ratings: pd.DataFrame, rating: str, level: float) -> dict[str, float | int | None]:
    """The log-odds of a higher rating for a synthetic than for a real note, in a proportional-odds model.

    logit P(rating <= j) = threshold j - (kind + rater + pair). Raters and pairs enter as **fixed effects**: the library
    (statsmodels' OrderedModel) has no random ones. A rater, or a pair, with nothing but the highest or nothing but the
    lowest rating says nothing of the kind and is left out. With few ratings per rater, fixed effects make the estimate
    somewhat too large; the test compares the likelihoods with and without the kind, and is the more reliable part.

    Args:
        ratings: columns kind (real or synthetic), rater, pair, and the rating's.
        rating: the rating's column.
        level: 1 - coverage of the (Wald) interval.

    Returns:
        ratings: used; log_odds, its standard error, odds_ratio with the interval low to high, and p of the
        likelihood-ratio test; None where the model has no solution.
    """
    used = _informative(ratings, rating)
    undefined = dict.fromkeys(["log_odds", "standard_error", "odds_ratio", "low", "high", "p"])
    if used.empty or used["kind"].nunique() < 2:
        return {"ratings": len(used)} | undefined
    answers = used[rating].astype(int)
    outcome = pd.Series(pd.Categorical(answers, sorted(answers.unique()), ordered=True), index=used.index)
    effects = pd.get_dummies(used[["rater", "pair"]].astype("category"), drop_first=True, dtype=float)
    effects = effects.loc[:, effects.nunique() > 1]
    synthetic = (used["kind"] == "synthetic").astype(float).rename("synthetic")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels warns of what is told by None below
        full = OrderedModel(outcome, pd.concat([synthetic, effects], axis=1), distr="logit")
        fitted = full.fit(method="bfgs", maxiter=500, disp=False)
        log_odds, error = float(fitted.params["synthetic"]), float(fitted.bse["synthetic"])
        without = _log_likelihood(outcome, effects)
    if not np.isfinite(error) or abs(log_odds) > LARGEST or error > LARGEST:
        return {"ratings": len(used)} | undefined
    reach = stats.norm.isf(level / 2) * error
    return {
        "ratings": len(used),
        "log_odds": log_odds,
        "standard_error": error,
        "odds_ratio": float(np.exp(log_odds)),
        "low": float(np.exp(log_odds - reach)),
        "high": float(np.exp(log_odds + reach)),
        "p": float(stats.chi2.sf(max(0.0, 2 * (fitted.llf - without)), 1)),
    }


def _informative(ratings: pd.DataFrame, rating: str) -> pd.DataFrame:
    """Leaves out raters and pairs with an end of the scale alone, until none is left."""
    while True:
        lowest, highest = ratings[rating].min(), ratings[rating].max()
        keep = pd.Series(lowest < highest, index=ratings.index)
        for effect in ("rater", "pair"):
            groups = ratings.groupby(effect)[rating]
            keep &= (groups.transform("max") > lowest) & (groups.transform("min") < highest)
        if keep.all():
            return ratings
        ratings = ratings[keep]


def _log_likelihood(outcome: pd.Series, effects: pd.DataFrame) -> float:
    """Of the model without the kind; without any effect, the thresholds reproduce the shares of the ratings."""
    if effects.empty or not len(effects.columns):
        counts = outcome.value_counts().to_numpy()
        return float((counts * np.log(counts / counts.sum())).sum())
    return (
        OrderedModel(outcome, effects, distr="logit").fit(method="bfgs", maxiter=500, disp=False, skip_hessian=True).llf
    )
