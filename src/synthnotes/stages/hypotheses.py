"""Hypotheses: which noise in real notes resembles what ails the synthetic ones (paper, 6.3.4)."""

from itertools import product
from pathlib import Path

from synthnotes import notes, params
from synthnotes.cli import run
from synthnotes.coding import predictions
from synthnotes.coding.labels import label_matrix, read_code_set
from synthnotes.errors.decisions import Decisions, decide
from synthnotes.errors.hypotheses import Noise, compare
from synthnotes.files import write_csv, write_json


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

    def decisions(folder: Path) -> Decisions:
        return decide(predictions.load(folder), evaluated, code_set, str(folder))

    kinds = [Noise(*kind) for kind in product(noise.hypotheses, noise.levels)]
    noisy = {kind: decisions(noisy_coders / str(kind)) for kind in kinds}
    frequency = label_matrix(notes.read(training), code_set).sum(axis=0, dtype=int)
    words = evaluated["text"].str.split().str.len().to_numpy()
    comparison, table = compare(decisions(synthetic_coder), noisy, frequency, words, settings.bins)

    write_csv(curves, table)
    write_json(results, comparison)
    winner = comparison["winner"]
    return f"nearest to synthetic: {winner['hypothesis']} at {winner['level']} %, {winner['distance']:.3f} F1 apart"


if __name__ == "__main__":
    run(main)
