"""Noise: a coder trained on real notes with noise of one kind and level (paper, section 6.3.4)."""

from pathlib import Path

import torch

from synthnotes.coding.labels import read_code_set
from synthnotes.coding.plm_icd import coder as coders
from synthnotes.coding.predictions import NOISE_FILE
from synthnotes.corpus import notes
from synthnotes.errors.word_noise import add_noise, changes
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import work_folder, write_json
from synthnotes.machinery.params import CodingParams, NoiseParams
from synthnotes.machinery.resources import CodingMachine, count_threads, load_resources


def main(
    corpus: str,
    hypothesis: str,
    noise_level: int,
    seed: int,
    training: Path,
    evaluation: Path,
    encoder: Path,
    codes: Path,
    words: Path,
    work: Path,
    coder: Path,
) -> str:
    """Trains a coder on notes with noise, and lets it read E as the stage `coding` does."""
    settings, noise = params.load("coding", CodingParams, corpus), params.load("noise", NoiseParams)
    resources = load_resources("coding", CodingMachine)
    torch.set_num_threads(count_threads(resources.threads))
    code_set = read_code_set(codes)
    clean = notes.read(training)
    dictionary = words.read_text(encoding="utf-8").split()
    noisy = add_noise(clean, hypothesis, noise_level, noise.words_replaced_in_noisy_note, dictionary, noise.seed)
    counts = changes(clean["text"].tolist(), noisy["text"].tolist())
    size = min(resources.micro_batch, settings.batch)
    with work_folder(work / coders.work_name(noisy, encoder, code_set, settings, seed)) as checkpoints:
        experiment = coders.run(noisy, notes.read(evaluation), encoder, code_set, settings, seed, size, checkpoints)
        coders.save(coder, experiment, settings)
        write_json(coder / NOISE_FILE, counts)
    changed = f"{counts['words_changed']} of {counts['words']} words changed"
    return f"{hypothesis} at {noise_level} %, {changed}, {coders.summary(experiment)}"


if __name__ == "__main__":
    run(main)
