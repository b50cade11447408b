"""Coding: a PLM-ICD coder trained on one set of notes, and what it predicts for the notes of E (paper, section 6.1)."""

import sys
from pathlib import Path

import torch

from synthnotes.coding.labels import read_code_set, taught_by
from synthnotes.coding.plm_icd import coder as coders
from synthnotes.coding.plm_icd.training import processes
from synthnotes.corpus import notes
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import work_folder
from synthnotes.machinery.params import CodingParams
from synthnotes.machinery.resources import (
    CodingMachine,
    check_processes,
    count_threads,
    launch,
    launch_command,
    launched,
    load_resources,
)


def main(
    corpus: str,
    seed: int,
    training: Path,
    validation: Path,
    evaluation: Path,
    encoder: Path,
    models: Path,
    codes: Path,
    accelerate: Path,
    work: Path,
    coder: Path,
) -> str:
    """Trains a coder on the notes of one table, or takes one that exists, and lets it read those of `evaluation`.

    Where the notes of validation are those of training, their folds say which is which.
    """
    settings, resources = params.load("coding", CodingParams, corpus), load_resources("coding", CodingMachine)
    if resources.processes > 1 and not launched():
        check_processes("coding", resources.processes, "ddp", torch.cuda.device_count())
        command = launch_command(accelerate / "ddp.yaml", resources.processes, "synthnotes.stages.coding", sys.argv[1:])
        launch(command, "coding")
        return f"trained by {resources.processes} processes"
    torch.set_num_threads(count_threads(resources.threads))
    together = processes()
    code_set, evaluated = read_code_set(codes), notes.read(evaluation)
    taught = taught_by(notes.read(training), notes.read(validation) if validation != training else None)
    weights: dict[str, dict[int, str]] = dict(params.declaration(corpus).weights.items())
    existing = weights.get(training.stem, {}).get(seed)
    size = min(resources.micro_batch, settings.batch)
    with work_folder(work / coders.work_name(taught, encoder, code_set, settings, seed)) as checkpoints:
        if existing is None:
            experiment = coders.run(taught, evaluated, encoder, code_set, settings, seed, size, checkpoints)
        else:
            experiment = coders.run_existing(models / existing, taught, evaluated, code_set, settings, size)
        if together.is_main_process:
            coders.save(coder, experiment, settings)
        together.wait_for_everyone()
    return coders.summary(experiment)


if __name__ == "__main__":
    run(main)
