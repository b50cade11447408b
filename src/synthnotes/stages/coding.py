"""Utility: a PLM-ICD coder trained on one set of notes and evaluated on real ones (paper, 6.1 and 6.2)."""

from pathlib import Path

from synthnotes import notes, params
from synthnotes.cli import run
from synthnotes.coding import coder as coders
from synthnotes.coding.labels import read_code_set
from synthnotes.files import write_csv, write_json


def main(training: Path, evaluation: Path, encoder: Path, codes: Path, coder: Path, results: Path, curve: Path) -> str:
    """Trains a coder on the notes of one table and evaluates it on those of another."""
    settings = params.load("coding")
    code_set = read_code_set(codes)
    experiment = coders.run(notes.read(training), notes.read(evaluation), encoder, code_set, settings)
    coders.save(coder, experiment, settings)
    write_csv(curve, experiment.curve)
    write_json(results, experiment.results)
    return coders.summary(experiment.results)


if __name__ == "__main__":
    run(main)
