import numpy as np
import pytest
from scipy import stats

from synthnotes.significance.correlations import correlate

UNDEFINED = {"r": None, "p": None}


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


@pytest.mark.parametrize(
    ("first", "second"), [([], []), ([1, 2], [3, 4]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [0, 0, 0])]
)
def test_what_is_not_defined_is_none(first, second):
    correlation = correlate(np.array(first), np.array(second))
    assert correlation == {"n": len(first), "pearson": UNDEFINED, "spearman": UNDEFINED}
