"""The intraclass correlation against the example of Shrout and Fleiss (1979), table 2 and following; Cliff's delta."""

import numpy as np
import pytest

from synthnotes.significance.agreement import intraclass_correlation
from synthnotes.significance.two_samples import cliffs_delta, cliffs_delta_interval

SIX_TARGETS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def test_the_published_example():
    result = intraclass_correlation(SIX_TARGETS.T, significance_level=0.05)  # six targets by four judges
    assert result["raters"] == 4
    assert result["single"] == pytest.approx(0.29, abs=5e-3)
    assert result["average"] == pytest.approx(0.62, abs=5e-3)
    assert (result["low"], result["high"]) == pytest.approx((0.02, 0.76), abs=5e-3)


def test_full_agreement_and_its_absence():
    same = np.tile(np.array([1.0, 3, 5]), (4, 1))
    assert intraclass_correlation(same, 0.05)["single"] == pytest.approx(1)
    assert intraclass_correlation(np.full((4, 3), 2.0), 0.05)["single"] is None
    assert intraclass_correlation(same[:1], 0.05)["average"] is None
    noise = np.random.default_rng(1).normal(size=(300, 40))
    assert intraclass_correlation(noise, 0.05)["single"] == pytest.approx(0, abs=0.01)


def test_who_left_a_note_out_is_left_out():
    with_gap = np.vstack([SIX_TARGETS.T, [1, 2, np.nan, 3, 4, 5]])
    assert intraclass_correlation(with_gap, 0.05) == intraclass_correlation(SIX_TARGETS.T, 0.05)


def draw_study(rng, raters, pairs, shift):
    """Ratings of both kinds, raters x pairs, by raters who differ in generosity and in what they prefer."""
    generosity, preference = rng.normal(0, 0.8, (raters, 1)), shift + rng.normal(0, 0.5, (raters, 1))
    latent = rng.normal(0, 1, (2, raters, pairs)) + generosity + np.array([0, 1])[:, None, None] * preference
    return 1 + np.searchsorted([-1.5, -0.5, 0.5, 1.5], latent).astype(float)


@pytest.mark.parametrize(("raters", "pairs"), [(4, 4), (10, 3)])
@pytest.mark.parametrize("shift", [0.0, -0.5])
def test_the_interval_of_cliffs_delta_covers_what_it_says(raters, pairs, shift):
    """The published studies' sizes: a percentile bootstrap of the raters covers 80 and 90 % there."""
    rng = np.random.default_rng(8)
    real, synthetic = draw_study(rng, 2000, 2, shift)
    truth = cliffs_delta(synthetic, real)
    studies = [draw_study(rng, raters, pairs, shift) for _ in range(400)]
    intervals = [cliffs_delta_interval(synthetic, real, 0.05) for real, synthetic in studies]
    covered = np.mean([low is None or low <= truth <= high for low, high in intervals])
    assert 0.92 <= covered <= 0.985


def test_the_interval_of_cliffs_delta_from_its_definition():
    rng = np.random.default_rng(5)
    real, synthetic = draw_study(rng, 6, 4, -0.5)
    real[2, 1] = synthetic[2, 1] = np.nan

    def delta(rows):
        first, second = synthetic[rows], real[rows]
        return cliffs_delta(first[~np.isnan(first)], second[~np.isnan(second)])

    deltas = np.array([delta(np.arange(6) != left_out) for left_out in range(6)])
    reach = 2.5705818 * np.sqrt(5 / 6 * ((deltas - deltas.mean()) ** 2).sum())  # Student's t with 5 degrees of freedom
    whole = delta(np.arange(6))
    assert cliffs_delta_interval(synthetic, real, 0.05) == pytest.approx((whole - reach, whole + reach))
    assert cliffs_delta_interval(real[:1], synthetic[:1], 0.05) == (None, None)
    assert cliffs_delta_interval(np.full((3, 2), 5.0), np.full((3, 2), 1.0), 0.05) == (None, None)
