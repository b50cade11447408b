"""The intraclass correlation against the example of Shrout and Fleiss (1979), table 2 and following."""

import numpy as np
import pytest

from synthnotes.significance.agreement import intraclass_correlation

SIX_TARGETS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def test_the_published_example():
    result = intraclass_correlation(SIX_TARGETS.T, level=0.05)  # six targets by four judges
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
