"""What people bring as a model: each kind of folder that transformers would load in silence, in several variants."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import make_generator, save_encoder
from transformers import (
    AutoConfig,
    FalconConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    MptConfig,
    OPTConfig,
    OPTForCausalLM,
)

from synthnotes.generation.generators import bare_generation, check_generator, decode, load_generator, load_tokenizer
from synthnotes.machinery import packing
from synthnotes.machinery.files import UserError
from synthnotes.machinery.model_folders import positions, sizes_of, skeleton
from synthnotes.machinery.tokenizer_checks import load

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9392856\n"
PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 64}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A generator with a head of its own, and encoders of both kinds."""
    folder = tmp_path_factory.mktemp("models")
    make_generator(folder / "generator", tied=False)
    for kind in ("roberta", "bert"):
        save_encoder(folder / kind, kind)
    return folder


@pytest.fixture
def copy(models, tmp_path):
    return lambda name: shutil.copytree(models / name, tmp_path / name)


def opened(folder):
    """As a stage does it."""
    role = "generator" if folder.name == "generator" else "encoder"
    return load(folder, role, skeleton(folder, role).rows)


def weights(change):
    def changed(folder):
        found = load_file(folder / "model.safetensors")
        change(found)
        save_file(found, folder / "model.safetensors", {"format": "pt"})

    return changed


def dropping(part):
    def drop(found):
        for name in [name for name in found if part in name]:
            del found[name]

    return weights(drop)


def config(**values):
    def changed(folder):
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return changed


def file(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def without(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def added_layer(found):
    name = next(name for name in found if ".1." in name and name.endswith("weight"))
    found[name.replace(".1.", ".2.", 1)] = found[name].clone()


def halves(found):
    name = next(name for name in sorted(found) if found[name].ndim == 2)
    found[name] = found[name].to(torch.int8)


def zeroed(found):
    found[max(name for name in found if found[name].ndim == 2)].zero_()


def diverged(found):
    found[max(name for name in found if found[name].ndim == 2)].fill_(float("nan"))


def preallocated(folder):
    """As some programs download: the whole size is there from the start, and what has not come is zeros."""
    content = (folder / "model.safetensors").read_bytes()
    half = len(content) // 2
    (folder / "model.safetensors").write_bytes(content[:half] + bytes(len(content) - half))


def cut(folder):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def renamed(folder):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")


def a_folder_deeper(name):
    """As an archive unpacks, and as the hub's cache keeps it."""

    def move(folder):
        (folder / name).mkdir(parents=True)
        for path in [path for path in folder.iterdir() if path.is_file()]:
            path.rename(folder / name / path.name)

    return move


def test_whole_models_pass(models):
    for folder in models.iterdir():
        assert opened(folder) is not None
    assert skeleton(models / "generator", "generator").parameters == sum(
        weight.numel() for weight in load_file(models / "generator/model.safetensors").values()
    )


@pytest.mark.parametrize("name", ["generator", "roberta", "bert"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (dropping(".1."), r"of the model's weights are not in its files, the first is .*\.1\."),
        (dropping("embed"), "weights are not in its files"),
        (weights(added_layer), r"describes 2 layers, so that the others would not be read"),
        (weights(halves), "the weights are quantised"),
        (config(vocab_size=41), r"another shape than config\.json says"),
        (config(hidden_size=0), "config.json"),
        (config(hidden_size="large"), "config.json"),
        (config(quantization_config={"quant_method": "gptq", "bits": 4}), "quantization_config says that the weights"),
        (config(quantization_config={}), "quantization_config says that the weights are quantised"),
        (config(return_dict=False), r"config\.json: return_dict is set .* Remove the key"),
        (config(attn_implementation="flash_attention_2"), r"config\.json: attn_implementation is set to what cannot"),
        (config(_attn_implementation="flex_attention"), r"config\.json: _attn_implementation is set .*Remove the key"),
        (weights(zeroed), r"model\.safetensors: .*weight holds nothing but zeros.* Copy it again"),
        (weights(diverged), r"model\.safetensors: .*weight holds nothing but zeros, or what is no number"),
        (preallocated, r"model\.safetensors: .*weight holds nothing but zeros"),
        (config(compression_config={"format": "dense"}), "compression_config says"),
        (config(model_type="unheard-of", auto_map={"AutoModel": "own.Model"}), "no model that transformers knows"),
        (file("adapter_config.json", b"{}"), r"adapter_config\.json: an adapter lies in the model's folder"),
        (file("adapter_model.safetensors", b""), "an adapter lies in the model's folder"),
        (file("model.safetensors", LFS), r"model\.safetensors: it is a Git-LFS pointer, where a file of weights"),
        (file("model.safetensors", PAGE), "it is a web page, where a file of weights is expected"),
        (file("model.safetensors", b"404: Not Found"), "it is plain text, where a file of weights is expected"),
        (file("model.safetensors", b""), "it is an empty file, where a file of weights"),
        (file("model.safetensors", b"\0" * 5000), "it is nothing but zeros, where"),
        (cut, r"model\.safetensors: damaged or cut off"),
        (renamed, r"neither model\.safetensors nor model\.safetensors\.index\.json"),
        (file("config.json", LFS), r"config\.json: it is a Git-LFS pointer"),
        (file("config.json", PAGE), r"config\.json: it is a web page"),
        (file("config.json", b"[]"), r"config\.json: not valid for a model\. "),
        (file("config.json", b'{"a": 1,\n}'), r"config\.json: not valid for a model \(line [12]: "),
        (file("config.json", b"\xef\xbb\xbf{}"), r"config\.json: not valid for a model \(line 1: .*BOM"),
        (file("config.json", b'{"a": "\xe5"}'), r"config\.json: not valid for a model\. "),
        (without("config.json"), r"config\.json: missing \(found: .*model\.safetensors, tokenizer\.json"),
        (a_folder_deeper("RoBERTa-hf"), r"config\.json: missing, but .*RoBERTa-hf/config\.json is there\. Move"),
        (a_folder_deeper("models--x--y/snapshots/0a1b"), r"config\.json: missing, but .*0a1b/config\.json is there"),
        (without("tokenizer.json"), r"no tokenizer that transformers can load: none of tokenizer\.json"),
        (file("tokenizer.json", LFS), r"tokenizer\.json: it is a Git-LFS pointer, where a file of the tokenizer"),
        (file("tokenizer.json", PAGE), r"tokenizer\.json: it is a web page"),
        (file("tokenizer.json", b"Repository not found"), r"tokenizer\.json: no JSON"),
        (file("tokenizer_config.json", LFS), r"tokenizer_config\.json: it is a Git-LFS pointer"),
        (file("tokenizer_config.json", b"oops"), r"tokenizer_config\.json: no JSON"),
    ],
)  # fmt: skip
def test_what_a_folder_lacks_or_holds_too_much_is_told(copy, name, damage, message):
    folder = copy(name)
    damage(folder)
    with pytest.raises(UserError, match=message) as told:
        opened(folder)
    assert str(folder) in str(told.value) or "config.json of the" in str(told.value)


def test_a_head_of_its_own_must_be_there_and_a_tied_one_need_not(copy, tmp_path):
    folder = copy("generator")
    dropping("lm_head")(folder)
    with pytest.raises(UserError, match=r"1 of the model's weights are not in its files, the first is lm_head\.weight"):
        check_generator(folder)
    tied = make_generator(tmp_path / "tied")
    assert "lm_head.weight" not in load_file(tied / "model.safetensors")
    check_generator(tied)


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["embeddings.token_type_embeddings.weight"].zero_(),  # as RoBERTa's, which has one type
        lambda found: found["embeddings.word_embeddings.weight"][-3:].zero_(),  # rows that no token uses
        lambda found: [weight.zero_() for name, weight in found.items() if name.endswith("bias")],
    ],
)
def test_zeros_that_belong_into_a_model_pass(copy, change):
    folder = copy("roberta")
    weights(change)(folder)
    opened(folder)


