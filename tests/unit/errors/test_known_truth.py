"""Noise that is known is found: coders learn from notes with noise, some of them in the place of synthetic notes."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from synthnotes.errors.noise_comparison import Noise, compare
from synthnotes.errors.word_noise import add_noise, list_words
from synthnotes.machinery import params
from synthnotes.machinery.params import CodingParams, HypothesesParams

CODES = [f"{letter}{number}0.1" for letter in "AEIJ" for number in range(1, 8)]
# Four frequent codes, which no loss of notes makes hard to learn, and rare ones, for which each note counts.
SHARES = [0.4] * 4 + np.linspace(0.142, 0.05, len(CODES) - 4).tolist()
DECOYS = 1.5  # a note shows one sign of a code that it does not have so many times as often as the code itself
FILLERS = ["the", "patient", "came", "with", "and", "stayed", "for", "two", "days", "then", "went", "home", "again"]
LEVELS = (30, 60)  # at 10 % both kinds do little, and H2 at 30 % resembles H1 at 10 %
CODING = {"chunk_tokens": 64, "max_words": 400, "batch": 8, "epochs": 8, "learning_rate": 3e-3, "warmup_steps": 30}
SETTINGS = HypothesesParams(bins=8, significance_level=0.05)


def note_table(count, seed, fold):
    """Notes whose codes show by two signs together, each written twice; one sign alone is a decoy.

    So H1, which takes one sign and leaves the other, teaches that a decoy is a code, for every code alike. H2 leaves
    fewer notes to learn from, and so harms rare codes.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        codes = [code for code, share in zip(CODES, SHARES, strict=True) if rng.random() < share] or [CODES[0]]
        words = rng.choice(FILLERS, size=rng.integers(5, 25)).tolist()
        words += [f"{sign}{CODES.index(code)}" for code in codes for sign in ("pain", "swelling")] * 2
        absent = [
            code for code, share in enumerate(SHARES) if CODES[code] not in codes and rng.random() < DECOYS * share
        ]
        words += [f"{rng.choice(['pain', 'swelling'])}{code}" for code in absent] * 2
        rng.shuffle(words)
        rows.append((f"{fold}{number}", f"p{number}", " ".join(words), codes, codes, fold))
    return pd.DataFrame(rows, columns=["note_id", "patient_id", "text", "codes", "descriptions", "fold"])


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A tiny encoder with random weights that knows the words of the notes, and no word of the noise."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaModel

    folder = tmp_path_factory.mktemp("encoder")
    signs = [f"{sign}{number}" for sign in ("pain", "swelling") for number in range(len(CODES))]
    words = ["<s>", "<pad>", "</s>", "<unk>", *FILLERS, *signs]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    torch.manual_seed(3)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    config = RobertaConfig(vocab_size=len(words), max_position_embeddings=130, pad_token_id=1, **sizes)
    RobertaModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trained_with(encoder):
    """Makes real coders, trained on some notes with noise of some kind: each with seeds of its own for both."""
    from synthnotes.coding.labels import label_matrix
    from synthnotes.coding.outcomes import decide
    from synthnotes.coding.plm_icd import coder

    evaluation = note_table(400, 3, "evaluation")
    truth = label_matrix(evaluation, CODES)
    words = list_words("en", 5000)
    settings = params.load("coding", CodingParams).model_copy(update=CODING)

    def make(training, noise, seeds):
        experiments = [
            coder.run(
                add_noise(training, noise.hypothesis, noise.level, 0.9, words, seed),
                evaluation,
                encoder,
                CODES,
                settings,
                seed,
            )
            for seed in seeds
        ]
        return [decide(experiment.predictions, truth, np.arange(len(evaluation))) for experiment in experiments]

    def attributed(synthetic, noisy, training):
        frequency = label_matrix(training, CODES).sum(axis=0, dtype=int)
        return compare(synthetic, noisy, frequency, evaluation["text"].str.split().str.len().to_numpy(), SETTINGS)

    return make, attributed


def training_notes(count, validation):
    return pd.concat([note_table(count, 1, "train"), note_table(validation, 2, "validation")], ignore_index=True)


def test_much_noise_in_all_notes_is_told_from_little_in_some(trained_with):
    """Of these coders: one seed each tells nothing about the kinds of noise."""
    make, attributed = trained_with
    training = training_notes(200, 60)
    noisy = {noise: make(training, noise, [1]) for noise in (Noise("h1", 60), Noise("h2", 10))}
    for noise in noisy:
        winner = attributed(make(training, noise, [2]), noisy, training)["winner"]
        assert (winner["hypothesis"], winner["noise_level"], winner["verdict"]) == (*noise, "too few seeds")
        assert winner["lead"]["low"] > 0


@pytest.fixture(scope="module")
def levels(trained_with):
    """Four coders of each kind and level of noise."""
    training, (make, _) = training_notes(400, 120), trained_with
    kinds = [Noise(*kind) for kind in product(("h1", "h2"), LEVELS)]
    return training, {noise: make(training, noise, range(10 * row, 10 * row + 4)) for row, noise in enumerate(kinds)}


@pytest.mark.slow
@pytest.mark.parametrize(("hypothesis", "seed"), [("h1", 100), ("h2", 200)])
def test_noise_at_30_per_cent_is_attributed_to_its_hypothesis_and_level(trained_with, levels, hypothesis, seed):
    """Means over four seeds each; the level may lie between those that coders were trained with."""
    (make, attributed), (training, noisy) = trained_with, levels
    synthetic = make(training, Noise(hypothesis, 30), range(seed, seed + 4))
    winner = attributed(synthetic, noisy, training)["winner"]
    assert (winner["hypothesis"], winner["verdict"]) == (hypothesis, hypothesis)
    assert 30 <= winner["noise_level"] < 45  # nearer to 30 than to 60: curves are not quite linear between levels
    assert winner["noise_level_low"] <= winner["noise_level"] <= winner["noise_level_high"]
