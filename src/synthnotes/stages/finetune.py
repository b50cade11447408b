"""Finetune: instruction tuning of the base model on the records of L (paper, section 4.1)."""

import shutil
import sys
from pathlib import Path
from typing import Any

from synthnotes.generation.generators import check_generator, load_tokenizer
from synthnotes.generation.records import read_records
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import UserError, disk_space_needed, fingerprint, read_json, replacing, write_json
from synthnotes.machinery.packing import require_architecture
from synthnotes.machinery.params import FinetuneParams
from synthnotes.machinery.resources import (
    FinetuneMachine,
    check_processes,
    count_threads,
    launch,
    launch_command,
    launched,
    load_resources,
    steps_of,
)
from synthnotes.machinery.tokenizer_checks import require_known


def main(corpus: str, base: Path, records: Path, accelerate: Path, work: Path, adapter: Path, log: Path) -> str:
    """Trains the adapter; where several processes are asked for, by starting itself again through accelerate."""
    settings, resources = params.load("finetune", FinetuneParams, corpus), load_resources("finetune", FinetuneMachine)
    check_generator(base, settings.max_length)
    if settings.packing and not launched():
        require_architecture(base)
    steps_of(settings.batch, resources.micro_batch, resources.processes)
    way, processes = resources.accelerate, resources.processes
    if not launched():
        import torch

        check_processes("finetune", processes, way, torch.cuda.device_count())
    if way is not None and not launched():
        command = launch_command(accelerate / f"{way}.yaml", processes, "synthnotes.stages.finetune", sys.argv[1:])
        launch(command, "finetune")
        found = read_json(log)
    else:
        found = _train(settings, resources, base, records, work, adapter, log)
    (_, first), (_, last) = found["losses"][0], found["losses"][-1]
    return f"{corpus}: {found['records']} records, {found['steps']} updates, loss {first:.2f} -> {last:.2f}"


def _train(
    settings: FinetuneParams,
    resources: FinetuneMachine,
    base: Path,
    records: Path,
    work: Path,
    adapter: Path,
    log: Path,
) -> dict[str, Any]:
    import torch
    from transformers import set_seed

    from synthnotes.generation.fine_tuning import (
        build_trainer,
        check_target_modules,
        checkpoint_folder,
        load_base,
        lora_config,
        summarise,
        train,
        training_arguments,
    )
    from synthnotes.generation.generators import silence_libraries
    from synthnotes.generation.records import encode_records

    gpu = torch.cuda.is_available()
    if not gpu:
        torch.set_num_threads(count_threads(resources.threads))
    silence_libraries()
    check_target_modules(base, settings)
    set_seed(settings.seed)
    tokenizer = load_tokenizer(base)
    learnt = read_records(records / "training.jsonl")
    known = require_known(tokenizer, [record.output for record in learnt], base)
    texts = encode_records(tokenizer, learnt, settings.max_length)
    if not texts.input_ids:
        raise UserError(f"{records}: no prompt is shorter than finetune.max_length ({settings.max_length}). Raise it.")
    key = fingerprint([settings.model_dump()], base, [*texts.input_ids, *texts.labels])
    folder = work / f"finetune-{key}"
    checkpoints = checkpoint_folder(folder, resources)
    # The arguments come before the model: with ZeRO-3 they decide how its weights are loaded.
    arguments = training_arguments(settings, resources, checkpoints, gpu)
    trainer = build_trainer(load_base(base, settings, gpu), tokenizer, texts, lora_config(settings), arguments)
    if trainer.is_world_process_zero():
        print(f"{base}: {known}")
    with disk_space_needed(folder):
        losses = train(trainer)
    found = summarise(texts, trainer) | {"losses": losses}
    if trainer.is_world_process_zero():
        with disk_space_needed(adapter):
            with replacing(adapter) as temporary:
                shutil.copytree(checkpoints / "adapter", temporary)
            write_json(log, found)
        shutil.rmtree(folder)
    return found


if __name__ == "__main__":
    run(main)
