"""Errors: what the coders trained on real and on synthetic notes get wrong, and where (paper, 6.3.1 to 6.3.3)."""

from pathlib import Path

import pandas as pd

from synthnotes.coding import predictions
from synthnotes.coding.labels import label_matrix, read_code_set, teaching
from synthnotes.corpus import notes
from synthnotes.errors import calibration as reliability
from synthnotes.errors import curves, error_analysis, f1_changes, families
from synthnotes.errors.error_analysis import AnalysedCoder
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish
from synthnotes.machinery.params import CodingParams, DisclosureParams, ErrorsParams


def main(
    corpus: str,
    evaluation: Path,
    codes: Path,
    real_training: Path,
    real_coder: Path,
    synthetic_training: Path,
    synthetic_coder: Path,
    results: Path,
    frequency: Path,
    length: Path,
    chapters: Path,
    confusion: Path,
    calibration: Path,
    by_code: Path,
) -> str:
    """Analyses the predictions of both coders for E side by side."""
    settings, disclosure = params.load("errors", ErrorsParams), params.load("disclosure", DisclosureParams)
    limit = params.load("coding", CodingParams, corpus).max_words
    code_set = read_code_set(codes)
    evaluated = notes.read(evaluation)
    truth = label_matrix(evaluated, code_set)
    patients, _ = pd.factorize(evaluated["patient_id"])

    def coder(training: Path, folder: Path) -> AnalysedCoder:
        targets = label_matrix(teaching(notes.read(training)), code_set)
        predicted = predictions.load(folder)
        aligned = predictions.align(predicted, evaluated["note_id"].tolist(), code_set, str(folder))
        return error_analysis.take_coder(aligned, truth, patients, targets, settings)

    coders = coder(real_training, real_coder), coder(synthetic_training, synthetic_coder)
    words = evaluated["text"].str.split().str.len().to_numpy()
    found = error_analysis.analyse(*coders, words, settings, limit, disclosure.minimum_patients)

    publish(frequency, curves.table(found.frequency, "coder"), disclosure)
    publish(length, curves.table(found.length, "coder"), disclosure)
    publish(chapters, families.distribution_table(found.chapters), disclosure)
    publish(confusion, families.confusion_table(found.confusion), disclosure)
    publish(calibration, reliability.table(found.calibration), disclosure)
    publish(by_code, f1_changes.table(found.codes), disclosure)
    publish(results, found.results, disclosure)
    wrong = {name: found.results[name]["families"] for name in (error_analysis.REAL, error_analysis.SYNTHETIC)}
    return f"{len(evaluated)} notes; wrong codes " + ", ".join(
        f"{name} {counts['wrong']} ({counts['out_of_family']} out of family)" for name, counts in wrong.items()
    )


if __name__ == "__main__":
    run(main)