def test_pickled_encoders_are_checked_alike(copy):
    folder = copy("roberta")
    found = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(found, folder / "pytorch_model.bin")
    opened(folder)
    del found["encoder.layer.1.output.dense.bias"]
    torch.save(found, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"the first is encoder\.layer\.1\.output\.dense\.bias"):
        opened(folder)
    (folder / "pytorch_model.bin").write_bytes(LFS)
    with pytest.raises(UserError, match=r"pytorch_model\.bin: it is a Git-LFS pointer"):
        opened(folder)


@pytest.mark.parametrize(
    "values",
    [{"is_decoder": True}, {"architectures": ["RobertaForCausalLM"]}, {"is_encoder_decoder": True}],
)
def test_what_reads_in_one_direction_is_no_encoder(copy, values):
    folder = copy("roberta")
    config(**values)(folder)
    with pytest.raises(UserError, match="not an encoder"):
        opened(folder)


@pytest.mark.parametrize("values", [{"architectures": ["LlamaModel"]}, {"architectures": None}])
def test_a_causal_model_without_its_head_is_no_encoder(copy, values):
    folder = copy("generator")
    config(**values)(folder)
    with pytest.raises(UserError, match="not an encoder"):
        skeleton(folder, "encoder")


@pytest.mark.parametrize("architecture", ["RobertaForCausalLM", "BertLMHeadModel"])
def test_what_reads_both_ways_is_no_generator(copy, architecture):
    folder = copy("roberta" if "Roberta" in architecture else "bert")
    config(architectures=[architecture])(folder)
    with pytest.raises(UserError, match=r"not a causal language model .*is_decoder is not true"):
        skeleton(folder, "generator")


