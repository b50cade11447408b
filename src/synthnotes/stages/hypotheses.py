"""Hypotheses: which noise in real notes resembles what ails the synthetic ones (paper, 6.3.4)."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pandas as pd

from synthnotes.base import notes, params
from synthnotes.base.cli import run
from synthnotes.base.disclosure import publish
from synthnotes.coding import predictions
from synthnotes.coding.labels import label_matrix, read_code_set
from synthnotes.errors.decisions import Decisions, count, decide
from synthnotes.errors.hypotheses import SYNTHETIC, Noise, compare, tabulate

READERS = 2  # of predictions at once; each takes a gigabyte or two at the paper's size


def main(
    evaluation: Path,
    codes: Path,
    training: Path,
    synthetic_coder: Path,
    noisy_coders: Path,
    results: Path,
    curves: Path,
) -> str:
    """Compares the coders trained on noisy real notes, one by hypothesis and level, with the synthetic-data coder."""
    settings = params.load("hypotheses")
    noise = params.load("noise")
    code_set = read_code_set(codes)
    evaluated = notes.read(evaluation)
    truth = label_matrix(evaluated, code_set)
    patients, _ = pd.factorize(evaluated["patient_id"])

    def decisions(folder: Path) -> Decisions:
        predicted = predictions.load(folder)
        aligned = predictions.align(predicted, evaluated["note_id"].tolist(), code_set, str(folder))
        return decide(aligned, truth, patients)

    synthetic = decisions(synthetic_coder)
    kinds = [Noise(*kind) for kind in product(noise.hypotheses, noise.levels)]
    with ThreadPoolExecutor(READERS) as readers:  # reading is mostly decompression, which threads do side by side
        noisy = dict(zip(kinds, readers.map(decisions, [noisy_coders / str(kind) for kind in kinds]), strict=True))
    frequency = count(label_matrix(notes.read(training), code_set), axis=0)
    words = evaluated["text"].str.split().str.len().to_numpy()
    comparison = compare(synthetic, noisy, frequency, words, settings)
    coders = {SYNTHETIC: synthetic} | {str(kind): of_kind for kind, of_kind in noisy.items()}

    disclosure = params.load("disclosure")
    publish(curves, tabulate(coders, frequency, words, settings.bins), disclosure)
    publish(results, comparison, disclosure)
    winner = comparison["winner"]
    return (
        f"nearest to synthetic: {winner['hypothesis']} at {winner['level']} %, {winner['distance']:.3f} F1 apart, "
        f"in {winner['resamples_share']:.0%} of the resamples; verdict {winner['verdict']}"
    )


if __name__ == "__main__":
    run(main)
