"""Noise that is known is found: coders learn from notes with noise, one of them in the place of synthetic notes."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from synthnotes.base import params
from synthnotes.base.sections import HypothesesParams
from synthnotes.errors.hypotheses import Noise, compare
from synthnotes.errors.noise import add_noise, dictionary

CODES = [f"{letter}{number}0.1" for letter in "AEIJ" for number in range(1, 5)]
FILLERS = ["the", "patient", "came", "with", "and", "stayed", "for", "two", "days", "then", "went", "home", "again"]
LEVELS = (10, 30, 60)
CODING = {"chunk_tokens": 32, "max_words": 400, "batch": 8, "epochs": 8, "learning_rate": 3e-3, "warmup_steps": 30}
SETTINGS = HypothesesParams(bins=5, resamples=300, level=0.05, seed=1)


def note_table(count, seed, fold):
    """Notes whose codes show by two signs together; one sign alone is a decoy. Codes differ much in frequency.

    So noise in every note makes decoys of signs, which misleads; noise in some notes leaves fewer to learn from.
    """
    rng = np.random.default_rng(seed)
    shares = 0.5 / np.arange(1, len(CODES) + 1) ** 0.6
    rows = []
    for number in range(count):
        codes = [code for code, share in zip(CODES, shares, strict=True) if rng.random() < share] or [CODES[0]]
        words = rng.choice(FILLERS, size=rng.integers(10, 60)).tolist()
        words += [f"{sign}{CODES.index(code)}" for code in codes for sign in ("pain", "swelling")]
        decoys = [number for number, share in enumerate(shares) if CODES[number] not in codes and rng.random() < share]
        words += [f"{rng.choice(['pain', 'swelling'])}{number}" for number in decoys]
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
    config = RobertaConfig(vocab_size=len(words), max_position_embeddings=64, pad_token_id=1, **sizes)
    RobertaModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def coder_with(encoder):
    """The decisions of the real coder, trained on notes with noise of some kind and seed."""
    from synthnotes.coding.labels import label_matrix
    from synthnotes.coding.plm_icd import coder
    from synthnotes.errors.decisions import decide

    training = pd.concat([note_table(500, 1, "train"), note_table(200, 2, "validation")], ignore_index=True)
    evaluation = note_table(400, 3, "evaluation")
    truth = label_matrix(evaluation, CODES)
    words = dictionary("en", 5000)
    settings = params.load("coding").model_copy(update=CODING)

    def make(noise, seed):
        noisy = add_noise(training, noise.hypothesis, noise.level, 0.9, words, seed)
        experiment = coder.run(noisy, evaluation, encoder, CODES, settings, 7)
        return decide(experiment.predictions, truth, np.arange(len(evaluation)))

    frequency = label_matrix(training, CODES).sum(axis=0, dtype=int)
    return make, frequency, evaluation["text"].str.split().str.len().to_numpy()


@pytest.fixture(scope="module")
def noisy(coder_with):
    make, _, _ = coder_with
    return {Noise(*kind): make(Noise(*kind), 1) for kind in product(("h1", "h2"), LEVELS)}


@pytest.mark.slow
@pytest.mark.parametrize("hypothesis", ["h1", "h2"])
def test_noise_at_30_per_cent_is_attributed_to_its_hypothesis_and_level(coder_with, noisy, hypothesis):
    make, frequency, words = coder_with
    synthetic = make(Noise(hypothesis, 30), seed=99)
    results = compare(synthetic, noisy, frequency, words, SETTINGS)
    # Which level is the nearest varies with the coder's seed where levels differ little (H2 at 10 and 30 %).
    assert results["winner"]["hypothesis"] == hypothesis
    assert results["winner"]["level_low"] <= 30 <= results["winner"]["level_high"]
    assert results["winner"]["resamples_share"] > 0.5
    assert results["winner"]["verdict"] in (hypothesis, "undecided")  # never the other one