# What a file of the model may not decide.


@pytest.mark.parametrize(
    "values",
    [
        {"repetition_penalty": 1.7, "no_repeat_ngram_size": 2, "min_new_tokens": 9},
        {"temperature": 0.6, "top_p": 0.9},  # without do_sample, as Llama-2's
        {"forced_bos_token_id": 7, "suppress_tokens": [5], "num_beams": 3},
        {"eos_token_id": [1, 42, 43], "max_length": 20},
        {"stop_strings": ["fever"], "cache_implementation": "static"},
    ],
)
@pytest.mark.parametrize("where", ["generation_config.json", "config.json"])
def test_settings_of_generation_in_a_model_s_folder_decide_nothing(copy, tmp_path, values, where):
    folder = copy("generator")
    path = folder / where
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    model, tokenizer = load_generator(folder, "float32"), load_tokenizer(folder)
    assert model.generation_config.to_diff_dict().keys() <= {"transformers_version"}
    model.generation_config = bare_generation(tokenizer)
    model.save_pretrained(tmp_path / "merged")
    written = json.loads((tmp_path / "merged/generation_config.json").read_text())
    written.pop("transformers_version")
    assert written == {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}


@pytest.mark.parametrize("content", [b"{", b"[]", LFS, b'{"temperature": "hot"}'])
def test_damaged_settings_of_generation_do_no_harm(copy, content):
    folder = copy("generator")
    (folder / "generation_config.json").write_bytes(content)
    load_generator(folder, "float32")


def test_a_tokenizer_s_wish_to_clean_up_spaces_is_not_followed(copy):
    folder = copy("generator")
    path = folder / "tokenizer_config.json"
    wish = {"clean_up_tokenization_spaces": True}
    wish["clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output"] = True
    path.write_text(json.dumps(json.loads(path.read_text()) | wish))
    tokenizer = load_tokenizer(folder)
    ids = tokenizer("pain . do n't", add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == "pain. don't"
    assert decode(tokenizer, ids) == "pain . do n't"


# Premises that hold for LLaMA.


def save(cls, values, folder):
    torch.manual_seed(2)
    values.pad_token_id = values.bos_token_id = values.eos_token_id = 0
    model = cls(values)
    for weight in model.parameters():
        weight.data.mul_(5 if weight.ndim > 1 else 1)
    model.save_pretrained(folder)
    return model.eval()


@pytest.mark.parametrize(
    ("cls", "values", "apart"),
    [
        (GPT2LMHeadModel, GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=64), True),
        (OPTForCausalLM, OPTConfig(**SMALL, ffn_dim=64, word_embed_proj_dim=32), False),
    ],
    ids=["gpt2", "opt"],
)
def test_packing_is_tried(tmp_path, cls, values, apart):
    model = save(cls, values, tmp_path)
    for attempt in (lambda: packing.require_apart(model, tmp_path), lambda: packing.require_architecture(tmp_path)):
        if apart:
            attempt()
        else:
            with pytest.raises(UserError, match=r"finetune\.packing: true .*see each other.*finetune\.packing: false"):
                attempt()
    assert not model.training


def test_llama_s_packed_texts_stay_apart_and_no_random_number_is_drawn(models):
    state = torch.random.get_rng_state()
    packing.require_architecture(models / "generator")
    packing.require_apart(load_generator(models / "generator", "bfloat16"), models / "generator")
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("values", "kv_heads", "inner", "longest"),
    [
        (GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=64, n_positions=77), 2, 128, 77),
        (OPTConfig(**SMALL, ffn_dim=80, max_position_embeddings=77), 2, 80, 77),
        (FalconConfig(**SMALL, max_position_embeddings=77), 1, 128, 77),
        (MptConfig(d_model=32, n_layers=2, n_heads=2, vocab_size=64, max_seq_len=77), 2, 128, 77),
        (LlamaConfig(**SMALL, intermediate_size=96, max_position_embeddings=77), 2, 96, 77),
    ],
    ids=["gpt2", "opt", "falcon", "mpt", "llama"],
)
def test_sizes_have_one_name(tmp_path, values, kv_heads, inner, longest):
    values.save_pretrained(tmp_path)
    found = sizes_of(AutoConfig.from_pretrained(tmp_path))
    assert {name: found[name] for name in SMALL} == SMALL
    assert (found["num_key_value_heads"], found["head_dim"], found["intermediate_size"]) == (kv_heads, 16, inner)
    assert found["max_position_embeddings"] == longest


def test_positions_of_roberta_leave_those_of_padding_out(models):
    assert [positions(skeleton(models / kind, "encoder").model) for kind in ("roberta", "bert")] == [38, 40]
