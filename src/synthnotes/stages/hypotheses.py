"""Hypotheses: which noise in real notes resembles what ails the synthetic ones (paper, section 6.3.4)."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pandas as pd

from synthnotes.coding import predictions
from synthnotes.coding.labels import label_matrix, read_code_set, teaching
from synthnotes.coding.outcomes import Outcome, count, decide
from synthnotes.corpus import notes
from synthnotes.errors.curves import table as curve_table
from synthnotes.errors.noise_comparison import SYNTHETIC, Noise, compare, tabulate
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish, setting
from synthnotes.machinery.files import read_json
from synthnotes.machinery.params import DisclosureParams, HypothesesParams, NoiseParams

TRAINING_SET = "synthetic_s"
READERS = 2  # of predictions at once; each takes a gigabyte or two at the paper's size


def main(
    evaluation: Path,
    codes: Path,
    training: Path,
    coders: Path,
    noisy_coders: Path,
    results: Path,
    curves: Path,
) -> str:
    """Compares the coders trained on noisy real notes, by hypothesis and level, with the synthetic-data coders.

    Of the folder `coders`, those of synthetic notes are read, one per seed of the run.
    """
    settings, noise = params.load("hypotheses", HypothesesParams), params.load("noise", NoiseParams)
    seeds = params.load("seeds", list)
    code_set = read_code_set(codes)
    evaluated = notes.read(evaluation)
    truth = label_matrix(evaluated, code_set)
    patients, _ = pd.factorize(evaluated["patient_id"])

    def outcome(folder: Path) -> Outcome:
        predicted = predictions.load(folder)
        aligned = predictions.align(predicted, evaluated["note_id"].tolist(), code_set, str(folder))
        return decide(aligned, truth, patients)

    kinds = [Noise(*kind) for kind in product(noise.hypotheses, noise.noise_levels)]
    folders = {kind: [noisy_coders / f"{kind}-{seed}" for seed in noise.seeds] for kind in kinds}
    with ThreadPoolExecutor(READERS) as readers:  # reading is mostly decompression, which threads do side by side
        of_synthetic = readers.map(outcome, [coders / f"{TRAINING_SET}-{seed}" for seed in seeds])
        read = {kind: readers.map(outcome, of_seeds) for kind, of_seeds in folders.items()}
        synthetic, found = list(of_synthetic), {kind: list(of_seeds) for kind, of_seeds in read.items()}
    frequency = count(label_matrix(teaching(notes.read(training)), code_set), axis=0)
    words = evaluated["text"].str.split().str.len().to_numpy()
    comparison = compare(synthetic, found, frequency, words, settings)
    changed = {str(kind): read_json(folders[kind][0] / predictions.NOISE_FILE) for kind in kinds}  # alike for all seeds
    named = {SYNTHETIC: synthetic} | {str(kind): of_seeds for kind, of_seeds in found.items()}

    disclosure = params.load("disclosure", DisclosureParams)
    publish(curves, curve_table(tabulate(named, frequency, words, settings.bins), "coder", "curve"), disclosure)
    # What noise has changed is drawn by chance, whatever the notes say.
    publish(results, comparison | {"noise": setting(changed)}, disclosure)
    nearest = "nearest to synthetic: {hypothesis} at {noise_level} %, {distance:.3f} F1 apart; verdict {verdict}"
    return nearest.format(**comparison["winner"])


if __name__ == "__main__":
    run(main)
