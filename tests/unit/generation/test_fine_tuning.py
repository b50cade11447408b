import json
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, TrainerCallback, set_seed
from trl import SFTTrainer

from synthnotes.generation import merging
from synthnotes.generation.fine_tuning import (
    SimilarLengths,
    build_trainer,
    check_target_modules,
    checkpoint_folder,
    last_checkpoint,
    load_base,
    lora_config,
    summarise,
    train,
    training_arguments,
)
from synthnotes.generation.generators import load_tokenizer, silence_libraries
from synthnotes.generation.merging import merge
from synthnotes.generation.records import NO_LOSS, encode_prompts, encode_records
from synthnotes.machinery import configure, params
from synthnotes.machinery.files import UserError
from synthnotes.machinery.model_folders import read_config
from synthnotes.machinery.params import FinetuneParams
from synthnotes.machinery.resources import FinetuneMachine, Machine, load_resources
from synthnotes.preflight.estimates import Architecture


def merged(name, configuration, kind):
    """A parameter file with a configuration merged into it."""
    values = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
    configure.overlay(values, yaml.safe_load(Path(configuration).read_text(encoding="utf-8")))
    return params.validate(values, configuration, kind)


def toy(**changes):
    settings = params.load("finetune", FinetuneParams)
    return settings.model_copy(update={"batch": 4, "warmup_steps": 0, "max_length": 512} | changes)


def resources(**changes):
    found = load_resources("finetune", FinetuneMachine)
    return found.model_copy(update={"micro_batch": 4, "checkpoint_steps": 3} | changes)


def trainer_for(generator, records, output, settings, epochs=1.0, **changes):
    silence_libraries()
    set_seed(settings.seed)
    tokenizer = load_tokenizer(generator)
    texts = encode_records(tokenizer, records, settings.max_length)
    model = load_base(generator, settings, gpu=False)
    settings = settings.model_copy(update={"epochs": epochs})
    arguments = training_arguments(settings, resources(**changes), output, gpu=False)
    return texts, build_trainer(model, tokenizer, texts, lora_config(settings), arguments)


def test_the_papers_values_reach_trl_and_peft(tmp_path):
    settings = merged("params.yaml", "configs/paper.yaml", params.Params).finetune
    lora = lora_config(settings)
    assert (lora.r, lora.lora_alpha, lora.lora_dropout, lora.target_modules) == (32, 16, 0.05, "all-linear")
    # bfloat16 is the graphics card's here; the rest of the arguments does not depend on one.
    gpus = merged("machine.yaml", "configs/machine/two-gpus.yaml", Machine).finetune
    arguments = training_arguments(settings, gpus, tmp_path, gpu=False)
    assert (arguments.max_length, arguments.packing, arguments.packing_strategy) == (4096, True, "bfd")
    assert (arguments.learning_rate, str(arguments.lr_scheduler_type.value)) == (2e-4, "cosine")
    assert (arguments.warmup_steps, arguments.weight_decay, arguments.num_train_epochs) == (10, 0.0, 4.0)
    assert (arguments.per_device_train_batch_size, arguments.gradient_accumulation_steps) == (
        2,
        4,
    )  # of 16, on two GPUs
    assert arguments.bf16
    assert arguments.gradient_checkpointing


def test_batches_hold_every_text_once_of_similar_length_and_differ_between_epochs():
    lengths = [number % 97 for number in range(400)]
    sampler = SimilarLengths(lengths, batch=8, seed=3)
    first = list(sampler)
    assert sorted(first) == list(range(400))
    spread = [
        max(lengths[i] for i in first[b : b + 8]) - min(lengths[i] for i in first[b : b + 8]) for b in range(0, 400, 8)
    ]
    assert sum(spread) / len(spread) < 12
    sampler.set_epoch(1)
    second = list(sampler)
    assert second != first
    assert list(SimilarLengths(lengths, batch=8, seed=3)) == first


def test_the_last_batch_is_filled_up_behind_the_same_order():
    lengths = [number % 97 for number in range(401)]
    plain, filled = SimilarLengths(lengths, batch=8, seed=3), SimilarLengths(lengths, batch=8, seed=3, fill=True)
    assert list(filled) == [*plain, *[401] * 7]
    assert (len(plain), len(filled)) == (401, 408)
    assert len(SimilarLengths(lengths[:400], batch=8, seed=3, fill=True)) == 400


