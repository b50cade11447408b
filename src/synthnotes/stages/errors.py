"""Errors: what the coders trained on real and on synthetic notes get wrong, and where (paper, 6.3.1 to 6.3.3)."""

from pathlib import Path

from synthnotes import notes, params
from synthnotes.cli import run
from synthnotes.coding import predictions
from synthnotes.coding.labels import label_matrix, read_code_set
from synthnotes.errors.analysis import Coder, analyse
from synthnotes.errors.decisions import decide
from synthnotes.files import write_csv, write_json


def main(
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
) -> str:
    """Analyses the predictions of both coders for E side by side."""
    settings = params.load("errors")
    limit = params.load("coding").max_words
    code_set = read_code_set(codes)
    evaluated = notes.read(evaluation)

    def coder(training: Path, folder: Path) -> Coder:
        decisions = decide(predictions.load(folder), evaluated, code_set, str(folder))
        return Coder(decisions, label_matrix(notes.read(training), code_set))

    coders = {"real": coder(real_training, real_coder), "synthetic": coder(synthetic_training, synthetic_coder)}
    words = evaluated["text"].str.split().str.len().to_numpy()
    analysis = analyse(coders, words, settings, limit)

    write_csv(frequency, analysis.frequency)
    write_csv(length, analysis.length)
    write_csv(chapters, analysis.chapters)
    write_json(results, analysis.results)
    wrong = {name: of_coder["families"] for name, of_coder in analysis.results.items()}
    return f"{len(evaluated)} notes; wrong codes " + ", ".join(
        f"{name} {counts['wrong']} ({counts['out_of_family']} out of family)" for name, counts in wrong.items()
    )


if __name__ == "__main__":
    run(main)
