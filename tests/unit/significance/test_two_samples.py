"""Statistics against values worked by hand, published examples, and trusted libraries."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

from synthnotes.significance import agreement, two_samples

NAN = float("nan")
# The reliability data of Krippendorff (2011), four observers and twelve units; his ordinal alpha is 0.815.
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)


def test_alpha_of_the_published_example():
    assert agreement.krippendorff_alpha(KRIPPENDORFF) == pytest.approx(0.815, abs=5e-4)


def test_alpha_of_full_agreement_and_of_constant_ratings():
    assert agreement.krippendorff_alpha(np.array([[1.0, 2, 5], [1, 2, 5]])) == pytest.approx(1)
    assert agreement.krippendorff_alpha(np.full((3, 4), 2.0)) is None


def test_holm_by_hand():
    assert two_samples.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_cliffs_delta_by_hand():
    # of 2 x 2 pairs, 3 are greater, none smaller, one equal
    assert two_samples.cliffs_delta(np.array([2.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx(3 / 4)


def test_equivalence_equals_statsmodels():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=20), rng.normal(size=20)
    ours = two_samples.equivalence(first, second, 0.5, significance_level=0.05)
    assert ours["p"] == pytest.approx(ttost_paired(first, second, -0.5, 0.5)[0])


@given(st.floats(-1, 1), st.integers(0, 99))
@settings(max_examples=30)
def test_equivalent_means_that_the_interval_lies_within_the_margin(shift, seed):
    first = np.random.default_rng(seed).normal(shift, 1, size=30)
    result = two_samples.equivalence(first, np.zeros(30), 0.5, significance_level=0.05)
    assert result["equivalent"] == (result["low"] > -0.5 and result["high"] < 0.5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8).filter(any))
def test_wilcoxon_is_exact_with_ties(values):
    """All 2^n assignments of signs, one by one."""
    difference = np.array([v for v in values if v], float)
    ranks = stats.rankdata(np.abs(difference))
    sums = [np.dot(signs, ranks) for signs in product([0, 1], repeat=len(ranks))]
    observed = ranks[difference > 0].sum()
    far = np.abs(np.array(sums) - ranks.sum() / 2) >= abs(observed - ranks.sum() / 2) - 1e-9
    ours = two_samples.wilcoxon(values, [0] * len(values))
    assert ours["p"] == pytest.approx(far.mean())
    assert ours["w"] == min(observed, ranks.sum() - observed)
    assert ours["exact"]


def test_wilcoxon_equals_scipy_where_scipy_is_exact_and_beyond():
    rng = np.random.default_rng(0)
    few, many = rng.normal(0.4, 1, 20), rng.normal(0.2, 1, 60)
    assert two_samples.wilcoxon(few, np.zeros(20))["p"] == pytest.approx(stats.wilcoxon(few, method="exact").pvalue)
    result = two_samples.wilcoxon(many, np.zeros(60))
    assert not result["exact"]
    assert result["p"] == pytest.approx(stats.wilcoxon(many, method="asymptotic").pvalue)


def test_interval_of_a_mean_equals_statsmodels():
    values = np.random.default_rng(2).normal(size=9)
    expected = DescrStatsW(values).tconfint_mean(0.05)
    assert two_samples.mean_interval(values, 0.05) == pytest.approx(expected)
    assert two_samples.mean_interval([1, 1], 0.05) == (None, None)


def test_what_is_not_defined_is_none():
    assert two_samples.t_test([1, 1], [1, 1], equal_variance=True)["t"] is None
    assert two_samples.wilcoxon([1, 2], [1, 2]) == {"w": None, "p": None, "pairs": 0, "exact": True}
    constant = two_samples.equivalence([1, 2], [1, 2], 0.5, 0.05)
    assert (constant["p"], constant["low"], constant["equivalent"]) == (None, None, False)