@pytest.mark.parametrize("packing", [False, True])
def test_batches_carry_the_labels_so_that_only_notes_are_learnt(generator, records, tmp_path, packing):
    texts, trainer = trainer_for(generator, records, tmp_path, toy(packing=packing))
    wanted = sum(label != NO_LOSS for labels in texts.labels for label in labels)
    batches = list(trainer.get_train_dataloader())
    # The first token of a text is never predicted; it belongs to the prompt, so nothing of the notes is lost.
    assert sum(int((batch["labels"] != NO_LOSS).sum()) for batch in batches) == wanted
    tokens = (batches[0]["labels"] != NO_LOSS).sum()
    with torch.inference_mode():
        on_cpu = trainer.compute_loss(trainer.model, dict(batches[0]), num_items_in_batch=tokens)
        by_trl = SFTTrainer.compute_loss(trainer, trainer.model, dict(batches[0]), num_items_in_batch=tokens)
    assert float(on_cpu) == pytest.approx(float(by_trl), rel=1e-5)


def test_packed_texts_do_not_see_each_other_and_none_of_their_tokens_is_lost(generator, records, tmp_path):
    """The loss of each packed sequence is that of its texts, read one by one."""
    texts, trainer = trainer_for(generator, records, tmp_path, toy(packing=True), micro_batch=1)
    model = trainer.model.eval()
    alone = {}
    with torch.inference_mode():
        for ids, labels in zip(texts.input_ids, texts.labels, strict=True):
            inputs = {
                "input_ids": torch.tensor(ids[None].astype(int)),
                "labels": torch.tensor(labels[None].astype(int)),
            }
            alone[tuple(ids.tolist())] = float(model(**inputs).loss) * int((labels != NO_LOSS).sum())
        packed = list(trainer.get_train_dataloader())
        assert len(packed) < len(texts.input_ids)
        for batch in packed:
            starts = [*(batch["position_ids"][0] == 0).nonzero()[:, 0].tolist(), batch["input_ids"].shape[1]]
            inside = [tuple(batch["input_ids"][0, a:b].tolist()) for a, b in pairwise(starts)]
            expected = sum(alone.pop(ids) for ids in inside)
            loss = float(trainer.compute_loss(trainer.model, dict(batch), num_items_in_batch=torch.tensor(1)))
            assert loss == pytest.approx(expected, rel=1e-4)
    assert not alone


@pytest.fixture(scope="module")
def trained(generator, records, tmp_path_factory):
    """An uninterrupted run of two epochs, 12 updates."""
    output = tmp_path_factory.mktemp("trained")
    texts, trainer = trainer_for(
        generator, records, output, toy(lora=toy().lora.model_copy(update={"dropout": 0.1})), 2.0
    )
    losses = train(trainer)
    return output, losses, summarise(texts, trainer)


def test_training_lowers_the_loss_and_says_what_it_read(trained):
    output, losses, numbers = trained
    assert [step for step, _ in losses] == list(range(1, 13))
    assert numbers["steps"] == 12
    assert numbers["records"] == numbers["sequences_per_epoch"] == 24
    assert numbers["share_of_sequences_filled"] is None
    assert losses[-1][1] < losses[0][1] - 0.3
    adapted = json.loads((output / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))["target_modules"]
    layers = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    assert {name.rpartition(".")[2] for name in adapted} == set(layers)
    assert adapted == sorted(adapted)  # PEFT keeps a set, whose order differs from run to run


def test_a_checkpoint_takes_the_disk_that_the_plan_reckons_with(trained, generator):
    """Adapters, and Adam's two moments of each of their weights, float32."""
    shape = Architecture.of(read_config(generator, "generator"), 0)
    checkpoint = trained[0] / "checkpoint-12"
    found = sum((checkpoint / name).stat().st_size for name in ("adapter_model.safetensors", "optimizer.pt"))
    assert found == pytest.approx(3 * 4 * shape.lora_parameters(toy().lora.r), rel=0.15)


class GradientsError(Exception):
    """Ends a training once the gradients of its first update are there."""


