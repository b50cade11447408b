import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from synthnotes.coding.plm_icd import coder, training
from synthnotes.coding.plm_icd.data import EncodedNotes, batches, encode
from synthnotes.coding.plm_icd.model import PlmIcd, load_encoder, load_tokenizer
from synthnotes.machinery.files import UserError

CODES = ["I10", "E11.9", "J18.9", "0DTJ4ZZ"]


@pytest.fixture
def toy(notes_of, encoder_folder):
    """A model without dropout, and encoded notes."""

    def make(count: int = 16) -> tuple[PlmIcd, EncodedNotes]:
        torch.manual_seed(5)
        model = PlmIcd(load_encoder(encoder_folder), len(CODES))
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        for layer in model.encoder.encoder.layer:  # attention draws its own dropout
            layer.attention.self.dropout.p = 0.0
        return model, encode(notes_of(count, 1, "train"), load_tokenizer(encoder_folder), CODES, 100)

    return make


def gradients(model: PlmIcd) -> torch.Tensor:
    return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


@pytest.mark.parametrize("attend_to_padding", [False, True])
@pytest.mark.parametrize("micro_batch", [1, 2, 3, 4, 7])
def test_an_update_in_parts_is_that_of_the_whole_batch(toy, settings, micro_batch, attend_to_padding):
    """Who halves the micro-batch for want of memory gets the same coder."""
    model, notes = toy()
    indices, values = np.arange(2, 10), settings(attend_to_padding=attend_to_padding)
    whole = training.accumulate_gradients(model, notes, indices, values)
    expected = gradients(model)
    model.zero_grad()
    loss = training.accumulate_gradients(model, notes, indices, values, micro_batch)
    assert loss == pytest.approx(whole, rel=1e-6)
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(gradients(model), expected, atol=1e-6, rtol=1e-4)


def test_no_forward_pass_holds_more_notes_than_a_micro_batch(toy, settings, monkeypatch):
    model, notes = toy()
    seen = []
    forward = model.forward
    monkeypatch.setattr(model, "forward", lambda chunks: seen.append(len(chunks.lengths)) or forward(chunks))
    training.fit(model, notes, notes, settings(epochs=1, batch=8), 7, micro_batch=3)
    assert max(seen) == 3
    assert sum(seen) == 2 * len(notes)  # once to learn, once to validate


@pytest.mark.parametrize(("patience", "epochs"), [(None, 6), (1, 2), (2, 5), (6, 6)])
def test_training_stops_when_patience_is_over(toy, settings, monkeypatch, patience, epochs):
    scores = iter([0.5, 0.4, 0.6, 0.6, 0.1, 0.7])
    monkeypatch.setattr(training, "mean_average_precision", lambda *_: next(scores))
    model, notes = toy(8)
    found = training.fit(model, notes, notes, settings(epochs=6, patience=patience), 7)
    assert found.curve["epoch"].tolist() == list(range(1, epochs + 1))
    assert found.best_epoch == {6: 6, 2: 1, 5: 3}[epochs]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patience": 0}, "greater than 0"),
        ({"micro_batch": 4}, "not permitted"),  # it decides no number: machine.yaml has it
    ],
)
def test_values_that_do_not_fit_together_are_refused(settings, changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)


@pytest.mark.parametrize(("kind", "positions"), [("roberta", 38), ("bert", 40)])
def test_chunks_longer_than_the_encoder_s_positions_are_refused_before_training(
    tmp_path, save_encoder, notes_of, settings, kind, positions
):
    save_encoder(tmp_path, kind)
    notes = pd.concat([notes_of(8, 1, "train"), notes_of(2, 2, "validation")], ignore_index=True)
    notes.loc[0, "text"] = "the patient " * 50
    coder.run(notes, notes, tmp_path, CODES, settings(epochs=1, chunk_tokens=positions), 7)
    with pytest.raises(UserError, match=rf"coding\.chunk_tokens: {positions + 1} .* has {positions} positions"):
        coder.run(notes, notes, tmp_path, CODES, settings(epochs=1, chunk_tokens=positions + 1), 7)


def test_a_tokenizer_of_another_encoder_is_refused(encoder_folder):
    encoder, tokenizer = load_encoder(encoder_folder), load_tokenizer(encoder_folder)
    tokenizer.add_tokens([f"word{i}" for i in range(40)])
    with pytest.raises(UserError, match=r"largest id is \d+, the model only 40 embeddings"):
        coder.require_fit(encoder, tokenizer, 8, encoder_folder)


def test_a_loss_that_is_not_a_number_stops_with_the_step_and_its_notes(toy, settings):
    model, notes = toy(6)
    poisoned = 30  # a token of one note alone, which is read in the last step
    note = list(batches(notes.lengths, 2, np.random.default_rng(7)))[2][0]
    notes.tokens[note][1] = poisoned
    with torch.no_grad():
        model.encoder.embeddings.word_embeddings.weight[poisoned] = torch.nan
    with pytest.raises(UserError, match=rf"loss became nan in step 3 of 3, on the notes .*train-{note}"):
        training.fit(model, notes, notes, settings(batch=2, epochs=1), 7)


def test_a_last_step_that_ruins_the_weights_stops_before_anything_is_saved(toy, settings, tmp_path):
    """The only step of an epoch: its loss, computed before the update, is finite."""
    model, encoded = toy()
    ruinous = settings(epochs=1, batch=len(encoded), learning_rate=1e38, warmup_steps=0)
    with pytest.raises(UserError, match=r"after step 1 of 1, .* for \d+ validation notes are no numbers, the first is"):
        training.fit(model, encoded, encoded, ruinous, 7, work=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_broken_encoder_stops_in_the_first_step(tmp_path, save_encoder, tables, settings):
    save_encoder(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    stored["embeddings.LayerNorm.bias"][0] = torch.nan
    save_file(stored, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match=r"nan in step 1 of 2, on the notes (train-\d, ){3}train-\d; nothing was saved"):
        coder.run(*tables(8, 2), tmp_path, CODES, settings(batch=4, epochs=1), 7)
