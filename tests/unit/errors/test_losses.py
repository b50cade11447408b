import numpy as np
import pandas as pd
import pytest

from synthnotes.errors.losses import code_losses, rarity, summary

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
    losses = code_losses(real, synthetic, minimum_patients=10, resamples=300, significance_level=0.05, seed=1)
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


def learnt(rng, frequency, missed_real, missed_synthetic):
    """Codes whose coders miss a share of their notes in E, half as many as in training, and add a few wrong ones."""
    notes = np.maximum(rng.poisson(frequency / 2), 1)

    def f1(missed):
        return 2 * (true := rng.binomial(notes, 1 - missed)) / np.maximum(true + rng.poisson(notes / 5) + notes, 1)

    difference = -f1(missed_real) + f1(missed_synthetic)
    return pd.DataFrame(
        {"notes": notes, "training_real": frequency, "training_synthetic": frequency, "difference": difference}
    )


def frequencies(rng, codes):
    """As of diagnoses: most are rare."""
    return (3 * rng.pareto(1.0, codes)).astype(int) + 1


@pytest.mark.parametrize(("slope", "verdict"), [(-0.06, "more where rare"), (0.06, "less where rare")])
def test_a_loss_concentrated_on_some_codes_is_seen(slope, verdict):
    rng = np.random.default_rng(1)
    frequency = frequencies(rng, 1500)
    missed = (0.4 + slope * (np.log(frequency) - 3)).clip(0.2, 0.95)
    found = rarity(learnt(rng, frequency, 0.2, missed), 5)
    assert found["verdict"] == verdict
    assert np.sign(found["spearman"]["r"]) == -np.sign(slope)


@pytest.mark.parametrize(("missed_real", "missed_synthetic"), [(0.3, 0.3), (0.3, 0.5), (0.2, 0.3)])
def test_a_loss_unrelated_to_frequency_is_seldom_taken_for_one(missed_real, missed_synthetic):
    """The intervals are of 95 %: of 300 draws at most 24 (2.5 standard errors above 5 %) may give a verdict."""
    rng = np.random.default_rng(3)
    draws = [learnt(rng, frequencies(rng, 3000), missed_real, missed_synthetic) for _ in range(300)]
    assert sum(rarity(codes, 5)["verdict"] != "not shown" for codes in draws) <= 24
    if missed_real < missed_synthetic:  # which is why codes of few notes are left out
        assert sum(rarity(codes, 1)["verdict"] == "less where rare" for codes in draws) > 60


def test_that_rare_codes_score_lower_with_both_coders_is_no_loss():
    """Both coders fail where codes are rare, and the synthetic one no more than the other."""
    rng = np.random.default_rng(2)
    drawn = [frequencies(rng, 1000) for _ in range(200)]
    missed = [(0.9 - 0.1 * np.log(frequency)).clip(0.1) for frequency in drawn]
    verdicts = [rarity(learnt(rng, f, m, m), 5)["verdict"] for f, m in zip(drawn, missed, strict=True)]
    assert sum(verdict != "not shown" for verdict in verdicts) <= 17


def test_only_codes_that_both_coders_have_seen_are_judged():
    codes = pd.DataFrame({"notes": 9, "training_real": [0, 4, 8, 16, 32], "training_synthetic": [4, 0, 8, 16, 32]})
    found = rarity(codes.assign(difference=[9.0, 9.0, -0.3, -0.2, -0.1]), 5)
    assert (found["n"], found["spearman"]["r"], found["verdict"]) == (3, pytest.approx(1), "not shown")