def gradients(trainer):
    """The adapters' gradients of the first update, as the trainer's own loop sums them up, before clipping."""

    class Stop(TrainerCallback):
        def on_pre_optimizer_step(self, *args, **kwargs):
            raise GradientsError

    with torch.no_grad():
        for name, weight in trainer.model.named_parameters():
            if "lora_B" in name:  # which begins at zero and would leave the others without a gradient
                weight.copy_(torch.linspace(-0.1, 0.1, weight.numel()).reshape(weight.shape))
    trainer.args.max_grad_norm = 0.0
    trainer.add_callback(Stop)
    with pytest.raises(GradientsError):
        trainer.train()
    return {name: weight.grad for name, weight in trainer.model.named_parameters() if weight.requires_grad}


@pytest.mark.parametrize("packing", [False, True])
@pytest.mark.parametrize("branch", ["cpu", "gpu"])
def test_smaller_steps_give_the_gradients_of_the_whole_batch(generator, records, tmp_path, packing, branch):
    settings = toy(batch=8, packing=packing, max_length=256)
    found = {}
    for size in (8, 4, 2):
        _, trainer = trainer_for(generator, records, tmp_path, settings, micro_batch=size)
        assert trainer.args.gradient_accumulation_steps == 8 // size
        trainer.args.use_cpu = branch == "cpu"  # chooses how the loss is computed: by the model, or by TRL in tiles
        found[size] = gradients(trainer)
    assert min(float(gradient.abs().max()) for gradient in found[8].values()) > 1e-4
    for size in (4, 2):
        for name, gradient in found[8].items():
            torch.testing.assert_close(found[size][name], gradient, rtol=1e-6, atol=1e-6)


def test_gradients_of_means_per_step_would_differ(generator, records, tmp_path):
    """The test above can fail: it is the number of tokens in the whole batch that makes the gradients equal."""
    found = {}
    for size in (8, 4):
        _, trainer = trainer_for(generator, records, tmp_path, toy(batch=8), micro_batch=size)
        trainer._get_num_items_in_batch = lambda *_: None
        found[size] = gradients(trainer)
    assert max(float((found[4][name] - gradient).abs().max()) for name, gradient in found[8].items()) > 1e-4


class KilledError(Exception):
    pass


def kill_after(trainer, updates):
    """Trains until an update is to begin after as many."""

    def die(*args, **kwargs):
        if trainer.state.global_step >= updates:
            raise KilledError
        return step(*args, **kwargs)

    step, trainer.training_step = trainer.training_step, die
    with pytest.raises(KilledError):
        train(trainer)


def test_a_killed_run_goes_on_with_half_the_micro_batch_and_ends_with_the_same_weights(generator, records, tmp_path):
    settings = toy(batch=8)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    # 23 texts in batches of 8: the last update of an epoch has 7, in two steps or in four.
    _, trainer = trainer_for(generator, records[:23], whole, settings, 3.0)
    expected = train(trainer)
    assert [step for step, _ in expected] == list(range(1, 10))

    _, killed = trainer_for(generator, records[:23], stopped, settings, 3.0, checkpoint_steps=4)
    kill_after(killed, 5)
    assert last_checkpoint(stopped) == str(stopped / "checkpoint-4")  # in mid-epoch
    _, resumed = trainer_for(generator, records[:23], stopped, settings, 3.0, checkpoint_steps=2, micro_batch=2)
    assert resumed.args.gradient_accumulation_steps == 4
    found = train(resumed)
    assert found[:4] == expected[:4]  # read from the checkpoint, not trained again
    assert [step for step, _ in found] == [step for step, _ in expected]
    assert [loss for _, loss in found] == pytest.approx([loss for _, loss in expected], abs=1e-5)
    weights = [load_file(folder / "adapter/adapter_model.safetensors") for folder in (whole, stopped)]
    for name, weight in weights[0].items():
        torch.testing.assert_close(weights[1][name], weight, rtol=0, atol=1e-5)


def test_checkpoints_of_other_forms_lie_apart(tmp_path):
    def folder(accelerate, processes):
        return checkpoint_folder(tmp_path, resources(accelerate=accelerate, processes=processes))

    assert folder(None, 1) == folder("single", 1) == folder("ddp", 2) == folder("ddp", 4)
    others = [folder(None, 1), folder("fsdp", 2), folder("zero3", 2), folder("zero3", 4)]
    assert len(set(others)) == 4
    assert folder("fsdp", 2) == folder("fsdp", 4)


