"""Metrics of samples of the patients, and the tests of decisions, against the plain computation on matrices."""

import numpy as np
import pytest
from scipy import sparse
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from synthnotes.coding.metrics import evaluate
from synthnotes.coding.outcomes import Outcome, measure_notes, take_apart
from synthnotes.coding.predictions import Predictions
from synthnotes.significance import resampling
from synthnotes.significance.coder_differences import mcnemar

NOTES, CODES = 30, 6


def decisions(seed: int, quality: float = 0.8, notes: int = NOTES) -> tuple[np.ndarray, Predictions]:
    """A truth in which every note has a code and one code is rare, and a coder that is right with some probability."""
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(99).random((notes, CODES)) < [0.6, 0.4, 0.3, 0.2, 0.05, 0]
    truth[:, 0] |= ~truth.any(axis=1)
    probabilities = np.where(rng.random(truth.shape) < quality, truth, ~truth) * 0.4 + rng.random(truth.shape) * 0.5
    ids = [str(note) for note in range(notes)]
    return truth, Predictions(ids, list("abcdef"), probabilities.astype(np.float16).astype(np.float32), 0.45)


def outcome_of(seed: int, quality: float = 0.8, patients: int = NOTES) -> Outcome:
    truth, predictions = decisions(seed, quality)
    return measure_notes(predictions, sparse.csr_array(truth), np.arange(NOTES) % patients)


def flat(results: dict, prefix: str = "") -> dict[str, float]:
    found = {}
    for name, value in results.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


def test_the_observed_metrics_are_those_of_the_coder():
    truth, predictions = decisions(1)
    whole = flat(evaluate(truth, predictions.probabilities, predictions.predicted))
    found = resampling.observed([outcome_of(1, patients=7)])
    assert set(whole) - set(found) == {name for name, value in whole.items() if value is None}
    assert {name: value.item() for name, value in found.items()} == pytest.approx({name: whole[name] for name in found})


def assert_as_of_the_matrices(found: dict[str, np.ndarray], one: Outcome, weights: np.ndarray) -> int:
    """Compares each sample with its matrix, written out; gives the number of samples that lack a code."""
    truth, predictions = decisions(2)
    truth, predicted = truth[:, :5], predictions.predicted[:, :5]  # no note has the last code
    lacking = 0
    for i, weight in enumerate(weights.astype(int)):
        rows = np.repeat(np.arange(NOTES), weight[one.patients])
        drawn, given = truth[rows], predicted[rows]
        lacking += not drawn.any(axis=0).all()
        expected = flat(evaluate(drawn, given * 1.0, given))
        for rate in ("f1", "precision", "recall", "false_positive_rate"):
            assert found[f"macro.{rate}"][i] == pytest.approx(expected[f"macro.{rate}"], abs=1e-6)
        assert found["micro.recall"][i] == pytest.approx((drawn & given).sum() / drawn.sum())
        assert found["micro.precision"][i] == pytest.approx((drawn & given).sum() / given.sum())
        assert found["exact_match_ratio"][i] == pytest.approx((drawn == given).all(axis=1).mean())
        assert found["ranking.map"][i] == pytest.approx(one.means["ranking.map"][rows].mean())
    return lacking


def test_a_resample_is_that_of_the_matrices(monkeypatch):
    monkeypatch.setattr(resampling, "AT_ONCE", 4)
    one = outcome_of(2, patients=11)
    weights = np.concatenate(list(resampling.draw(11, 10, seed=3)))
    assert weights.sum(axis=1).tolist() == [11] * 10
    assert assert_as_of_the_matrices(resampling.Counts([one]).metrics(weights)[0], one, weights)


@pytest.mark.parametrize(("groups", "left"), [(2000, 11), (4, 4)])
def test_what_is_left_of_e_is_that_of_the_matrices(monkeypatch, groups, left):
    """Without each of eleven patients, or each of four groups that share them."""
    monkeypatch.setattr(resampling, "AT_ONCE", 3)
    monkeypatch.setattr(resampling, "GROUPS", groups)
    one = outcome_of(2, patients=11)
    weights = np.concatenate(list(resampling.leave_out(11)))
    assert weights.shape == (left, 11)
    assert (weights == 0).sum(axis=0).tolist() == [1] * 11
    assert_as_of_the_matrices(resampling.without_each([one]), one, weights)


