"""The cumulative-link model: a closed form, a simulation with known log-odds, and data without a solution."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from synthnotes.questionnaire.ordinal import cumulative_link, permutation_p

DRAWS = {"resamples": 1999, "seed": 1}


def table(real, synthetic, rater=1, pair=1):
    rows = [("real", rater, pair, r) for r in real] + [("synthetic", rater, pair, r) for r in synthetic]
    return pd.DataFrame(rows, columns=["kind", "rater", "pair", "rating"])


def test_two_ratings_give_the_odds_ratio_of_the_table():
    """With two ratings, one rater and one pair: a 2 x 2 table with odds ratio (6/4)/(2/8), and Fisher's exact test."""
    result = cumulative_link(table([4] * 8 + [5] * 2, [4] * 4 + [5] * 6), "rating", level=0.05, **DRAWS)
    assert result["odds_ratio"] == pytest.approx((6 / 4) / (2 / 8), rel=1e-3)
    assert result["standard_error"] == pytest.approx(np.sqrt(1 / 8 + 1 / 2 + 1 / 4 + 1 / 6), rel=1e-2)
    assert result["p"] == pytest.approx(stats.fisher_exact([[8, 2], [4, 6]]).pvalue, abs=0.03)


@pytest.mark.parametrize("log_odds", [0.0, -1.5])
def test_a_known_effect_comes_out_again(log_odds):
    rng = np.random.default_rng(4)
    keys = pd.MultiIndex.from_product([["real", "synthetic"], range(14), range(8)], names=["kind", "rater", "pair"])
    ratings = keys.to_frame(index=False)
    latent = (
        log_odds * (ratings["kind"] == "synthetic")
        + rng.normal(0, 0.7, 14)[ratings["rater"]]
        + rng.normal(0, 0.7, 8)[ratings["pair"]]
        + rng.logistic(size=len(ratings))
    )
    ratings["rating"] = 1 + np.searchsorted([-2.5, -1, 0.5, 2], latent)
    result = cumulative_link(ratings, "rating", level=0.05, **DRAWS)
    assert np.log(result["low"]) < log_odds < np.log(result["high"])
    assert result["standard_error"] < 0.35
    assert (result["p"] < 0.001) == (log_odds != 0)


def test_raters_with_one_end_of_the_scale_are_left_out():
    rest = table([1, 2, 3, 2], [2, 3, 3, 3])
    with_the_generous = pd.concat([rest, table([3], [3], rater=2)])
    assert cumulative_link(with_the_generous, "rating", 0.05, **DRAWS) == cumulative_link(rest, "rating", 0.05, **DRAWS)


@pytest.mark.parametrize("ratings", [table([1, 2, 1], [4, 5, 4]), table([3, 3], [3, 3])])
def test_data_without_a_solution_give_none(ratings):
    assert cumulative_link(ratings, "rating", 0.05, **DRAWS)["odds_ratio"] is None


def test_the_test_finds_nothing_more_often_than_it_says():
    """Studies of four raters and four pairs, where the likelihood-ratio test finds a difference in 7 to 15 of 100."""
    rng, found = np.random.default_rng(6), []
    keys = pd.MultiIndex.from_product([["real", "synthetic"], range(4), range(4)], names=["kind", "rater", "pair"])
    for _ in range(60):
        ratings = keys.to_frame(index=False)
        raters, pairs = rng.normal(0, 0.8, 4), rng.normal(0, 0.5, 4)
        latent = raters[ratings["rater"]] + pairs[ratings["pair"]] + rng.logistic(size=len(ratings))
        ratings["rating"] = 1 + np.searchsorted([-3, -1.5, 0, 1.5], latent)
        found.append(permutation_p(ratings, "rating", resamples=199, seed=1) <= 0.05)
    assert np.mean(found) <= 0.1


def test_the_permutations_are_those_within_a_rater_and_pair():
    """Three raters who all prefer the real note of their pair: of eight exchanges, two are as extreme."""
    ratings = pd.concat([table([4], [2], rater=1), table([5], [3], rater=2), table([3], [1], rater=3)])
    assert permutation_p(ratings, "rating", resamples=4000, seed=1) == pytest.approx(2 / 8, abs=0.03)