def test_bfloat16_is_honoured_where_there_is_no_gpu(generator, records, tmp_path):
    _, trainer = trainer_for(generator, records, tmp_path, toy(precision="bfloat16"))
    computed = set()
    for name, module in trainer.model.named_modules():
        if name.endswith("q_proj.base_layer"):
            module.register_forward_hook(lambda _module, _inputs, output: computed.add(output.dtype))
    losses = train(trainer)
    assert computed == {torch.bfloat16}
    kinds = {weight.requires_grad: weight.dtype for weight in trainer.model.parameters()}
    assert kinds == {True: torch.float32, False: torch.bfloat16}  # adapters and frozen weights
    assert losses[-1][1] < losses[0][1] - 0.2


def test_a_loss_that_is_no_number_is_an_error(generator, records, tmp_path):
    _, trainer = trainer_for(generator, records, tmp_path, toy(learning_rate=1e30))
    with pytest.raises(UserError, match=r"not a number. Lower finetune\.learning_rate"):
        train(trainer)


def test_a_training_that_diverges_ends_at_once_and_not_after_all_of_its_updates(generator, records, tmp_path):
    _, trainer = trainer_for(generator, records, tmp_path, toy(learning_rate=1e30), epochs=50.0)
    with pytest.raises(UserError, match=r"in update [23] of 300, the loss became infinite or not a number"):
        train(trainer)
    assert not (tmp_path / "adapter").exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_an_adapter_that_the_last_update_has_ruined_is_not_saved(generator, records, tmp_path, value):
    """Every loss was a number, since each is computed before its update."""

    class Ruin(TrainerCallback):
        def on_train_end(self, args, state, control, model, **_):
            with torch.no_grad():
                next(weight for name, weight in model.named_parameters() if "lora_B" in name)[0, 0] = value

    _, trainer = trainer_for(generator, records, tmp_path, toy())
    trainer.add_callback(Ruin())
    with pytest.raises(
        UserError, match=r"1 of the adapter's 28 tensors hold what is no number .* no adapter was saved"
    ):
        train(trainer)
    assert not (tmp_path / "adapter").exists()


def test_a_training_of_a_single_update_ends_well(generator, records, tmp_path):
    texts, trainer = trainer_for(generator, records[:2], tmp_path, toy(), epochs=0.1)
    assert [step for step, _ in train(trainer)] == [1]
    assert summarise(texts, trainer)["steps"] == 1


TARGETS = {
    "none of them": (["q_projx"], "Target modules .* not found"),
    "one of them": (["q_proj", "v_projx"], "the model has no module 'v_projx'"),
    "a single name": ("query_key_value", "Target modules query_key_value not found"),
    "a misspelt all-linear": ("all_linear", "Target modules all_linear not found"),
    "all-linear in a list": (["all-linear"], "Target modules .* not found"),
    "no pattern": ("[", "unterminated character set"),
    "no linear map": (["input_layernorm"], "LlamaRMSNorm.* is not supported"),
    "what holds linear maps": (["self_attn"], "Target module LlamaAttention"),
    "the head of a tied model": (["q_proj", "lm_head"], "lm_head shares its weights"),
    "the embeddings of a tied model": (["embed_tokens"], "embed_tokens shares its weights"),
    "an empty list": ([], "No `target_modules` passed"),
    "nothing": ("", "No `target_modules` passed"),
}


@pytest.mark.parametrize(("targets", "told"), TARGETS.values(), ids=TARGETS)
def test_target_modules_that_the_model_does_not_have(generator, targets, told):
    settings = toy(lora=toy().lora.model_copy(update={"target_modules": targets}))
    expected = f"finetune.lora.target_modules: .*{told}.* Expected all-linear, or a list of .*: down_proj, gate_proj"
    with pytest.raises(UserError, match=f"(?s){expected}"):
        check_target_modules(generator, settings)


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "v_proj"], ".*q_proj", ["layers.1.mlp.up_proj"]])
def test_target_modules_that_the_model_has(generator, targets):
    check_target_modules(generator, toy(lora=toy().lora.model_copy(update={"target_modules": targets})))


