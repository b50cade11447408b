import numpy as np
import pytest
from scipy import stats

from synthnotes.significance.two_samples import correlate

UNDEFINED = {"r": None, "low": None, "high": None, "p": None}


def test_by_hand():
    # Deviations (-2 -1 0 1 2) and (-1 -2 1 0 2): products 2 + 2 + 0 + 0 + 4 = 8, squares 10 and 10.
    correlation = correlate(np.array([1, 2, 3, 4, 5]), np.array([2, 1, 4, 3, 5]))
    assert correlation["n"] == 5
    assert correlation["pearson"]["r"] == pytest.approx(0.8)
    assert correlation["spearman"]["r"] == pytest.approx(0.8)
    t = 0.8 * np.sqrt(3 / (1 - 0.64))
    assert correlation["pearson"]["p"] == pytest.approx(2 * stats.t.sf(t, 3))


def test_spearman_sees_order_alone():
    correlation = correlate(np.array([1, 2, 3, 4]), np.array([1, 10, 100, 1000]))
    assert correlation["spearman"]["r"] == pytest.approx(1)
    assert correlation["pearson"]["r"] < 0.9


def test_the_interval_of_pearson_s_r_is_scipy_s():
    rng = np.random.default_rng(1)
    first = rng.normal(size=50)
    second = first + rng.normal(size=50)
    found, oracle = correlate(first, second)["pearson"], stats.pearsonr(first, second).confidence_interval()
    assert (found["low"], found["high"]) == pytest.approx((oracle.low, oracle.high))


def test_the_interval_of_spearman_s_r_is_wider():
    # By hand: z = artanh(0.8) = 1.0986, its variance (1 + 0.32) / 2, half the width 1.96 * 0.8124 = 1.5923.
    found = correlate(np.array([1, 2, 3, 4, 5]), np.array([2, 1, 4, 3, 5]))["spearman"]
    assert (found["low"], found["high"]) == pytest.approx(
        (np.tanh(1.0986 - 1.5923), np.tanh(1.0986 + 1.5923)), abs=1e-4
    )


def test_a_perfect_correlation_is_its_own_interval_and_three_pairs_have_none():
    found = correlate(np.array([1, 2, 3, 4]), np.array([2, 4, 6, 8]))["pearson"]
    assert (found["low"], found["high"]) == pytest.approx((1, 1))
    found = correlate(np.array([1, 2, 3]), np.array([2, 4, 5]))["pearson"]
    assert found["r"] is not None
    assert found["low"] is found["high"] is None


@pytest.mark.parametrize(
    ("first", "second"), [([], []), ([1, 2], [3, 4]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [0, 0, 0])]
)
def test_what_is_not_defined_is_none(first, second):
    correlation = correlate(np.array(first), np.array(second))
    assert correlation == {"n": len(first), "pearson": UNDEFINED, "spearman": UNDEFINED}
