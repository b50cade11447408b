import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from synthnotes.coding import metrics
from synthnotes.coding.metrics import evaluate
from synthnotes.coding.plm_icd.training import best_threshold
from synthnotes.coding.predictions import above
from synthnotes.coding.rates import mean_average_precision

# Two notes, four codes; the last code occurs in no note and must not count.
TRUTH = np.array([[1, 1, 0, 0], [0, 1, 1, 0]], dtype=bool)
PROBABILITIES = np.array([[0.9, 0.2, 0.6, 0.99], [0.3, 0.8, 0.7, 0.99]])


def test_a_case_worked_by_hand():
    result = evaluate(TRUTH, PROBABILITIES, PROBABILITIES > 0.5)
    # Note 1 predicts codes 1 and 3 (one right), note 2 predicts 2 and 3 (both right).
    assert result["micro"]["precision"] == pytest.approx(3 / 4)
    assert result["micro"]["recall"] == pytest.approx(3 / 4)
    assert result["micro"]["f1"] == pytest.approx(3 / 4)
    assert result["micro"]["false_positive_rate"] == pytest.approx(1 / 2)
    # Code 1: right; code 2: one of two found; code 3: one of two predictions right.
    assert result["macro"]["precision"] == pytest.approx((1 + 1 + 1 / 2) / 3)
    assert result["macro"]["recall"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert result["macro"]["f1"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert result["macro"]["false_positive_rate"] == pytest.approx((0 + 0 + 1) / 3)  # code 2 has no negative note
    assert result["exact_match_ratio"] == 1 / 2
    # Ranks: note 1 has its codes first and third, note 2 first and second.
    assert result["ranking"]["map"] == pytest.approx(((1 + 2 / 3) / 2 + 1) / 2)
    assert result["ranking"]["r_precision"] == pytest.approx((1 / 2 + 1) / 2)
    # Positives 0.9 0.2 0.8 0.7 against negatives 0.6 0.3: 6 of 8 pairs in order; code 2 has no curve.
    assert result["micro"]["auc"] == pytest.approx(6 / 8)
    assert result["macro"]["auc"] == pytest.approx((1 + 1) / 2)
    assert result["loss"] == pytest.approx(-np.log([0.9, 0.2, 0.4, 0.7, 0.8, 0.7]).mean())


def test_precision_and_recall_at_k_by_hand():
    truth = np.zeros((1, 16), dtype=bool)
    truth[0, [0, 6, 9, 14]] = True
    truth = np.vstack([truth, np.ones((1, 16), dtype=bool)])  # so that every code occurs
    probabilities = np.tile(np.linspace(0.9, 0.1, 16), (2, 1))
    ranking = metrics.ranking(truth, probabilities)
    assert ranking["precision_at_5"] == pytest.approx((1 / 5 + 1) / 2)
    assert ranking["precision_at_8"] == pytest.approx((2 / 8 + 1) / 2)
    assert ranking["precision_at_15"] == pytest.approx((4 / 15 + 1) / 2)
    assert ranking["recall_at_10"] == pytest.approx((3 / 4 + 10 / 16) / 2)
    assert ranking["recall_at_15"] == pytest.approx((1 + 15 / 16) / 2)
    assert ranking["r_precision"] == pytest.approx((1 / 4 + 1) / 2)


def test_what_does_not_exist_is_none():
    result = evaluate(TRUTH, PROBABILITIES, PROBABILITIES > 0.5)
    assert result["ranking"]["precision_at_5"] is None
    assert result["ranking"]["recall_at_10"] is None
    everything = evaluate(np.ones((3, 2), dtype=bool), np.full((3, 2), 0.5), np.ones((3, 2), dtype=bool))
    assert everything["micro"]["auc"] is None
    assert everything["macro"]["auc"] is None
    nothing = evaluate(np.zeros((3, 2), dtype=bool), np.full((3, 2), 0.5), np.ones((3, 2), dtype=bool))
    values = [*nothing["micro"].values(), *nothing["macro"].values(), *nothing["ranking"].values()]
    assert {*values, nothing["exact_match_ratio"], nothing["loss"]} == {None}


def test_no_prediction_at_all_gives_zero():
    result = evaluate(TRUTH, PROBABILITIES, np.zeros_like(TRUTH))
    assert result["micro"] | {"auc": 0} == {"f1": 0, "precision": 0, "recall": 0, "false_positive_rate": 0, "auc": 0}


def random_case(seed: int, notes: int = 60, codes: int = 25) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random((notes, codes)) < np.linspace(0.02, 0.5, codes)
    truth[np.arange(notes), rng.integers(codes, size=notes)] = True
    probabilities = np.clip(rng.random((notes, codes)) * 0.7 + truth * 0.25, 0.01, 0.99)
    return truth, probabilities


@pytest.mark.parametrize("seed", range(3))
def test_scikit_learn_agrees(seed, monkeypatch):
    monkeypatch.setattr(metrics, "NOTES_AT_ONCE", 7)
    monkeypatch.setattr(metrics, "CODES_AT_ONCE", 4)
    truth, probabilities = random_case(seed)
    probabilities = probabilities.round(2 if seed else 6)  # with ties, but for the first
    predicted = probabilities > 0.5
    result = evaluate(truth, probabilities, predicted)
    kept = truth.any(axis=0)
    truth, probabilities, predicted = truth[:, kept], probabilities[:, kept], predicted[:, kept]
    for average in ("micro", "macro"):
        for name, function in {
            "f1": sklearn.f1_score,
            "precision": sklearn.precision_score,
            "recall": sklearn.recall_score,
        }.items():
            expected = function(truth, predicted, average=average, zero_division=0)
            assert result[average][name] == pytest.approx(expected), (average, name)
        assert result[average]["auc"] == pytest.approx(sklearn.roc_auc_score(truth, probabilities, average=average))
    assert result["exact_match_ratio"] == pytest.approx(sklearn.accuracy_score(truth, predicted))
    assert result["loss"] == pytest.approx(sklearn.log_loss(truth.ravel(), probabilities.ravel()))
    if seed == 0:  # scikit-learn takes tied labels as one rank, Edin et al. break ties
        expected = sklearn.average_precision_score(truth, probabilities, average="samples")
        assert result["ranking"]["map"] == pytest.approx(expected)


def test_parts_of_the_notes_together_equal_the_whole(monkeypatch):
    truth, probabilities = random_case(9)
    whole = evaluate(truth, probabilities, probabilities > 0.5)
    monkeypatch.setattr(metrics, "NOTES_AT_ONCE", 8)
    monkeypatch.setattr(metrics, "CODES_AT_ONCE", 3)
    parts = evaluate(truth, probabilities, probabilities > 0.5)
    for group in ("micro", "macro", "ranking"):
        assert parts[group] == pytest.approx(whole[group])
    assert parts["loss"] == pytest.approx(whole["loss"])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), steps=st.integers(2, 40))
def test_the_threshold_is_the_best_of_all_steps(seed, steps):
    truth, probabilities = random_case(seed, notes=12, codes=6)
    threshold, micro_f1 = best_threshold(truth, probabilities, steps)
    tried = np.linspace(0, 1, steps).astype(np.float32)
    scores = [sklearn.f1_score(truth, above(probabilities, value), average="micro", zero_division=0) for value in tried]
    assert micro_f1 == pytest.approx(max(scores))
    assert threshold == tried[int(np.argmax(np.round(scores, 12)))]


def test_a_probability_on_a_threshold_is_not_above_it():
    truth = np.array([[True, False]])
    threshold, micro_f1 = best_threshold(truth, np.array([[0.75, 0.5]], dtype=np.float32), 5)  # 0, 1/4, 1/2, 3/4, 1
    assert (threshold, micro_f1) == (0.5, 1.0)


def test_notes_without_codes_choose_no_epoch():
    assert mean_average_precision(TRUTH, PROBABILITIES) == pytest.approx(((1 + 2 / 3) / 2 + 1) / 2)
    with pytest.raises(ValueError, match="no note has a code"):
        mean_average_precision(np.zeros_like(TRUTH), PROBABILITIES)