def without(adapter, folder, parts):
    """A copy of an adapter whose weights with these words in their name are zero, or no number."""
    shutil.copytree(adapter, folder)
    file = folder / "adapter_model.safetensors"
    weights = load_file(file)
    for name in weights:
        for part, factor in parts.items():
            weights[name] = weights[name] * (factor if part in name else 1)
    save_file(weights, file)
    return folder


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_merge_that_predicts_something_else_is_refused(trained, generator, records, tmp_path, monkeypatch, precision):
    """What is saved holds other weights than what was merged: as where a base model lacks its head or a layer."""
    tokenizer = load_tokenizer(generator)
    prompts = encode_prompts(tokenizer, [record.prompt for record in records[:3]])
    load = merging.load_generator

    def lossy(folder, *arguments):
        model = load(folder, *arguments)
        if folder == tmp_path / "merged":
            torch.nn.init.normal_(model.model.layers[1].mlp.down_proj.weight, std=1)
        return model

    monkeypatch.setattr(merging, "load_generator", lossy)
    with pytest.raises(
        UserError,
        match=rf"same next token .* at \d.*, expected at least {merging.LEAST_SAME[precision]:.0%} .*nothing was saved",
    ):
        merge(generator, trained[0] / "adapter", tmp_path / "merged", tokenizer, precision, prompts)


def test_bfloat16_merges_whose_rounding_alone_differs_are_kept(trained, generator, records, tmp_path):
    tokenizer = load_tokenizer(generator)
    prompts = encode_prompts(tokenizer, [record.prompt for record in records[:3]])
    check = merge(generator, trained[0] / "adapter", tmp_path / "merged", tokenizer, "bfloat16", prompts)
    assert 0.9 <= check["share_same_next_token"] <= 1


def test_an_adapter_that_holds_no_numbers_is_told_by_merge(trained, generator, records, tmp_path):
    tokenizer = load_tokenizer(generator)
    prompts = encode_prompts(tokenizer, [record.prompt for record in records[:3]])
    ruined = without(trained[0] / "adapter", tmp_path / "ruined", {"q_proj.lora_B": float("nan")})
    with pytest.raises(UserError, match="ruined: base model and adapter predict what is no number"):
        merge(generator, ruined, tmp_path / "merged", tokenizer, "float32", prompts)


def test_a_run_killed_after_a_checkpoint_ends_with_the_weights_of_an_uninterrupted_one(
    trained, generator, records, tmp_path
):
    settings = toy(lora=toy().lora.model_copy(update={"dropout": 0.1}))
    _, killed = trainer_for(generator, records, tmp_path, settings, 2.0)
    kill_after(killed, 10)
    # A checkpoint without the trainer's state is one that was being written when the run was killed.
    shutil.copytree(tmp_path / "checkpoint-9", tmp_path / "checkpoint-10", ignore=shutil.ignore_patterns("trainer_*"))
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-9")
    _, resumed = trainer_for(generator, records, tmp_path, settings, 2.0)
    assert train(resumed) == trained[1]
    name = "adapter/adapter_model.safetensors"
    assert (tmp_path / name).read_bytes() == (trained[0] / name).read_bytes()


def test_the_saved_merged_model_predicts_what_base_and_adapter_predict(trained, generator, records, tmp_path):
    tokenizer = load_tokenizer(generator)
    prompts = encode_prompts(tokenizer, [record.prompt for record in records[:3]])
    check = merge(generator, trained[0] / "adapter", tmp_path / "merged", tokenizer, "float32", prompts)
    assert check["positions"] == sum(map(len, prompts))
    assert check["largest_logit_difference"] < 1e-4 < check["largest_logit"]
    assert check["share_same_next_token"] == 1.0
    suffixes = {path.suffix for path in (tmp_path / "merged").iterdir()}
    assert (tmp_path / "merged" / "model.safetensors").is_file()
    assert not suffixes & {".bin", ".pt", ".pth", ".ckpt", ".pkl"}
    # The check can fail: the base alone predicts something else.
    base = AutoModelForCausalLM.from_pretrained(generator)
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    ids = torch.tensor([prompts[0]])
    with torch.inference_mode():
        assert float((base(ids).logits - merged(ids).logits).abs().max()) > 1e-3
    assert load_tokenizer(tmp_path / "merged")(["x"])["input_ids"] == tokenizer(["x"])["input_ids"]
