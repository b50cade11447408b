import json
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, set_seed
from trl import SFTTrainer

from synthnotes.generation.encoding import NO_LOSS, encode_prompts, encode_records
from synthnotes.generation.finetune import (
    last_checkpoint,
    load_base,
    lora_config,
    summarise,
    train,
    training_arguments,
)
from synthnotes.generation.merging import merge
from synthnotes.generation.models import load_tokenizer
from synthnotes.generation.quiet import quiet
from synthnotes.generation.sizing import Architecture
from synthnotes.generation.trainer import SimilarLengths, build_trainer
from synthnotes.machinery import params


def paper(section):
    """The section at the paper's scale: configs/paper.yaml merged into params.yaml."""
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    values[section] |= yaml.safe_load(Path("configs/paper.yaml").read_text(encoding="utf-8"))[section]
    if section == "finetune":
        values[section]["lora"] = {"target_modules": "all-linear"} | values[section]["lora"]
    return getattr(params.validate(values, "paper"), section)


def toy(**changes):
    settings = params.load("finetune")
    return settings.model_copy(
        update={"micro_batch": 4, "log_steps": 1, "warmup_steps": 0, "checkpoint_steps": 3, "max_length": 512} | changes
    )


def trainer_for(generator, records, output, settings, epochs=1.0):
    quiet()
    set_seed(settings.seed)
    tokenizer = load_tokenizer(generator)
    texts = encode_records(tokenizer, "mimic", records, settings.max_length)
    model = load_base(generator, settings, gpu=False)
    arguments = training_arguments(settings, epochs, output, gpu=False)
    return texts, build_trainer(model, tokenizer, texts, texts, lora_config(settings), arguments)


def test_the_papers_values_reach_trl_and_peft(tmp_path):
    settings = paper("finetune")
    lora = lora_config(settings)
    assert (lora.r, lora.lora_alpha, lora.lora_dropout, lora.target_modules) == (32, 16, 0.05, "all-linear")
    # bfloat16 is the graphics card's here; the rest of the arguments does not depend on one.
    arguments = training_arguments(settings, settings.epochs["mimic"], tmp_path, gpu=False)
    assert (arguments.max_length, arguments.packing, arguments.packing_strategy) == (4096, True, "bfd")
    assert (arguments.learning_rate, str(arguments.lr_scheduler_type.value)) == (2e-4, "cosine")
    assert (arguments.warmup_steps, arguments.weight_decay, arguments.num_train_epochs) == (10, 0.0, 4.0)
    assert (arguments.per_device_train_batch_size, arguments.gradient_accumulation_steps) == (2, 4)
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
    texts, trainer = trainer_for(generator, records, tmp_path, toy(packing=True, micro_batch=1))
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
    """An uninterrupted run of two epochs, 12 steps."""
    output = tmp_path_factory.mktemp("trained")
    texts, trainer = trainer_for(
        generator, records, output, toy(lora=toy().lora.model_copy(update={"dropout": 0.1})), 2.0
    )
    curve = train(trainer)
    return output, curve, summarise(texts, curve, trainer)


def test_training_lowers_the_loss_and_says_what_it_read(trained):
    output, curve, numbers = trained
    assert [entry["step"] for entry in curve] == list(range(1, 13))
    assert numbers["steps"] == 12
    assert numbers["records"] == numbers["sequences_per_epoch"] == 24
    assert numbers["share_of_sequences_filled"] is None
    assert numbers["last_loss"] < numbers["first_loss"] - 0.3
    assert numbers["validation_loss"] < numbers["first_loss"]
    adapted = json.loads((output / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))["target_modules"]
    layers = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    assert {name.rpartition(".")[2] for name in adapted} == set(layers)
    assert adapted == sorted(adapted)  # PEFT keeps a set, whose order differs from run to run


def test_a_checkpoint_takes_the_disk_that_the_plan_reckons_with(trained, generator):
    """Adapters, and Adam's two moments of each of their weights, float32."""
    shape = Architecture.of(json.loads((generator / "config.json").read_text(encoding="utf-8")))
    checkpoint = trained[0] / "checkpoint-12"
    found = sum((checkpoint / name).stat().st_size for name in ("adapter_model.safetensors", "optimizer.pt"))
    assert found == pytest.approx(3 * 4 * shape.lora_parameters(toy().lora.r), rel=0.15)


def test_a_run_killed_after_a_checkpoint_ends_with_the_weights_of_an_uninterrupted_one(
    trained, generator, records, tmp_path
):
    class KilledError(Exception):
        pass

    settings = toy(lora=toy().lora.model_copy(update={"dropout": 0.1}))
    _, killed = trainer_for(generator, records, tmp_path, settings, 2.0)

    def die(*_args, **_kwargs):
        if killed.state.global_step >= 10:
            raise KilledError
        return step(*_args, **_kwargs)

    step, killed.training_step = killed.training_step, die
    with pytest.raises(KilledError):
        train(killed)
    # A checkpoint without the trainer's state is one that was being written when the run was killed.
    shutil.copytree(tmp_path / "checkpoint-9", tmp_path / "checkpoint-10", ignore=shutil.ignore_patterns("trainer_*"))
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-9")
    _, resumed = trainer_for(generator, records, tmp_path, settings, 2.0)
    assert train(resumed) == trained[1]
    name = "adapter/adapter_model.safetensors"
    assert (tmp_path / name).read_bytes() == (trained[0] / name).read_bytes()


def test_the_saved_merged_model_predicts_what_base_and_adapter_predict(trained, generator, records, tmp_path):
    tokenizer = load_tokenizer(generator)
    prompts = encode_prompts(tokenizer, "mimic", [record.input for record in records[:3]])
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
