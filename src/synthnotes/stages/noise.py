"""Noise: a coder trained on real notes with noise of one kind and level (paper, 6.3.4)."""

from pathlib import Path

from synthnotes.coding.labels import read_code_set
from synthnotes.coding.plm_icd import coder as coders
from synthnotes.corpus import notes
from synthnotes.errors.noise import LANGUAGES, add_noise, changes, dictionary
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish
from synthnotes.machinery.workdir import work_folder


def main(
    corpus: str,
    hypothesis: str,
    level: int,
    seed: int,
    training: Path,
    evaluation: Path,
    encoder: Path,
    codes: Path,
    work: Path,
    coder: Path,
    results: Path,
) -> str:
    """Trains a coder on notes with noise, and evaluates it as the stage `coding` does."""
    settings = params.load("coding")
    noise = params.load("noise")
    code_set = read_code_set(codes)
    clean = notes.read(training)
    words = dictionary(LANGUAGES[corpus], noise.dictionary_words)
    noisy = add_noise(clean, hypothesis, level, noise.words_replaced_in_noisy_note, words, noise.seed)
    counts = changes(clean["text"].tolist(), noisy["text"].tolist())
    with work_folder(work / coders.work_name(noisy, encoder, code_set, settings, seed)) as checkpoints:
        experiment = coders.run(noisy, notes.read(evaluation), encoder, code_set, settings, seed, checkpoints)
        coders.save(coder, experiment, settings)
        publish(results, {"noise": counts} | experiment.results, params.load("disclosure"))
    changed = f"{counts['words_changed']} of {counts['words']} words changed"
    return f"{hypothesis} at {level} %, {changed}, {coders.summary(experiment.results)}"


if __name__ == "__main__":
    run(main)
