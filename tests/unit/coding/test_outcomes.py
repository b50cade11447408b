"""Decisions beside the truth, and areas under ROC curves, taken apart, against values by hand and resampled notes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from sklearn.metrics import f1_score, roc_auc_score

from synthnotes.coding.metrics import macro_auc, micro_auc
from synthnotes.coding.outcomes import Outcome, decide, take_apart
from synthnotes.coding.predictions import Predictions, align
from synthnotes.machinery.files import UserError
from synthnotes.significance.resampling import Counts, draw

CODES = ["I10", "J18.9", "0DTJ4ZZ"]
TRUTH = sparse.csr_array(np.array([[1, 0, 0], [0, 1, 1]], dtype=bool))  # of the notes b and a


def predictions(**changes):
    values = {
        "note_ids": ["a", "b"],
        "codes": CODES,
        "probabilities": np.array([[0.5, 0.75, 1.0], [0.25, 0.0, 0.75]], dtype=np.float32),
        "threshold": 0.5,
    }
    return Predictions(**(values | changes))


def decided(**changes):
    aligned = align(predictions(**changes), ["b", "a"], CODES, "build/coder")
    return decide(aligned, TRUTH, np.arange(2))


def test_rows_come_in_the_order_of_the_notes():
    # 0.5 is not greater than the threshold (repair k).
    assert decided().predicted.toarray().tolist() == [[False, False, True], [False, True, True]]


def test_a_probability_at_the_threshold_counts_where_it_is_asked_for():
    aligned = align(predictions(), ["b", "a"], CODES, "build/coder")
    outcome = decide(aligned, TRUTH, np.arange(2), at_threshold=True)
    assert outcome.predicted.toarray().tolist() == [[False, False, True], [True, True, True]]


def test_f1_by_hand():
    outcome = decided()
    assert outcome.f1_per_code.tolist() == [0, 1, 2 / 3]
    assert outcome.f1_per_note.tolist() == [0, 1]
    assert outcome.macro_f1 == pytest.approx(5 / 9)
    assert outcome.micro_f1 == pytest.approx(4 / 6)


def test_correct_wrong_and_missed():
    outcome = decided()
    assert outcome.correct.toarray().astype(int).tolist() == [[0, 0, 0], [0, 1, 1]]
    assert outcome.wrong.toarray().astype(int).tolist() == [[0, 0, 1], [0, 0, 0]]
    assert outcome.missed.toarray().astype(int).tolist() == [[1, 0, 0], [0, 0, 0]]


@given(arrays(bool, (6, 4)), arrays(bool, (6, 4)))
def test_f1_equals_scikit_learn_s(truth, predicted):
    truth[0, :2] = True  # a note of E has a code; of one code alone, scikit-learn would judge the absence too
    outcome = Outcome(sparse.csr_array(truth), sparse.csr_array(predicted), np.arange(6))
    occurring = truth.any(axis=0)
    oracle = {"y_true": truth[:, occurring], "y_pred": predicted[:, occurring], "zero_division": 0}
    assert outcome.macro_f1 == pytest.approx(f1_score(**oracle, average="macro"))
    assert outcome.micro_f1 == pytest.approx(f1_score(**oracle, average="micro"))
    per_note = [f1_score(*note, zero_division=0) for note in zip(truth, predicted, strict=True)]
    assert outcome.f1_per_note == pytest.approx(per_note)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codes": ["I10", "J18.9", "K35"]}, "another code set .0DTJ4ZZ is in one"),
        ({"codes": ["J18.9", "I10", "0DTJ4ZZ"]}, "their order differs"),
        ({"note_ids": ["a", "c"]}, "note c, which E does not have"),
        ({"note_ids": ["a", "a"]}, "several predictions of one note"),
        ({"note_ids": ["a"], "probabilities": np.zeros((1, 3))}, "note b, which has no predictions"),
        ({"threshold": 1.5}, "threshold 1.5, expected one in .0, 1."),
        ({"threshold": float("nan")}, "threshold nan"),
        ({"probabilities": np.full((2, 3), np.nan)}, "no probability"),
        ({"probabilities": np.full((2, 3), 2.0)}, "no probability"),
    ],
)
def test_predictions_that_do_not_belong_here_are_refused(changes, message):
    with pytest.raises(UserError, match=f"build/coder: .*{message}.*dvc repro"):
        decided(**changes)


@given(
    arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32)),
    st.one_of(st.integers(0, 99).map(lambda step: step / 99), st.floats(0, 1)),
)
def test_decisions_are_those_of_the_coder_s_own_rule(probabilities, threshold):
    probabilities.flat[:3] = threshold, np.nextafter(np.float32(threshold), 2), np.nextafter(np.float32(threshold), -1)
    made = Predictions(list("abc"), list("wxyz"), np.clip(probabilities, 0, 1), threshold)
    truth = sparse.csr_array(np.ones((3, 4), dtype=bool))
    outcome = decide(made, truth, np.arange(3))
    assert (outcome.predicted.toarray() == made.predicted).all()
    at = decide(made, truth, np.arange(3), at_threshold=True).predicted.toarray()
    assert (at == (made.predicted | (made.probabilities.astype(np.float16) == np.float32(threshold)))).all()


HAS = np.array([[1, 0], [0, 1], [0, 1]], dtype=bool)
PROBABILITIES = np.array([[0.5, 0.25], [0.5, 0.75], [0.25, 0.25]], dtype=np.float32)


def outcome_of(truth: np.ndarray, probabilities: np.ndarray, patients: np.ndarray) -> Outcome:
    decisions = sparse.csr_array(probabilities > 0.5)
    return Outcome(sparse.csr_array(truth), decisions, patients, areas=take_apart(truth, probabilities))


def test_placements_by_hand():
    areas = take_apart(HAS, PROBABILITIES)
    # The first code: 0.5 stands level with one 0.5 and above 0.25. The second: 0.75 above 0.25, and 0.25 level with it.
    assert areas.placements.toarray().tolist() == [[0.75, 0], [0, 1], [0, 0.5]]
    # As notes without: of the first code, the second note is half passed, the third wholly: 0.5 - 0.75 and 1 - 0.75,
    # over 2 such notes and 2 codes. Of the second code, there is but the first.
    assert areas.macro_negatives.tolist() == pytest.approx([0, -0.0625, 0.0625])
    # All together: true 0.5, 0.75, 0.25 against false 0.25, 0.5, 0.25.
    assert areas.micro_placements.tolist() == pytest.approx([2.5 / 3, 1, 1 / 3])
    # Two true ones lie above each 0.25 and one level with it; one above 0.5 and one level. The mean is 6.5 / 9.
    assert areas.micro_negatives.tolist() == pytest.approx([2.5 / 3 - 6.5 / 9, 1.5 / 3 - 6.5 / 9, 2.5 / 3 - 6.5 / 9])


def simulated(notes: int, codes: int, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Rare and frequent codes, a few of them on one note alone; notes are easy or hard as a whole."""
    rng = np.random.default_rng(4)
    share = 0.4 / np.arange(1, codes + 1)
    truth = rng.random((notes, codes)) < share
    truth[rng.integers(notes, size=codes), np.arange(codes)] = True
    easy = rng.normal(0, 0.5, size=notes)[:, None]
    logits = np.log(share) + rng.normal(size=truth.shape) + truth * (gap + easy)
    return truth, (1 / (1 + np.exp(-logits))).astype(np.float16).astype(np.float32)


