"""The analysis where training and E have nothing in common: tables without rows, numbers that do not exist."""

import numpy as np
import pytest
from scipy import sparse

from synthnotes.coding.predictions import Predictions
from synthnotes.errors.error_analysis import analyse, coder
from synthnotes.machinery import params
from synthnotes.machinery.sections import ErrorsParams

CODES = ["I10", "J18.9", "D99.1"]


@pytest.fixture
def analysis():
    settings = params.load("errors", ErrorsParams).model_copy(update={"resamples": 20})
    truth = sparse.csr_array(np.array([[1, 0, 0], [1, 0, 0]], dtype=bool))
    given = np.array([[0.9, 0.1, 0.9], [0.2, 0.1, 0.1]], dtype=np.float32)
    predictions = Predictions(["a", "b"], CODES, given, 0.5)
    targets = sparse.csr_array(np.array([[0, 1, 0]], dtype=bool))
    one = coder(predictions, truth, np.arange(2), targets, settings)
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
