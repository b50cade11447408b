import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import brier_score_loss

from synthnotes.errors.calibration import VALUES, calibration, histogram, reliability


def counted(probabilities, truth):
    return histogram(np.array(probabilities, np.float32), sparse.csr_array(np.array(truth, dtype=bool)))


def test_the_histogram_knows_every_half():
    assert len(VALUES) == 15361
    assert (VALUES[0], VALUES[-1]) == (0, 1)
    found = counted([[0.25, 1.0], [0.25, 0.0]], [[1, 1], [0, 0]])
    given = found.decisions.nonzero()[0]
    assert VALUES[given].tolist() == [0, 0.25, 1]
    assert found.decisions[given].tolist() == [1, 2, 1]
    assert found.true[given].tolist() == [0, 1, 1]


def test_codes_that_e_lacks_are_left_out():
    assert counted([[0.5, 0.5]], [[1, 0]]).decisions.sum() == 1


def test_calibration_by_hand():
    # Lower half: 0.25 and 0, one of two true, 0.5 against 0.125. Upper half: 0.75 and 1, both true, 1 against 0.875.
    found = calibration(counted([[0.25, 0.75], [0.0, 1.0]], [[1, 1], [0, 1]]), threshold=0.5, bins=2)
    assert found == {
        "decisions": 4,
        "mean_probability": 0.5,
        "share_true": 0.75,
        "brier": (0.75**2 + 0.25**2) / 4,
        "expected_calibration_error": (2 * 0.375 + 2 * 0.125) / 4,
        "predicted": {
            "decisions": 2, "mean_probability": 0.875, "share_true": 1.0, "brier": 0.25**2 / 2,
            "expected_calibration_error": 0.125,
        },
    }  # fmt: skip


def test_the_curve_leaves_empty_bins_out():
    curve = reliability(counted([[0.05, 1.0], [0.0625, 0.55]], [[1, 1], [0, 0]]), bins=10)
    assert curve["decisions"].tolist() == [2, 1, 1]  # 1.0 belongs to the last bin
    assert curve["share_true"].tolist() == [0.5, 0, 1]
    assert curve["probability"].tolist() == pytest.approx([0.05625, 0.55, 1], abs=1e-3)


def test_brier_is_scikit_learn_s_and_a_calibrated_coder_has_hardly_an_error():
    rng = np.random.default_rng(2)
    probabilities = rng.random((3000, 4)).astype(np.float16).astype(np.float32)
    truth = rng.random((3000, 4)) < probabilities
    found = calibration(counted(probabilities, truth), 0.5, 10)
    assert found["brier"] == pytest.approx(brier_score_loss(truth.ravel(), probabilities.ravel()))
    assert found["expected_calibration_error"] < 0.02
    squared = calibration(counted(probabilities**2, truth), 0.5, 10)  # too modest by 1/6 in the mean
    assert squared["expected_calibration_error"] == pytest.approx(1 / 6, abs=0.02)


def test_a_coder_that_predicts_nothing_has_no_calibration_of_predictions():
    found = calibration(counted([[0.25]], [[1]]), 0.5, 10)
    assert found["predicted"]["decisions"] == 0
    assert found["predicted"]["expected_calibration_error"] is None
