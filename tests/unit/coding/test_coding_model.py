import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from synthnotes.coding.plm_icd.data import pack
from synthnotes.coding.plm_icd.model import PlmIcd, load_encoder, load_tokenizer
from synthnotes.machinery.files import UserError

PADDING = 1


def model_of(folder, codes: int = 11) -> PlmIcd:
    torch.manual_seed(0)
    model = PlmIcd(load_encoder(folder), codes).eval()
    with torch.no_grad():  # queries far from uniform attention, so that attention matters
        model.attention.queries.mul_(100)
        model.attention.output.mul_(30)
    return model


def some_tokens(*lengths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [rng.integers(4, 20, size=length) for length in lengths]


@torch.no_grad()
def published_logits(model: PlmIcd, tokens: list[np.ndarray], chunk: int, attend_to_padding: bool) -> torch.Tensor:
    """The published computation, step by step, note by note: padded chunks, and softmax(U tanh(W H)) H per code."""
    logits = []
    for note in tokens:
        ids = torch.full((-(-len(note) // chunk) * chunk,), PADDING)
        ids[: len(note)] = torch.from_numpy(note)
        text = torch.arange(len(ids)) < len(note)
        published_ones = attend_to_padding and model.encoder.config.model_type == "roberta"  # a BERT's mask has zeros
        mask = (text | published_ones).view(-1, chunk)
        hidden = model.encoder(input_ids=ids.view(-1, chunk), attention_mask=mask.long()).last_hidden_state
        hidden = hidden[(text | attend_to_padding).view(-1, chunk)]  # [tokens, width]: what the codes attend to
        weights = (model.attention.queries @ torch.tanh(hidden @ model.attention.project.weight.T).T).softmax(dim=1)
        logits.append(((weights @ hidden) * model.attention.output).sum(dim=1) + model.attention.bias)
    return torch.stack(logits)


@pytest.mark.parametrize("kind", ["roberta", "bert"])
@pytest.mark.parametrize("attend_to_padding", [False, True])
def test_logits_equal_the_published_formula(tmp_path, save_encoder, kind, attend_to_padding):
    model = model_of(save_encoder(tmp_path, kind))
    tokens = some_tokens(21, 8, 1, 13)
    with torch.no_grad():
        logits = model(pack(tokens, 8, PADDING, attend_to_padding, kind))
    expected = published_logits(model, tokens, 8, attend_to_padding)
    assert expected.std() > 0.5
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("attend_to_padding", [False, True])
def test_logits_of_a_note_do_not_depend_on_its_batch(encoder_folder, attend_to_padding):
    model = model_of(encoder_folder)
    short, middle, long = some_tokens(3, 11, 35)
    together = model(pack([short, long, middle], 8, PADDING, attend_to_padding))
    for row, note in zip(together, (short, long, middle), strict=True):
        torch.testing.assert_close(row, model(pack([note], 8, PADDING, attend_to_padding))[0], atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_published_mask_lets_padding_into_the_logits(encoder_folder):
    model = model_of(encoder_folder)
    masked, published = (model(pack(some_tokens(3), 8, PADDING, attend))[0] for attend in (False, True))
    assert (masked - published).abs().max() > 0.1


def test_a_note_of_one_padding_token_has_finite_logits_and_gradients(encoder_folder):
    model = model_of(encoder_folder)
    logits = model(pack([np.array([PADDING]), *some_tokens(9)], 8, PADDING))
    logits.sum().backward()
    assert torch.isfinite(logits).all()
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters() if weight.grad is not None)


def test_encoder_weights_are_the_file_s(encoder_folder):
    stored = load_file(encoder_folder / "model.safetensors")
    loaded = load_encoder(encoder_folder).state_dict()
    assert set(loaded) == {name for name in stored if not name.startswith("pooler.")}
    for name, weight in loaded.items():
        assert torch.equal(weight, stored[name]), name


def test_weights_of_a_language_model_checkpoint_are_found(tmp_path, save_encoder):
    """Checkpoints for masked-language modelling, the usual ones, prefix the encoder's weights and have no pooler."""
    save_encoder(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    prefixed = {f"roberta.{name}": value for name, value in stored.items() if not name.startswith("pooler.")}
    save_file(prefixed | {"lm_head.bias": torch.zeros(40)}, tmp_path / "model.safetensors", {"format": "pt"})
    for name, weight in load_encoder(tmp_path).state_dict().items():
        assert torch.equal(weight, stored[name]), name


def test_a_weight_that_is_not_in_the_file_is_named(tmp_path, save_encoder):
    save_encoder(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    del stored["encoder.layer.1.attention.self.query.weight"]
    save_file(stored, tmp_path / "model.safetensors", {"format": "pt"})
    assert AutoModel.from_pretrained(tmp_path) is not None  # transformers itself goes on with random values
    with pytest.raises(UserError, match=r"1 of the model's weights .* encoder\.layer\.1\.attention\.self\.query"):
        load_encoder(tmp_path)


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(UserError, match=r"config\.json: missing .found: nothing"):
        load_encoder(tmp_path)
    with pytest.raises(UserError, match="no tokenizer that transformers can load"):
        load_tokenizer(tmp_path)
    with pytest.raises(UserError, match="no such file or folder"):
        load_encoder(tmp_path / "absent")