def test_a_coder_with_several_seeds_is_their_mean():
    seeds = [outcome_of(seed) for seed in (1, 2)]
    together = resampling.without_each(seeds)
    apart = [resampling.without_each([seed]) for seed in seeds]
    for metric, values in together.items():
        np.testing.assert_allclose(values, (apart[0][metric] + apart[1][metric]) / 2)


def test_micro_f1_and_its_difference_by_hand():
    truth = sparse.csr_array(np.array([[1, 1], [0, 1]], dtype=bool))
    first, second = (sparse.csr_array(np.array(rows, dtype=bool)) for rows in ([[1, 1], [0, 0]], [[1, 0], [1, 1]]))
    outcomes = [Outcome(truth, predicted, np.arange(2)) for predicted in (first, second)]
    # The first coder finds 2 of 3 with 2 predictions, the second 2 of 3 with 3.
    values = resampling.observed(outcomes)
    assert values["micro.f1"] == pytest.approx([4 / 5, 4 / 6])
    assert values["macro.f1"] == pytest.approx([(1 + 2 / 3) / 2, (2 / 3 + 2 / 3) / 2])
    # By the first note alone 1 and 2/3, by the second 0 and 2/3.
    weights = np.array([[2, 0], [0, 2]], dtype=np.float32)
    first, second = resampling.Counts(outcomes).metrics(weights)
    assert first["micro.f1"].tolist() == pytest.approx([1, 0])
    assert second["micro.f1"].tolist() == pytest.approx([2 / 3, 2 / 3])
    assert second["macro.f1"].tolist() == pytest.approx([1 / 2, 1])  # the second note alone lacks the first code


def randomised_slowly(first: Outcome, second: Outcome, swaps: np.ndarray) -> np.ndarray:
    """Differences of micro and macro F1 with the rows of the matrices changed over, [swaps, 2]."""
    truth, *given = (matrix.toarray() for matrix in (first.truth, first.predicted, second.predicted))
    found = []
    for swap in swaps.astype(bool)[:, first.patients]:
        pair = [np.where(swap[:, None], given[1 - i], given[i]) for i in (0, 1)]
        scores = [evaluate(truth, predicted * 1.0, predicted) for predicted in pair]
        found.append([scores[0][average]["f1"] - scores[1][average]["f1"] for average in ("micro", "macro")])
    return np.array(found)


def test_randomisation_is_that_of_the_matrices(monkeypatch):
    monkeypatch.setattr(resampling, "AT_ONCE", 40)
    first, second = outcome_of(3, patients=9), outcome_of(5, patients=9)
    found = resampling.randomise([first], [second], 40, seed=5)
    swaps = np.random.default_rng(5).integers(2, size=(40, 9))
    slow = randomised_slowly(first, second, swaps)
    observed = randomised_slowly(first, second, np.zeros((1, 9)))[0]
    for i, name in enumerate(("micro_f1", "macro_f1")):
        assert found[name]["difference"] == pytest.approx(observed[i])
        extreme = (np.abs(slow[:, i]) >= abs(observed[i]) - 1e-9).sum()
        assert found[name]["p"] == pytest.approx((1 + extreme) / 41)
        assert 0 < extreme < 40


def test_a_coder_does_not_differ_from_itself():
    one = outcome_of(5)
    found = resampling.randomise([one], [one], 20, seed=1)
    assert found == {name: {"difference": 0, "p": 1} for name in ("micro_f1", "macro_f1")}
    test = mcnemar(one, one)
    assert (test["right_by_first_only"], test["right_by_second_only"]) == (0, 0)
    assert test["p"] is test["p_by_patient"] is None


@pytest.mark.parametrize("qualities", [(0.8, 0.7), (0.7, 0.8), (0.75, 0.75)])
def test_mcnemar_equals_statsmodels(qualities):
    first, second = (outcome_of(seed, quality, patients=12) for seed, quality in zip((6, 7), qualities, strict=True))
    test = mcnemar(first, second)
    right = [one.predicted.toarray() == one.truth.toarray() for one in (first, second)]
    table = [[(right[0] == a)[right[1] == b].sum() for b in (True, False)] for a in (True, False)]
    assert [test["right_by_first_only"], test["right_by_second_only"]] == [table[0][1], table[1][0]]
    assert test["decisions"] == np.sum(table)
    assert test["p"] == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue)


