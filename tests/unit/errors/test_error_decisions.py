import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from sklearn.metrics import f1_score

from synthnotes.coding.predictions import Predictions, align
from synthnotes.coding.outcomes import Decisions, decide
from synthnotes.machinery.files import UserError

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
    decisions = decide(aligned, TRUTH, np.arange(2), at_threshold=True)
    assert decisions.predicted.toarray().tolist() == [[False, False, True], [True, True, True]]


def test_f1_by_hand():
    decisions = decided()
    assert decisions.f1_per_code().tolist() == [0, 1, 2 / 3]
    assert decisions.f1_per_note().tolist() == [0, 1]
    assert decisions.macro_f1() == pytest.approx(5 / 9)
    assert decisions.micro_f1() == pytest.approx(4 / 6)


def test_correct_wrong_and_missed():
    decisions = decided()
    assert decisions.correct.toarray().astype(int).tolist() == [[0, 0, 0], [0, 1, 1]]
    assert decisions.wrong.toarray().astype(int).tolist() == [[0, 0, 1], [0, 0, 0]]
    assert decisions.missed.toarray().astype(int).tolist() == [[1, 0, 0], [0, 0, 0]]


@given(arrays(bool, (6, 4)), arrays(bool, (6, 4)))
def test_f1_equals_scikit_learn_s(truth, predicted):
    truth[0, :2] = True  # a note of E has a code; of one code alone, scikit-learn would judge the absence too
    decisions = Decisions(list("abcd"), sparse.csr_array(truth), sparse.csr_array(predicted), np.arange(6))
    occurring = truth.any(axis=0)
    oracle = {"y_true": truth[:, occurring], "y_pred": predicted[:, occurring], "zero_division": 0}
    assert decisions.macro_f1() == pytest.approx(f1_score(**oracle, average="macro"))
    assert decisions.micro_f1() == pytest.approx(f1_score(**oracle, average="micro"))
    per_note = [f1_score(*note, zero_division=0) for note in zip(truth, predicted, strict=True)]
    assert decisions.f1_per_note() == pytest.approx(per_note)


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
    decisions = decide(made, truth, np.arange(3))
    assert (decisions.predicted.toarray() == made.predicted).all()
    at = decide(made, truth, np.arange(3), at_threshold=True).predicted.toarray()
    assert (at == (made.predicted | (made.probabilities.astype(np.float16) == np.float32(threshold)))).all()
