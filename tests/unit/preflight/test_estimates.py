"""The formulas against real models, real counters and a real small run; and what no run can do without."""

from dataclasses import replace

import pytest
import torch
from papers_scale import LLAMA_8B, PAPER, ROOT, TWO_GPUS, changed
from peft import get_peft_model
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

from synthnotes.generation.fine_tuning import lora_config
from synthnotes.machinery import params
from synthnotes.machinery.params import TRAINING_SETS, FinetuneParams
from synthnotes.machinery.resources import read_resources
from synthnotes.preflight.estimates import (
    BYTES,
    GIB,
    Architecture,
    activation_bytes,
    least,
    training_flops,
    training_memory,
)

TUNING = params.load("finetune", FinetuneParams, path=ROOT / "params.yaml")
CONFIG = LlamaConfig(
    vocab_size=500,
    hidden_size=96,
    intermediate_size=256,
    num_hidden_layers=4,
    num_attention_heads=4,
    num_key_value_heads=2,
    tie_word_embeddings=True,
)
SHAPE = Architecture.of(CONFIG, 0)
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
    expected = TOKENS * training_flops(SHAPE, RANK, TOKENS, checkpointing)
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
    expected = activation_bytes(SHAPE, RANK, TOKENS, precision, checkpointing)
    if checkpointing:  # the layer that is computed anew appears only in the backward pass
        expected = TOKENS * (SHAPE.layers * BYTES[precision] + 4) * SHAPE.hidden
    assert found == pytest.approx(expected, rel=0.15)


def test_the_shape_of_llama_8b():
    config = LlamaConfig(
        vocab_size=128256,
        hidden_size=4096,
        intermediate_size=14336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
    )
    assert Architecture.of(config, 8_030_261_248) == LLAMA_8B
    assert LLAMA_8B.lora_parameters(32) == 83_886_080
    assert LLAMA_8B.cache_bytes("bfloat16") == 128 * 1024  # per token


def test_adapters_are_those_of_a_real_model():
    assert SHAPE.lora_parameters(RANK) == sum(p.numel() for p in adapted("sdpa").parameters() if p.requires_grad)


def test_memory_follows_the_steps_that_a_batch_is_read_in():
    """A micro-batch is the most that may be read at once: 5 of 16 become steps of 4."""

    def activations(micro_batch, processes):
        resources = changed(TWO_GPUS, "finetune", micro_batch=micro_batch, processes=processes)
        return training_memory(LLAMA_8B, PAPER.finetune, resources.finetune)["activations"]

    assert activations(5, 1) == activations(4, 1) > activations(2, 1)
    assert activations(16, 4) == activations(4, 1)


GENERATOR = replace(LLAMA_8B, parameters=8 * 10**9)
SMALL = replace(LLAMA_8B, parameters=10**6, hidden=0, queries=0, keys=0, inner=0, vocabulary=3000)


def test_needs_at_the_papers_scale():
    models = {"mimic": {"generator": GENERATOR, "encoder": replace(SMALL, parameters=125 * 10**6)}}
    needs = least(PAPER, TWO_GPUS, models, {"mimic": 10**9}, 20 * 10**9, gpu=True)
    # Merged 16 GB, coders of 0.5 GB (36 of noise, 5 of each of 5 training sets), 4 GB of notes and records, twice; and
    # 20 GB of data.
    assert needs.disk == 2 * (16 + 30.5 + 4) * 10**9 + 20 * 10**9
    assert needs.memory == 24 * 10**9  # merging
    # Half of 16 GB, and of 6,000 tokens x 131,072 bytes (32 layers, 8 heads of 128, keys and values, 2 bytes), in 90 %;
    # fine-tuning: half of 16 GB and of the adapters, and twice the logits of a tile.
    sampling, tuning = (8e9 + 3000 * 131_072) / 0.9, 8e9 + 16 * 83_886_080 / 2 + 2 * 4 * 4096 * 32_768
    assert needs.gpu_memory == int(max(sampling, tuning))
    assert needs.gpus == 2


