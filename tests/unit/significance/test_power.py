"""Power against a textbook, a simulation, and its own definition."""

import numpy as np
import pytest
from scipy import stats

from synthnotes.significance.power import detectable_difference, number_to_detect, number_to_show_equivalence


def test_cohens_tables():
    """Cohen (1988), table 2.4.1, for paired samples as in G*Power: 34 pairs find half a standard deviation."""
    assert number_to_detect(0.5, 1.0, 0.05, 0.8) == 34
    assert number_to_detect(1.0, 2.0, 0.05, 0.8) == 34
    assert detectable_difference(2.0, 34, 0.05, 0.8) == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("number", [2, 4, 10])
def test_the_detectable_difference_is_found_so_often(number):
    difference = detectable_difference(1.5, number, 0.05, 0.8)
    samples = np.random.default_rng(number).normal(difference, 1.5, (20_000, number))
    assert (stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.01)


def test_equivalence_is_shown_so_often():
    number = number_to_show_equivalence(0.5, 0.8, 0.05, 0.8)
    rng = np.random.default_rng(3)

    def share(n):
        samples = rng.normal(0, 0.8, (4000, n))
        above = stats.ttest_1samp(samples, -0.5, axis=1, alternative="greater").pvalue
        below = stats.ttest_1samp(samples, 0.5, axis=1, alternative="less").pvalue
        return (np.maximum(above, below) < 0.05).mean()

    assert share(number) > 0.78
    assert share(number - 3) < 0.79


def test_what_has_no_answer_is_none():
    assert detectable_difference(0.0, 10, 0.05, 0.8) is None
    assert detectable_difference(1.0, 1, 0.05, 0.8) is None
    assert number_to_detect(1e-4, 1.0, 0.05, 0.8) is None
    assert number_to_show_equivalence(0.5, 0.0, 0.05, 0.8) is None