def test_the_areas_of_all_notes_are_exact():
    truth, probabilities = simulated(120, 30, 1.5)
    truth[:, 3] = True  # a code that every note has is left out of the macro area
    probabilities[:, 5] = 0.5  # nothing but ties
    found = Counts([outcome_of(truth, probabilities, np.arange(120))]).metrics(np.ones((1, 120)))[0]
    assert found["micro.auc"].item() == pytest.approx(roc_auc_score(truth, probabilities, average="micro"))
    others = np.arange(30) != 3
    assert found["macro.auc"].item() == pytest.approx(
        roc_auc_score(truth[:, others], probabilities[:, others], average="macro")
    )


@pytest.mark.parametrize("gap", [1.0, 2.5])
def test_the_areas_of_resampled_patients_are_the_true_ones_to_first_order(gap):
    """300 notes of 200 patients: against the areas of the drawn notes, nearly all of the variance is found.

    The deviation may be a tenth of the areas' own standard deviation, which makes an interval wrong by half a hundredth
    of its width; a mere constant would deviate by all of it.
    """
    truth, probabilities = simulated(300, 40, gap)
    patients = np.arange(300) % 200
    counts = Counts([outcome_of(truth, probabilities, patients)])
    weights = np.concatenate(list(draw(200, 150, seed=6)))
    found = counts.metrics(weights)[0]
    exact = {"micro.auc": [], "macro.auc": []}
    for weight in weights.astype(int):
        rows = np.repeat(np.arange(300), weight[patients])
        drawn = truth[rows][:, truth[rows].any(axis=0)]
        given = probabilities[rows][:, truth[rows].any(axis=0)]
        exact["micro.auc"].append(micro_auc(truth[rows], probabilities[rows]))
        exact["macro.auc"].append(macro_auc(drawn, given))
    for name, areas in exact.items():
        deviation = found[name] - areas
        assert np.std(deviation) < 0.1 * np.std(areas), name
        assert abs(np.mean(deviation)) < 0.02 * np.std(areas), name


def test_probabilities_at_the_ends_and_a_negative_zero_are_ranked():
    truth = np.array([[1], [0], [0]], dtype=bool)
    placements = take_apart(truth, np.array([[1.0], [0.0], [-0.0]])).placements
    assert placements.toarray()[0, 0] == 1
    level = take_apart(truth, np.array([[-0.0], [0.0], [1.0]])).placements
    assert level.toarray()[0, 0] == 0.25