@pytest.mark.parametrize(
    ("section", "change", "gpu", "gpus"),
    [
        ("generate", {"data_parallel": 3}, True, 6),
        ("generate", {"data_parallel": 3, "tensor_parallel": 1}, True, 3),
        ("generate", {"data_parallel": 3, "tensor_parallel": 1}, False, 2),  # side by side on one CPU
        ("coding", {"processes": 5}, True, 5),
        ("finetune", {"processes": 4}, True, 4),
    ],
)
def test_all_that_asks_for_gpus_is_counted(section, change, gpu, gpus):
    models = {"mimic": {"generator": GENERATOR, "encoder": replace(SMALL, parameters=125 * 10**6)}}
    assert least(PAPER, changed(TWO_GPUS, section, **change), models, {"mimic": 0}, 0, gpu).gpus == gpus


@pytest.mark.parametrize(("gpu", "processes", "host"), [(True, 1, 4), (True, 3, 12), (False, 1, 20)])
def test_an_encoder_larger_than_the_generator_decides(gpu, processes, host):
    models = {"mimic": {"generator": SMALL, "encoder": replace(SMALL, parameters=10**9)}}
    needs = least(PAPER, changed(TWO_GPUS, "coding", processes=processes), models, {"mimic": 0}, 0, gpu)
    assert needs.memory == host * 10**9
    assert needs.gpu_memory == 16 * 10**9


def test_coders_of_every_training_set_are_reckoned_with_by_its_own_seeds():
    models = {"sepr": {"generator": replace(GENERATOR, parameters=0), "encoder": SMALL}}

    def disk(**seeds):
        settings = PAPER.model_copy(update=seeds | {"noise": PAPER.noise.model_copy(update={"corpora": []})})
        return least(settings, TWO_GPUS, models, {"sepr": 0}, 0, gpu=True).disk / (2 * 4 * 10**6)

    assert disk(seeds=[1], larger_seeds=[1]) == len(TRAINING_SETS) == 5
    assert disk(seeds=[1, 2], larger_seeds=[1]) == 7  # two coders of real S and of synthetic S
    assert disk(seeds=[1], larger_seeds=[1, 2]) == 8


def test_needs_of_a_large_corpus_without_a_gpu():
    settings, resources = params.read(ROOT / "params.yaml"), read_resources(ROOT / "machine.yaml")
    models = {"sepr": {"generator": SMALL, "encoder": SMALL}}
    assert least(settings, resources, models, {"sepr": 10**9}, 0, gpu=False).memory == GIB // 2 + 3 * 10**9
    small = least(settings, resources, models, {"sepr": 10**6}, 0, gpu=False)
    assert settings.generate.precision == "bfloat16"  # two bytes a weight
    assert small.memory == 2 * 10**6 + resources.generate.cpu_cache_gib * GIB + int(1.5 * GIB)


def test_what_depends_on_settings_is_left_out_of_what_every_run_needs():
    """DDP does not share weights out; other targets have fewer adapters; only vLLM keeps to a share of the GPU."""
    models = {"mimic": {"generator": GENERATOR, "encoder": SMALL}}

    def gpu_memory(targets, accelerate, engine="vllm"):
        lora = PAPER.finetune.lora.model_copy(update={"target_modules": targets})
        settings = changed(changed(PAPER, "finetune", lora=lora), "generate", engine=engine)
        resources = changed(TWO_GPUS, "finetune", accelerate=accelerate)
        return least(settings, resources, models, {"mimic": 0}, 0, gpu=True).gpu_memory

    tile, adapters = 2 * 4 * 4096 * 32_768, 16 * 83_886_080
    assert gpu_memory("all-linear", "ddp") == 16 * 10**9 + adapters + tile
    assert gpu_memory(["q_proj"], "ddp") == 16 * 10**9 + tile
    assert gpu_memory(["q_proj"], "zero3") == int((8 * 10**9 + 3000 * 131_072) / 0.9)
    assert gpu_memory(["q_proj"], "zero3", "transformers") == 8 * 10**9 + tile
