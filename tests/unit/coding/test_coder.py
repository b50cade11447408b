import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from scipy import sparse

from synthnotes.coding import predictions
from synthnotes.coding.evaluation import count_truncated, predict_most_frequent
from synthnotes.coding.labels import label_matrix
from synthnotes.coding.metrics import evaluate
from synthnotes.coding.plm_icd import coder, training
from synthnotes.coding.plm_icd.data import encode, first_words
from synthnotes.machinery.files import UserError, read_json, write_json

CODES = ["I10", "E11.9", "J18.9", "0DTJ4ZZ", "Z99"]  # no note has the last


def test_a_coder_learns_from_notes_and_beats_the_baseline(tables, encoder_folder, settings):
    learning = settings(epochs=20, learning_rate=1e-2, warmup_steps=10)
    notes, evaluation = tables(120, 20)
    experiment = coder.run(notes, evaluation, encoder_folder, CODES, learning, 7)
    truth, predicted = label_matrix(evaluation, CODES).toarray(), experiment.predictions
    labels = label_matrix(notes[notes["fold"] == "train"], CODES)
    f1 = evaluate(truth, predicted.probabilities, predicted.predicted)["micro"]["f1"]
    assert f1 > max(0.6, evaluate(truth, *predict_most_frequent(labels, len(truth), 2))["micro"]["f1"] + 0.1)
    found = experiment.fit
    best = found.curve["validation_map"].idxmax()
    assert found.best_epoch == found.curve["epoch"][best]
    assert found.validation_map == found.curve["validation_map"].max()


def test_the_weights_kept_are_the_best_epoch_s(tables, encoder_folder, settings, monkeypatch):
    judged = []

    def judge(truth: np.ndarray, probabilities: np.ndarray) -> float:
        judged.append(probabilities)
        return [0.2, 0.9, 0.3][len(judged) - 1]

    monkeypatch.setattr(training, "mean_average_precision", judge)
    notes, _ = tables(24, 6)
    tokenizer = coder.load_tokenizer(encoder_folder)
    train, validation = (encode(notes[notes["fold"] == f], tokenizer, CODES, 100) for f in ("train", "validation"))
    model = coder.PlmIcd(coder.load_encoder(encoder_folder), len(CODES))
    found = training.fit(model, train, validation, settings(epochs=3), 7)
    assert (found.best_epoch, found.validation_map) == (2, 0.9)
    kept = coder.predict(model, validation, settings())
    np.testing.assert_array_equal(kept, judged[1])
    assert not np.array_equal(kept, judged[2])
    assert found.threshold == training.best_threshold(validation.labels.toarray(), kept, 20)[0]


@pytest.mark.parametrize("bias_from_frequencies", [True, False])
def test_biases_start_at_the_log_odds_of_the_codes_or_at_zero(tables, encoder_folder, settings, bias_from_frequencies):
    notes, _ = tables(24, 4)
    encoded = encode(notes, coder.load_tokenizer(encoder_folder), CODES, 100)
    model = coder.PlmIcd(coder.load_encoder(encoder_folder), len(CODES))
    tiny = settings(epochs=1, learning_rate=1e-9, bias_from_frequencies=bias_from_frequencies)
    training.fit(model, encoded, encoded, tiny, 7)
    with_code = np.array([notes["codes"].map(lambda codes, code=code: code in codes).sum() for code in CODES])
    odds = (with_code + 0.5) / (28 - with_code + 0.5)
    expected = np.log(odds) if bias_from_frequencies else np.zeros(5)
    np.testing.assert_allclose(model.attention.bias.detach().numpy(), expected, atol=1e-5)


def test_the_same_seed_gives_the_same_coder(tables, encoder_folder, settings):
    first, second = (coder.run(*tables(24, 4), encoder_folder, CODES, settings(epochs=1), 7) for _ in range(2))
    other = coder.run(*tables(24, 4), encoder_folder, CODES, settings(epochs=1), 8)
    np.testing.assert_array_equal(first.predictions.probabilities, second.predictions.probabilities)
    assert first.fit.curve.equals(second.fit.curve)
    assert not np.array_equal(first.predictions.probabilities, other.predictions.probabilities)


