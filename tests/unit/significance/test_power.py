"""Power against theory, against the tests themselves on other draws, and its own definition."""

import numpy as np
import pytest
from scipy import stats

from synthnotes.significance.power import (
    Spread,
    detectable_difference,
    differs,
    equivalent,
    of_study,
    simulate,
    smallest_number,
    spread,
)
from synthnotes.significance.two_samples import equivalence, wilcoxon

DIFFERENCES = np.array([[0, 1, -2, 1], [1, -1, 0, 2], [-2, 0, 1, 0], [0, 1, 1, -3], [2, 0, -1, 0]], float)


def test_the_spread_comes_out_again():
    rng = np.random.default_rng(1)
    drawn = np.rint(rng.normal(0, 0.8, (4000, 1)) + rng.normal(0, 1.2, (4000, 3)))
    drawn[:900, 0] = np.nan
    assert spread(drawn) == pytest.approx((0.8, 1.2), abs=0.04)
    assert spread(np.ones((4, 3))) is None
    assert spread(DIFFERENCES[:1]) is None
    assert spread(np.array([[1.0], [2.0], [4.0]])) == pytest.approx((np.std([1, 2, 4], ddof=1), 0))


@pytest.mark.parametrize(
    ("raters", "pairs", "shift", "vary"),
    [
        (4, 4, 0.6, Spread(0.4, 1.0)),  # exact
        (30, 3, 0.6, Spread(0.4, 1.0)),  # by the normal approximation
        (20, 3, 0.25, Spread(0.0, 0.4)),  # 60 pairs, of which so few differ that the test is exact
        (26, 3, 0.2, Spread(0.2, 0.6)),  # in some studies exact, in others not
    ],
)
def test_the_tests_are_those_that_give_the_verdict(raters, pairs, shift, vary):
    studies = shift + simulate(vary, raters, pairs, studies=150, seed=2)
    points, none = np.rint(studies), np.zeros(raters * pairs)
    p = [wilcoxon(study, none)["p"] for study in points]
    assert differs(studies, 0.0125) == np.mean([value < 0.0125 for value in p])
    same = [equivalence(study, none, 0.9, 0.0125)["equivalent"] for study in points]
    assert equivalent(studies, 0.9, 0.0125) == np.mean(same)


def test_the_detectable_difference_is_found_so_often_in_other_studies():
    vary = Spread(0.0, 1.1)
    difference = detectable_difference(simulate(vary, 10, 3, 600, seed=1), 0.0125, 0.8)
    others = difference + simulate(vary, 10, 3, 600, seed=99)
    assert differs(others, 0.0125) == pytest.approx(0.8, abs=0.05)
    # A t-test on as many independent differences is nearly as strong.
    size = stats.norm.isf(0.0125 / 2) + stats.norm.isf(0.2)
    assert difference == pytest.approx(size * np.sqrt(1.1**2 + 1 / 12) / np.sqrt(30), rel=0.15)


def test_raters_who_differ_give_the_test_over_pairs_false_positives():
    independent, clustered = (
        differs(simulate(Spread(between, 1.0), 10, 4, 400, seed=3), 0.05) for between in (0.0, 1.0)
    )
    assert independent < 0.075
    assert clustered > 0.15


def test_the_smallest_number_is_the_smallest():
    assert [smallest_number(lambda n, least=least: float(n >= least), 0.8) for least in (1, 2, 3, 37, 1000, 1001)] == [
        2, 2, 3, 37, 1000, None,
    ]  # fmt: skip


def test_few_differences_find_nothing():
    """Five differences give no p below 1/16: no difference on the scale is found at 5 %."""
    found = of_study(DIFFERENCES[:, :1], 0.5, 0.05, 0.8, studies=60, seed=1)
    assert found["detectable_difference"] is None
    assert found["false_positives"] == 0
    assert found["raters_to_detect_margin"] > 5


def test_what_does_not_vary_has_no_power():
    found = of_study(np.ones((3, 2)), 0.5, 0.05, 0.8, studies=10, seed=1)
    assert {found[of] for of in found if of not in ("power", "significance_level")} == {None}
