"""The arithmetic of `make plan` against real models, real counters and a real small run."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from peft import get_peft_model
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from synthnotes.generation import plan, sizing
from synthnotes.generation.encoding import encode_records
from synthnotes.generation.finetune import lora_config
from synthnotes.generation.models import load_tokenizer
from synthnotes.generation.records import write_records
from synthnotes.generation.sizing import GPUS, Architecture
from synthnotes.machinery import configure, params
from synthnotes.machinery.machine import Machine
from synthnotes.machinery.sections import FinetuneParams, Params

# LLaMA-3.1-8B's config.json, as far as its shape goes.
LLAMA_8B = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "tie_word_embeddings": False,
}


def merged(name, configuration, kind):
    values = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
    configure.overlay(values, yaml.safe_load(Path(configuration).read_text(encoding="utf-8")))
    return params.validate(values, configuration, kind)


PAPER = merged("params.yaml", "configs/paper.yaml", Params)
GPUS_OF_PAPER = merged("machine.yaml", "configs/machine/two-gpus.yaml", Machine)
TUNING = params.load("finetune", FinetuneParams)


@pytest.fixture(scope="module")
def shape(generator):
    return Architecture.of(json.loads((generator / "config.json").read_text()))


def test_weights_adapters_and_cache_of_llama_8b():
    shape = Architecture.of(LLAMA_8B)
    assert shape.parameters == 8_030_261_248  # what the model itself counts
    assert shape.lora_parameters(32) == 83_886_080
    assert shape.cache_bytes("bfloat16") == 128 * 1024  # per token


def test_weights_and_adapters_are_those_of_a_real_model(generator, shape):
    model = AutoModelForCausalLM.from_pretrained(generator)
    assert shape.parameters == model.num_parameters()
    adapted = get_peft_model(model, lora_config(TUNING))
    trained = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    assert shape.lora_parameters(TUNING.lora.r) == trained


CONFIG = LlamaConfig(
    vocab_size=500,
    hidden_size=96,
    intermediate_size=256,
    num_hidden_layers=4,
    num_attention_heads=4,
    num_key_value_heads=2,
    tie_word_embeddings=True,
)
RANK, TOKENS = TUNING.lora.r, 384


def adapted(attention):
    config = LlamaConfig(**CONFIG.to_dict(), attn_implementation=attention)
    return get_peft_model(LlamaForCausalLM(config), lora_config(TUNING)).train()


@pytest.mark.parametrize("checkpointing", [False, True])
def test_operations_of_a_real_training_step(checkpointing):
    model = adapted("eager")  # the only attention whose operations PyTorch counts on a CPU
    if checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable({"use_reentrant": False})
    ids = torch.randint(500, (1, TOKENS))
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    expected = TOKENS * sizing.training_flops(Architecture.of(CONFIG.to_dict()), RANK, TOKENS, checkpointing)
    assert counter.get_total_flops() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_activations_of_a_real_training_step(checkpointing, precision):
    model = adapted("sdpa")
    if precision == "bfloat16":  # as in training, the base model alone; adapters stay float32
        for parameter in model.parameters():
            if not parameter.requires_grad:
                parameter.data = parameter.data.bfloat16()
    if checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable({"use_reentrant": False})
    known = {p.untyped_storage().data_ptr() for p in [*model.parameters(), *model.buffers()]}
    saved = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known and storage.nbytes() > 4 * TOKENS * RANK / 2 - 1:  # no weights, cast anew
            saved[storage.data_ptr()] = storage  # held, so that no other takes its place
        return tensor

    autocast = torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16")
    with autocast, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.model.model(input_ids=torch.randint(500, (1, TOKENS)), use_cache=False)
    found = sum(storage.nbytes() for storage in saved.values())
    shape = Architecture.of(CONFIG.to_dict())
    expected = sizing.activation_bytes(shape, RANK, TOKENS, precision, checkpointing) - 2 * 4 * TOKENS * 500
    if checkpointing:  # the layer that is computed anew appears only in the backward pass
        expected = TOKENS * (shape.layers * sizing.BYTES[precision] + 4) * shape.hidden
    assert found == pytest.approx(expected, rel=0.15)


def test_tokens_are_those_that_a_run_reads(generator, records, tmp_path):
    write_records(tmp_path / "training.jsonl", records)
    lengths = plan.measure(records, generator, "mimic")
    texts = encode_records(load_tokenizer(generator), "mimic", records, 140)
    assert lengths.texts(140).sum() == texts.tokens
    settings = PAPER.finetune.model_copy(update={"max_length": 140})
    found = plan.estimate_finetune(
        Architecture.of(LLAMA_8B), lengths, settings, GPUS_OF_PAPER.finetune, 4.0, GPUS["h100"]
    )
    assert found.tokens == pytest.approx(4 * texts.tokens)
    assert found.problems[0].startswith(f"{(texts.truncated + texts.dropped) / 24:.1%} of the records are longer")


def lengths(count, prompt, note):
    return plan.Lengths(count, np.full(100, prompt), np.full(100, note))


def test_the_papers_fine_tuning_by_hand():
    shape, texts = Architecture.of(LLAMA_8B), lengths(89_099, 400, 2_000)
    found = plan.estimate_finetune(shape, texts, PAPER.finetune, GPUS_OF_PAPER.finetune, 4.0, GPUS["h100"])
    assert found.tokens == 89_099 * 2_401 * 4
    # Per token 2 forward, 2 backward and 2 repeated for 7.0 thousand million weights of layers, 4 for the head.
    flops = 6 * 6_979_321_856 + 4 * 4096 * 128256 + (2 + 4 + 2) * 83_886_080 + 16 * 32 * 4096 * 2_401
    hours = found.tokens * flops / (989e12 * 0.35) / 3600
    assert found.gpu_hours == pytest.approx(hours, rel=1e-6)
    # ZeRO-3 on two GPUs: half of 16.06 GB of weights and of 1.34 GB of adapters each, and activations.
    assert 8.1 < found.gpu_gib < 8.1 + 16
    assert found.problems == []


def test_what_does_not_fit_is_said():
    shape, small = Architecture.of(LLAMA_8B), GPUS["a100-40"]
    alone = GPUS_OF_PAPER.finetune.model_copy(update={"processes": 1, "accelerate": None, "micro_batch": 16})
    alone = alone.model_copy(update={"gradient_checkpointing": False})
    found = plan.estimate_finetune(shape, lengths(100, 400, 2_000), PAPER.finetune, alone, 1.0, small)
    assert "GiB on each GPU of 39" in found.problems[0]
    wide = PAPER.generate.model_copy(update={"precision": "float32"})
    one = GPUS_OF_PAPER.generate.model_copy(update={"tensor_parallel": 1})
    found = plan.estimate_generate(shape, lengths(100, 400, 2_000), wide, one, "mimic", GPUS["l40s"])
    assert any("of generate.concurrent_sequences fit at once" in problem for problem in found.problems)
    tiny = sizing.Gpu(12, 100, 500)
    found = plan.estimate_generate(shape, lengths(100, 400, 2_000), wide, one, "mimic", tiny)
    assert any("do not fit into 1 x 12 GiB" in problem for problem in found.problems)
    found = plan.estimate_generate(shape, lengths(100, 7_000, 10), wide, one, "mimic", tiny)
    assert found.problems[0].startswith("100.0% of the prompts fill")
    lines = plan.show({"sampling, mimic": found}, free_gib=0.0)
    assert lines[-1].startswith("disk: ") or "do not fit" in lines[-1]


def test_memory_follows_the_steps_that_a_batch_is_read_in():
    """A micro-batch is the most that may be read at once: 5 of 16 become steps of 4."""
    shape, settings = Architecture.of(LLAMA_8B), PAPER.finetune

    def activations(micro_batch, processes):
        update = {"micro_batch": micro_batch, "processes": processes}
        return sizing.training_memory(shape, settings, GPUS_OF_PAPER.finetune.model_copy(update=update))["activations"]

    assert activations(5, 1) == activations(4, 1) > activations(2, 1)
    assert activations(16, 4) == activations(4, 1)


def test_the_papers_sampling_by_hand():
    shape, prompts = Architecture.of(LLAMA_8B), lengths(13_378, 400, 2_000)
    found = plan.estimate_generate(shape, prompts, PAPER.generate, GPUS_OF_PAPER.generate, "mimic", GPUS["h100"])
    read, written = 13_378 * 400, 13_378 * 5 * 2_001
    assert found.tokens == pytest.approx(read + written)
    # 45 sequences at once, of 400 + 2,001 / 2 tokens on average; 5.4 million tokens are read in no time.
    step = (8_030_261_248 * 2 + 45 * 1_400.5 * 131_072) / (3350e9 * 0.6)
    assert found.gpu_hours == pytest.approx(written / 45 * step / 3600, rel=0.01)
    assert found.problems == []


def test_a_plan_of_a_whole_run_prints_no_note(generator, records, tmp_path, capsys):
    for corpus in ("mimic", "sepr"):
        (tmp_path / "models" / corpus).mkdir(parents=True)
        (tmp_path / "models" / corpus / "generator").symlink_to(generator)
        for name in ("training", "prompts"):
            write_records(tmp_path / "records" / corpus / f"{name}.jsonl", records)
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    values["finetune"]["max_length"] = 400
    values["generate"] |= {"model_length": {"mimic": 400, "sepr": 400}, "max_new_tokens": {"mimic": 99, "sepr": 99}}
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(values))
    resources = Path("machine.yaml")
    assert plan.main(tmp_path / "models", tmp_path / "records", file, resources, "h100") == 0
    shown = capsys.readouterr().out
    assert "fine-tuning, mimic" in shown
    assert "Everything fits." in shown
    assert records[0].output not in shown
    assert plan.main(tmp_path / "nowhere", tmp_path / "records", file, resources, "h100") == 1
    assert "no such folder" in capsys.readouterr().err
