"""Significance: are the coders' differences more than the luck of the evaluated patients (paper, section 6.2)?"""

from pathlib import Path

import pandas as pd

from synthnotes.coding import predictions
from synthnotes.coding.labels import label_matrix, read_code_set
from synthnotes.coding.outcomes import Outcome, measure_notes
from synthnotes.corpus import notes
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish
from synthnotes.machinery.params import DisclosureParams, SignificanceParams
from synthnotes.significance.coder_differences import compare, tidy


def main(evaluation: Path, codes: Path, coders: Path, results: Path, differences: Path) -> str:
    """Compares the coders in the folder `coders` pair by pair, by their predictions for the notes of E."""
    settings = params.load("significance", SignificanceParams)
    code_set = read_code_set(codes)
    evaluated = notes.read(evaluation)
    truth = label_matrix(evaluated, code_set)
    patients, _ = pd.factorize(evaluated["patient_id"])

    def outcome_of(folder: Path) -> Outcome:
        predicted = predictions.load(folder)
        aligned = predictions.align(predicted, evaluated["note_id"].tolist(), code_set, str(folder))
        return measure_notes(aligned, truth, patients)

    outcomes = {
        training: [outcome_of(coders / f"{training}-{seed}") for seed in seeds]
        for training, seeds in params.load_seeds().items()
    }
    comparison = compare(outcomes, settings)

    disclosure = params.load("disclosure", DisclosureParams)
    publish(differences, tidy(comparison), disclosure)
    publish(results, comparison, disclosure)
    return f"{comparison['notes']} notes of {comparison['patients']} patients; micro-F1 " + ", ".join(
        "{} {:+.3f} [{:+.3f}, {:+.3f}]".format(
            name.replace("_", " "), *(test[of] for of in ("difference", "low", "high"))
        )
        for name, test in ((name, pair["differences"]["micro"]["f1"]) for name, pair in comparison["pairs"].items())
    )


if __name__ == "__main__":
    run(main)
