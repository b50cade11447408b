import numpy as np
import pytest

from synthnotes.coding import predictions
from synthnotes.coding.predictions import Predictions
from synthnotes.machinery.files import UserError


def some() -> Predictions:
    probabilities = np.array([[0.9, 0.1, 0.5], [0.2, 0.50001, 0.4]], dtype=np.float32)
    return Predictions(["åäö-1", "note-22"], ["I10", "E11.9", "0DTJ4ZZ"], probabilities, 0.5)


def test_what_is_saved_is_read_back(tmp_path):
    saved = some()
    predictions.save(tmp_path / "coder", saved)
    loaded = predictions.load(tmp_path / "coder")
    assert (loaded.note_ids, loaded.codes, loaded.threshold) == (saved.note_ids, saved.codes, saved.threshold)
    assert loaded.probabilities.dtype == np.float32
    np.testing.assert_allclose(loaded.probabilities, saved.probabilities, rtol=1e-3)


def test_a_code_is_predicted_only_above_the_threshold():
    assert some().predicted[0].tolist() == [True, False, False]


def test_decisions_in_memory_are_those_of_the_file(tmp_path):
    rng = np.random.default_rng(1)
    probabilities = rng.uniform(0.499, 0.501, size=(50, 40)).astype(np.float32)
    saved = Predictions([str(i) for i in range(50)], [str(i) for i in range(40)], probabilities, 0.5)
    predictions.save(tmp_path, saved)
    assert 0 < saved.predicted.sum() < saved.predicted.size
    np.testing.assert_array_equal(saved.predicted, predictions.load(tmp_path).predicted)


def test_arrays_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="notes and codes"):
        Predictions(["a"], ["I10"], np.zeros((2, 1), dtype=np.float32), 0.5)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"predictions\.npz"):
        predictions.load(tmp_path)


@pytest.mark.parametrize("content", [b"no archive", b"PK\x03\x04 cut off"])
def test_a_broken_file_is_named(tmp_path, content):
    (tmp_path / predictions.FILE).write_bytes(content)
    with pytest.raises(UserError, match="not a complete file"):
        predictions.load(tmp_path)


def test_a_file_without_its_threshold_is_named(tmp_path):
    np.savez(tmp_path / predictions.FILE, note_ids=np.array(["a"]))
    with pytest.raises(UserError, match="not a complete file"):
        predictions.load(tmp_path)
