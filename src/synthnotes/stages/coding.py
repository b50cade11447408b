"""Utility: a PLM-ICD coder trained on one set of notes and evaluated on real ones (paper, 6.1 and 6.2)."""

import sys
from pathlib import Path

import torch

from synthnotes.coding.groups import by_group, frequency_groups, kind_groups
from synthnotes.coding.labels import label_matrix, read_code_set, read_kinds
from synthnotes.coding.plm_icd import coder as coders
from synthnotes.coding.plm_icd.processes import join
from synthnotes.corpus import notes
from synthnotes.machinery import params
from synthnotes.machinery.accelerate_launch import check_processes, launch, launch_command, launched
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish
from synthnotes.machinery.files import read_json
from synthnotes.machinery.workdir import work_folder


def main(
    corpus: str,
    seed: int,
    training: Path,
    evaluation: Path,
    encoder: Path,
    models: Path,
    codes: Path,
    accelerate: Path,
    work: Path,
    coder: Path,
    results: Path,
    curve: Path,
) -> str:
    """Trains a coder on the notes of one table, or takes one that exists, and evaluates it on those of another."""
    settings = params.load("coding")
    if settings.processes > 1 and not launched():
        check_processes("coding", settings.processes, "ddp", torch.cuda.device_count())
        config = accelerate / "ddp.yaml"
        launch(launch_command(config, settings.processes, "synthnotes.stages.coding", sys.argv[1:]), "coding")
        return coders.summary(read_json(results))
    processes = join()
    code_set = read_code_set(codes)
    taught, evaluated = notes.read(training), notes.read(evaluation)
    frequency = label_matrix(taught[taught["fold"] == "train"], code_set).sum(axis=0, dtype=int)
    groups = frequency_groups(frequency) | kind_groups(read_kinds(codes))
    existing = settings.weights[corpus].get(f"{training.stem}-{seed}")
    with work_folder(work / coders.work_name(taught, encoder, code_set, settings, seed)) as checkpoints:
        if existing is None:
            experiment = coders.run(taught, evaluated, encoder, code_set, settings, seed, checkpoints, processes)
        else:
            experiment = coders.run_existing(models / existing, taught, evaluated, code_set, settings)
        truth, predicted = label_matrix(evaluated, code_set).toarray(), experiment.predictions
        by_groups = by_group(
            truth, predicted.probabilities, predicted.predicted, groups, evaluated["patient_id"].to_numpy()
        )
        if processes.is_first:
            coders.save(coder, experiment, settings)
            disclosure = params.load("disclosure")
            publish(curve, experiment.curve, disclosure)
            publish(results, experiment.results | {"groups": by_groups}, disclosure)
        processes.wait()
    return coders.summary(experiment.results)


if __name__ == "__main__":
    run(main)
