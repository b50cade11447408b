import numpy as np
import pytest

from synthnotes.errors.losses import code_losses, summary

CODES = ["a", "b", "c", "d", "e"]


def coder(truth, missed_share, seed):
    """Predicts what is true, but for a share of each code's notes."""
    return truth & (np.random.default_rng(seed).random(truth.shape) >= missed_share)


@pytest.fixture
def truth():
    given = np.random.default_rng(1).random((120, 5)) < 0.5
    given[:, 3:] = False
    given[:2, 3] = True  # two notes have d
    given[:15, 4] = True
    return given


def test_the_code_that_loses_most_comes_first(decisions_of, truth):
    real = decisions_of(CODES, truth, coder(truth, 0.1, 2))
    synthetic = decisions_of(CODES, truth, coder(truth, np.array([0.1, 0.6, 0.1, 0.1, 0.1]), 3))
    losses = code_losses(real, synthetic, minimum_patients=10, resamples=300, level=0.05, seed=1)
    assert losses["code"].iloc[0] == "b"
    assert set(losses["code"]) == {
        "a",
        "b",
        "c",
    }  # d has too few patients; e goes with it
    first = losses.iloc[0]
    assert first["difference"] == pytest.approx(first["f1_synthetic"] - first["f1_real"])
    assert first["low"] < first["difference"] < first["high"] < 0
    assert summary(losses) == {"listed": 3, "lose": 1, "gain": 0}
    assert losses.set_index("code")["notes"].to_dict() == dict(zip("abc", truth.sum(axis=0), strict=False))


def test_the_interval_counts_patients_and_not_notes(decisions_of, truth):
    """A copy of every note tells nothing new where it belongs to the same patient."""

    def widths(copies, patients):
        real, synthetic = (
            decisions_of(CODES, np.tile(truth, (copies, 1)), np.tile(coder(truth, share, 4), (copies, 1)), patients)
            for share in (0.1, 0.4)
        )
        losses = code_losses(real, synthetic, 10, 2000, 0.05, 1)
        return (losses["high"] - losses["low"]).mean(), losses["patients"].tolist()

    once, patients_once = widths(1, np.arange(120))
    same, patients_same = widths(4, np.tile(np.arange(120), 4))
    others, _ = widths(4, np.arange(480))
    assert patients_once == patients_same
    assert same == pytest.approx(once, rel=0.01)
    assert others == pytest.approx(once / 2, rel=0.1)


def test_a_coder_against_itself_loses_nothing(decisions_of, truth):
    real = decisions_of(CODES, truth, coder(truth, 0.3, 2))
    losses = code_losses(real, real, 1, 50, 0.05, 1)
    assert (losses[["difference", "low", "high"]] == 0).all(axis=None)
    assert len(losses) == 5


def test_no_code_with_enough_patients(decisions_of, truth):
    real = decisions_of(CODES, truth, truth)
    losses = code_losses(real, real, 1000, 50, 0.05, 1)
    assert losses.empty
    assert summary(losses) == {"listed": 0, "lose": 0, "gain": 0}