def test_predictions_stand_in_the_order_of_the_notes(tables, encoder_folder, settings):
    """Notes are predicted in batches of similar length; their rows must come back in the table's order."""
    notes, evaluation = tables(24, 4)
    reversed_notes = evaluation.iloc[::-1].reset_index(drop=True)
    straight, backwards = (
        coder.run(notes, table, encoder_folder, CODES, settings(epochs=1), 7).predictions
        for table in (evaluation, reversed_notes)
    )
    assert straight.note_ids == evaluation["note_id"].tolist() == backwards.note_ids[::-1]
    np.testing.assert_allclose(straight.probabilities, backwards.probabilities[::-1], atol=1e-5)


def test_a_saved_coder_codes_as_before(tmp_path, tables, encoder_folder, settings):
    notes, evaluation = tables(24, 4)
    experiment = coder.run(notes, evaluation, encoder_folder, CODES, settings(), 7)
    coder.save(tmp_path / "coder", experiment, settings())
    loaded = coder.load(tmp_path / "coder")
    encoded = encode(evaluation, loaded.tokenizer, loaded.codes, 100)
    probabilities = coder.predict(loaded.model, encoded, settings())
    np.testing.assert_allclose(probabilities, experiment.predictions.probabilities, atol=1e-6)
    assert loaded.threshold == experiment.predictions.threshold == predictions.load(tmp_path / "coder").threshold


def test_weights_that_do_not_fit_are_named(tmp_path, tables, encoder_folder, settings):
    coder.save(tmp_path / "c", coder.run(*tables(8, 2), encoder_folder, CODES, settings(epochs=1), 7), settings())
    description = read_json(tmp_path / "c" / "coder.json")
    write_json(tmp_path / "c" / "coder.json", description | {"codes": CODES[:2]})
    with pytest.raises(UserError, match=r"model\.safetensors: the weights do not fit the 2 codes"):
        coder.load(tmp_path / "c")


@pytest.mark.parametrize(("train", "validation"), [(1, 5), (0, 5), (5, 0)])
def test_too_few_notes_are_refused(tables, encoder_folder, settings, train, validation):
    with pytest.raises(UserError, match=f"{train} notes of fold train and {validation} of fold validation"):
        coder.run(*tables(train, validation), encoder_folder, CODES, settings(), 7)


@given(st.text(alphabet="a \n\t\u00a0é"), st.integers(1, 6))
def test_the_notes_counted_as_truncated_are_those_that_lose_words(text, words):
    cut = first_words(text, words, joined=False)
    assert count_truncated(pd.Series([text]), words) == (len(cut) < len(text.rstrip()))


def test_the_baseline_predicts_the_most_frequent_codes_for_every_note():
    labels = sparse.csr_array(np.array([[1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1]], dtype=bool))
    probabilities, predicted = predict_most_frequent(labels, notes=2, codes=2)
    np.testing.assert_allclose(probabilities, [[0.25, 0.75, 0.5]] * 2)
    assert predicted.tolist() == [[False, True, True]] * 2


@pytest.mark.parametrize("ruined", ["embeddings.word_embeddings", "encoder.layer.1.output.LayerNorm", None])
def test_a_coder_that_reads_nothing_says_so(encoder_folder, settings, tables, tmp_path, record_property, ruined):
    """An encoder that gives one output for every token, as a collapsed training leaves it: real weights, some tiny."""
    folder = shutil.copytree(encoder_folder, tmp_path / "encoder")
    weights = load_file(folder / "model.safetensors")
    names = [name for name in weights if ruined and ruined in name]
    assert names or not ruined
    save_file(weights | {name: torch.full_like(weights[name], 1e-12) for name in names}, folder / "model.safetensors")
    changed = settings(epochs=1, learning_rate=1e-9) if ruined else settings(epochs=20, learning_rate=1e-2)
    found = coder.run(*tables(120, 20), folder, CODES, changed, seed=1)
    said = coder.summary(found)
    record_property("says", said)
    assert found.collapse.collapsed == bool(ruined)
    assert ("WARNING: the coder has collapsed" in said) == bool(ruined)
    assert "(baseline 0." in said