def test_mcnemar_by_patient_by_hand():
    """Three patients on whom the first coder leads by 3, 2 and -1 decisions: z = 4 / sqrt(14)."""
    truth = np.ones((3, 4), dtype=bool)
    first = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]], dtype=bool)
    second = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]], dtype=bool)
    one, other = (Outcome(*map(sparse.csr_array, (truth, given)), np.arange(3)) for given in (first, second))
    test = mcnemar(one, other)
    assert test["p_by_patient"] == pytest.approx(0.28504941)  # 2 (1 - Phi(1.0690450))
    assert test["p"] == pytest.approx(2 * (1 + 6) / 2**6)


FREQUENT = [0.6, 0.5, 0.4, 0.3, 0.3, 0.2, 0.2, 0.1]


def simulated(
    rng: np.random.Generator, patients: int, finds: tuple[float, float], shares: list[float] = FREQUENT
) -> list[Outcome]:
    """Two coders on patients of one to three notes; some patients are easy, so that a patient's notes hang together.

    What is predicted has a probability of 0.5 to 1, what is not one below.
    """
    patient = np.repeat(np.arange(patients), rng.integers(1, 4, size=patients))
    easy = rng.uniform(-0.25, 0.25, size=patients)[patient, None]
    truth = rng.random((len(patient), len(shares))) < shares
    truth[:, 0] |= ~truth.any(axis=1)
    shares, truth = np.array(shares)[truth.any(axis=0)], truth[:, truth.any(axis=0)]
    outcomes = []
    for quality in finds:
        predicted = np.where(truth, rng.random(truth.shape) < quality + easy, rng.random(truth.shape) < 0.3 * shares)
        areas = take_apart(truth, (predicted + rng.random(truth.shape)) / 2)
        outcomes.append(Outcome(sparse.csr_array(truth), sparse.csr_array(predicted), patient, areas=areas))
    return outcomes


def test_the_randomisation_test_keeps_its_level():
    """240 studies of equal coders at the level of 10 %: 24 false alarms are expected, 14 is three standard errors."""
    rng = np.random.default_rng(12)
    alarms = dict.fromkeys(("micro_f1", "macro_f1"), 0)
    for study in range(240):
        first, second = simulated(rng, 80, (0.65, 0.65))
        found = resampling.randomise([first], [second], 199, study)
        for name in alarms:
            alarms[name] += found[name]["p"] <= 0.1
    assert all(count == pytest.approx(24, abs=14) for count in alarms.values()), alarms


def test_the_randomisation_test_finds_a_difference():
    first, second = simulated(np.random.default_rng(13), 80, (0.75, 0.55))
    found = resampling.randomise([first], [second], 199, 1)
    assert found["micro_f1"]["p"] == found["macro_f1"]["p"] == 1 / 200


def test_randomisation_takes_the_mean_over_the_seeds_under_one_coin():
    first, second = [outcome_of(seed, patients=9) for seed in (3, 4)], [outcome_of(seed, patients=9) for seed in (5, 6)]
    found = resampling.randomise(first, second, 40, seed=5)
    swaps = np.random.default_rng(5).integers(2, size=(40, 9))
    slow = np.mean([randomised_slowly(*pair, swaps) for pair in zip(first, second, strict=True)], axis=0)
    none = np.zeros((1, 9))
    observed = np.mean([randomised_slowly(*pair, none)[0] for pair in zip(first, second, strict=True)], axis=0)
    for i, name in enumerate(("micro_f1", "macro_f1")):
        assert found[name]["difference"] == pytest.approx(observed[i])
        assert found[name]["p"] == pytest.approx((1 + (np.abs(slow[:, i]) >= abs(observed[i]) - 1e-9).sum()) / 41)


def test_randomisation_of_unequal_numbers_of_seeds():
    """Three runs against two: no run has a partner of its seed, so each meets each."""
    three, two = [outcome_of(seed, patients=9) for seed in (3, 4, 5)], [outcome_of(seed, patients=9) for seed in (6, 7)]
    found = resampling.randomise(three, two, 40, seed=5)
    values = [resampling.observed(outcomes) for outcomes in (three, two)]
    for name in ("micro", "macro"):
        expected = values[0][f"{name}.f1"].mean() - values[1][f"{name}.f1"].mean()
        assert found[f"{name}_f1"]["difference"] == pytest.approx(expected)
