"""Finetune: instruction tuning of the base model on the records of L (paper, section 4.1)."""

import shutil
import sys
from pathlib import Path
from typing import Any

from synthnotes.generation.models import check_generator, load_tokenizer
from synthnotes.generation.records import read_records
from synthnotes.machinery import params
from synthnotes.machinery.accelerate_launch import check_processes, launch, launch_command, launched
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish
from synthnotes.machinery.files import UserError, read_json, replacing
from synthnotes.machinery.sections import FinetuneParams


def main(
    corpus: str, base: Path, records: Path, accelerate: Path, work: Path, adapter: Path, results: Path, curve: Path
) -> str:
    """Trains the adapter; where several processes are asked for, by starting itself again through accelerate."""
    settings = params.load("finetune")
    check_generator(base, settings.max_length)
    way, processes = settings.accelerate_config, settings.processes
    if way is not None and not launched():
        import torch

        check_processes("finetune", processes, way, torch.cuda.device_count())
        command = launch_command(accelerate / f"{way}.yaml", processes, "synthnotes.stages.finetune", sys.argv[1:])
        launch(command, "finetune")
        numbers = read_json(results)
    else:
        numbers = _train(corpus, settings, base, records, work, adapter, results, curve)
    return (
        f"{corpus}: {numbers['records']} records, {numbers['steps']} steps, loss {numbers['first_loss']:.2f} -> "
        f"{numbers['last_loss']:.2f}, on unseen notes {numbers['validation_loss']:.2f}"
    )


def _train(
    corpus: str,
    settings: FinetuneParams,
    base: Path,
    records: Path,
    work: Path,
    adapter: Path,
    results: Path,
    curve: Path,
) -> dict[str, Any]:
    import pandas as pd
    import torch
    from transformers import set_seed

    from synthnotes.generation.encoding import encode_records
    from synthnotes.generation.finetune import load_base, lora_config, summarise, train, training_arguments
    from synthnotes.generation.quiet import quiet
    from synthnotes.generation.trainer import build_trainer
    from synthnotes.machinery.workdir import disk_space_needed, fingerprint

    if settings.accelerate_config is None:
        check_processes("finetune", settings.processes, None, torch.cuda.device_count())
    gpu = torch.cuda.is_available()
    quiet()
    set_seed(settings.seed)
    tokenizer = load_tokenizer(base)
    learned = encode_records(tokenizer, corpus, read_records(records / "training.jsonl"), settings.max_length)
    unseen_records = read_records(records / "prompts.jsonl")[: settings.validation_records]
    unseen = encode_records(tokenizer, corpus, unseen_records, settings.max_length)
    if not learned.input_ids or not unseen.input_ids:
        raise UserError(f"{records}: no prompt is shorter than finetune.max_length ({settings.max_length}). Raise it.")
    epochs = settings.epochs[corpus]
    key = fingerprint([settings.model_dump(), epochs], base, [*learned.input_ids, *learned.labels])
    folder = work / f"finetune-{key}"
    # The arguments come before the model: with ZeRO-3 they decide how its weights are loaded.
    arguments = training_arguments(settings, epochs, folder, gpu)
    model = load_base(base, settings, gpu)
    trainer = build_trainer(model, tokenizer, learned, unseen, lora_config(settings), arguments)
    with disk_space_needed(folder):
        losses = train(trainer)
    numbers = summarise(learned, losses, trainer)
    if trainer.is_world_process_zero():
        with disk_space_needed(adapter), replacing(adapter) as temporary:
            shutil.copytree(folder / "adapter", temporary)
        disclosure = params.load("disclosure")
        publish(curve, pd.DataFrame(losses), disclosure)
        publish(results, numbers, disclosure)
        shutil.rmtree(folder)
    return numbers


if __name__ == "__main__":
    run(main)
