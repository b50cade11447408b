import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthnotes.errors import curves
from synthnotes.errors.curves import Points, binned, quantile_bins


@given(st.lists(st.integers(1, 30), max_size=150), st.integers(1, 40))
def test_bins_hold_several_values_and_keep_equal_ones_together(values, bins):
    x = np.array(values, dtype=np.int64)
    bin_of = quantile_bins(x, bins)
    counts = np.bincount(bin_of)
    assert len(counts) <= bins
    assert (counts >= min(len(x), curves.SMALLEST_BIN)).all()
    assert all(x[bin_of == low].max() < x[bin_of == low + 1].min() for low in range(len(counts) - 1))


def test_bins_of_distinct_values_are_the_quantiles():
    x = np.random.default_rng(1).permutation(60)
    assert quantile_bins(x, 6).tolist() == (x // 10).tolist()


def test_no_values_make_no_bins():
    nothing = Points(np.array([], dtype=int), np.array([]))
    table = binned(nothing, quantile_bins(nothing.x, 5))
    assert table.empty
    assert table.columns.tolist() == ["x", "mean", "sd", "count"]


def test_a_summary_of_bins_by_hand():
    points = Points(np.array([1, 3, 8, 2]), np.array([0.0, 1.0, 0.5, 0.5]))
    table = binned(points, np.array([0, 0, 1, 0]))
    assert table["x"].tolist() == [2, 8]
    assert table["mean"].tolist() == [0.5, 0.5]
    assert table["sd"].iloc[0] == 0.5
    assert math.isnan(table["sd"].iloc[1])
    assert table["count"].tolist() == [3, 1]


@pytest.fixture
def decisions(decisions_of):
    return decisions_of("abcd", [[1, 1, 0, 0], [1, 0, 1, 0]], [[1, 1, 0, 0], [1, 0, 0, 1]])


def test_frequency_leaves_out_codes_unseen_in_training_and_codes_that_e_lacks(decisions):
    points = curves.frequency_points(decisions, np.array([100, 10, 0, 5]))
    assert points.x.tolist() == [100, 10]
    assert points.f1.tolist() == [1, 1]
    assert curves.frequency_correlation(points, decisions)["codes_unseen_in_training"] == 1


def test_frequency_correlates_by_its_logarithm(decisions_of):
    decisions = decisions_of("abc", np.ones((1, 3)), np.ones((1, 3)))
    points = Points(np.array([1, 10, 100]), np.array([0.2, 0.4, 0.6]))
    correlation = curves.frequency_correlation(points, decisions)
    assert correlation["pearson"]["r"] == pytest.approx(1)
    assert correlation["n"] == 3


def test_length_falls_into_three_parts():
    # Below 10 words F1 rises, from 10 on it falls; the note of 31 words is cut by the coder, and left out.
    points = Points(np.array([7, 8, 9, 10, 20, 30, 31]), np.array([0.1, 0.2, 0.3, 0.9, 0.5, 0.4, 1.0]))
    correlation = curves.length_correlation(points, boundary=10, limit=30)
    assert correlation["below"]["spearman"]["r"] == pytest.approx(1)
    assert correlation["above"]["spearman"]["r"] == pytest.approx(-1)
    assert (correlation["below"]["n"], correlation["above"]["n"], correlation["notes_beyond_limit"]) == (3, 3, 1)


def test_a_bin_counts_its_patients_once(decisions_of):
    truth = [[1, 0], [1, 0], [0, 1], [1, 1]]
    decisions = decisions_of("ab", truth, truth, patients=[0, 0, 1, 1])
    by_length = curves.length_points(decisions, np.array([5, 6, 7, 8]))
    assert binned(by_length, np.array([0, 0, 0, 1]))["patients"].tolist() == [2, 1]
    by_frequency = curves.frequency_points(decisions, np.array([9, 9]))
    assert binned(by_frequency, np.array([0, 1]))["patients"].tolist() == [2, 1]  # a: both, b: the second


def test_length_points_are_notes(decisions):
    points = curves.length_points(decisions, np.array([50, 70]))
    assert points.x.tolist() == [50, 70]
    assert points.f1.tolist() == [1, 0.5]
