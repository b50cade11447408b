import json
import shutil

import pytest

from synthnotes.generation.generators import check_adapter, check_generator, load_tokenizer
from synthnotes.machinery.files import UserError


@pytest.fixture
def copy(generator, tmp_path):
    return shutil.copytree(generator, tmp_path / "copy")


def edit(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_whole_generator_passes_and_the_end_token_pads_where_no_other_does(generator):
    check_generator(generator, 512)
    tokenizer = load_tokenizer(generator)
    assert tokenizer.pad_token == tokenizer.eos_token == "</s>"


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="nowhere: no such folder"):
        check_generator(tmp_path / "nowhere")


def test_an_encoder_is_no_generator(copy):
    edit(copy / "config.json", architectures=["RobertaForMaskedLM"])
    with pytest.raises(UserError, match=r"not a causal language model.*RobertaForMaskedLM"):
        check_generator(copy)


def test_a_broken_configuration_is_refused(copy):
    (copy / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config\.json: not valid for a model .line 1: "):
        check_generator(copy)


def test_pickled_weights_are_refused(copy):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(UserError, match="only pickled weights"):
        check_generator(copy)
    (copy / "pytorch_model.bin").unlink()
    with pytest.raises(UserError, match="no weights"):
        check_generator(copy)


def test_a_generator_without_tokenizer_is_refused(copy):
    (copy / "tokenizer.json").unlink()
    with pytest.raises(UserError, match="no tokenizer"):
        check_generator(copy)


def test_a_tokenizer_without_end_token_is_refused(copy):
    values = json.loads((copy / "tokenizer_config.json").read_text())
    values.pop("eos_token")
    (copy / "tokenizer_config.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match="no end token"):
        load_tokenizer(copy)


def test_a_tokenizer_larger_than_the_model_is_refused(copy):
    edit(copy / "config.json", vocab_size=100)
    with pytest.raises(UserError, match=r"another shape than config\.json says"):
        load_tokenizer(copy)


def test_a_length_beyond_the_models_is_refused(generator):
    with pytest.raises(UserError, match=r"finetune\.max_length: 513 in params\.yaml, but .* has 512 positions"):
        check_generator(generator, 513)


def test_a_model_with_a_missing_file_of_weights_is_refused(copy):
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    (copy / "model.safetensors").rename(copy / first)
    index = copy / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": first, "b": second}}))
    with pytest.raises(UserError, match=f"1 of 2 files of weights are missing, the first is {second}"):
        check_generator(copy)
    (copy / second).write_text("x")
    with pytest.raises(UserError, match=f"{second}: it is plain text, where a file of weights is expected"):
        check_generator(copy)
    index.write_text("[]")
    with pytest.raises(UserError, match="not a valid index of weights"):
        check_generator(copy)


def test_a_pickled_adapter_is_refused(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.bin").write_text("x")
    with pytest.raises(UserError, match=r"adapter_model\.safetensors: missing"):
        check_adapter(tmp_path)
