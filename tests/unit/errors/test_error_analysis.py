import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from synthnotes.coding.outcomes import Outcome
from synthnotes.coding.predictions import Predictions
from synthnotes.errors.error_analysis import analyse, code_match, describe, take_coder
from synthnotes.machinery import params
from synthnotes.machinery.disclosure import suppress
from synthnotes.machinery.params import ErrorsParams


def test_counts_by_hand(decisions_of):
    decisions = decisions_of("abcd", [[1, 1, 0, 0], [1, 0, 0, 0]], [[0, 1, 1, 0], [0, 1, 1, 0]])
    assert describe(decisions) == {
        "notes": 2,
        "predicted": {"total": 4, "per_note": 2.0, "unique": 2},
        "true": {"total": 3, "per_note": 1.5, "unique": 2},
        "correct": {"total": 1, "per_note": 0.5, "unique": 1},
        "precision": 1 / 4,
        "recall": 1 / 3,
        "coverage": 1 / 2,  # code b of a and b; c is no code of E
    }


def test_a_coder_that_predicts_nothing(decisions_of):
    described = describe(decisions_of("a", [[1]], [[0]]))
    assert described["precision"] is None
    assert described["coverage"] == described["recall"] == 0


def coder(predicted, patients=None):
    """A coder's predictions for notes of a patient each, or of these; the truth does not matter."""
    patients = np.arange(len(predicted)) if patients is None else patients
    return Outcome(sparse.csr_array(predicted.shape, dtype=bool), sparse.csr_array(predicted), patients)


def double_loop(predicted, targets):
    sets = [frozenset(np.flatnonzero(row)) for row in targets]
    coded = [frozenset(np.flatnonzero(row)) for row in predicted if row.any()]
    return sum(any(c == t for t in sets) for c in coded), sum(any(c < t for t in sets) for c in coded)


@given(st.integers(0, 20).flatmap(lambda notes: arrays(bool, (notes, 5))), arrays(bool, (5, 5)))
def test_code_match_equals_the_double_loop(targets, predicted):
    match = code_match(coder(predicted), sparse.csr_array(targets))
    assert (match["exact"], match["proper_subset"]) == double_loop(predicted, targets)
    assert match["empty"] == (~predicted.any(axis=1)).sum()


def test_code_match_by_hand():
    targets = np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 1, 1]], dtype=bool)
    predicted = np.array(
        [
            [1, 1, 1, 0],  # exact
            [1, 0, 0, 0],  # exact, and part of the first
            [1, 1, 0, 0],  # part of the first
            [1, 0, 0, 1],  # neither, though each code occurs
            [0, 0, 0, 0],  # empty: part of everything, counted apart (repair m)
        ],
        dtype=bool,
    )
    counts = {"predictions": 5, "empty": 1, "exact": 2}
    assert code_match(coder(predicted), sparse.csr_array(targets)) == counts | {
        "proper_subset": 2,
        "exact_share": 0.5,
        "proper_subset_share": 0.5,
    }
    # As published (`if exact … elif subset`), the second is no subset beside being exact, and the empty one is.
    assert code_match(coder(predicted), sparse.csr_array(targets), published=True) == counts | {
        "proper_subset": 2,
        "exact_share": 0.4,
        "proper_subset_share": 0.4,
    }


def test_counts_of_few_patients_are_hidden_however_many_their_notes():
    """Twelve empty predictions, but three patients."""
    predicted = np.repeat(np.array([[0, 0], [1, 0]], dtype=bool), [12, 40], axis=0)
    patients = np.concatenate([np.arange(12) % 3, np.arange(3, 43)])
    match = code_match(coder(predicted, patients), sparse.csr_array(np.eye(2, dtype=bool)))
    assert (match["empty"], suppress(match, 10)["empty"]) == (12, None)
    assert suppress(match, 10)["exact"] == 40
    assert suppress(match, 10)["exact_share"] is None  # 40 / 1.0 would tell of 40 that are not empty


def test_code_match_of_nothing_has_no_share():
    match = code_match(coder(np.zeros((2, 3), dtype=bool)), sparse.csr_array(np.eye(3, dtype=bool)))
    assert match["empty"] == 2
    assert match["exact_share"] is match["proper_subset_share"] is None


@pytest.mark.parametrize("notes", [7, 8, 9, 16])  # around whole bytes
def test_code_match_finds_the_last_training_note(notes):
    targets = np.zeros((notes, 2), dtype=bool)
    targets[:, 0] = targets[-1, 1] = True
    match = code_match(coder(np.array([[False, True]])), sparse.csr_array(targets))
    assert (match["exact"], match["proper_subset"]) == (0, 1)


# Where training and E have nothing in common: tables without rows, numbers that do not exist.
CODES = ["I10", "J18.9", "D99.1"]


@pytest.fixture
def analysis():
    settings = params.load("errors", ErrorsParams).model_copy(update={"resamples": 20})
    truth = sparse.csr_array(np.array([[1, 0, 0], [1, 0, 0]], dtype=bool))
    given = np.array([[0.9, 0.1, 0.9], [0.2, 0.1, 0.1]], dtype=np.float32)
    predictions = Predictions(["a", "b"], CODES, given, 0.5)
    targets = sparse.csr_array(np.array([[0, 1, 0]], dtype=bool))
    one = take_coder(predictions, truth, np.arange(2), targets, settings)
    return analyse(one, one, np.array([10, 20]), settings, limit=15, minimum_patients=10)


def test_a_curve_without_codes_is_empty(analysis):
    assert analysis.frequency.empty
    assert analysis.frequency.columns.tolist() == ["coder", "x", "mean", "sd", "count", "patients"]
    frequency = analysis.results["real"]["frequency"]
    assert (frequency["codes_unseen_in_training"], frequency["n"], frequency["pearson"]["r"]) == (1, 0, None)


def test_what_has_too_few_patients_is_not_listed(analysis):
    assert analysis.codes.empty
    codes = analysis.results["codes"]
    rarity = codes.pop("rarity")
    assert codes == {"listed": 0, "lose": 0, "gain": 0}
    assert (rarity["n"], rarity["spearman"]["low"], rarity["verdict"]) == (0, None, "not shown")


def test_the_rest_is_counted(analysis):
    assert analysis.length["count"].tolist() == [2, 2]
    assert analysis.results["real"]["length"]["notes_beyond_limit"] == 1
    assert analysis.results["real"]["families"]["of_unknown_family"] == 1  # D99.1, predicted for the first note
    assert analysis.confusion[["missed", "predicted"]].values.tolist() == [["none", "unknown"]] * 2
    assert analysis.results["synthetic"]["calibration"]["decisions"] == 2  # of I10, the one code of E
