"""A tiny encoder folder of each kind, with random weights and a tokenizer of its own, and notes to learn from."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, RobertaConfig, RobertaModel

from synthnotes.machinery.sections import CodingParams

SYMPTOMS = {"I10": "pressure", "E11.9": "sugar", "J18.9": "cough", "0DTJ4ZZ": "appendix"}
FILLERS = ["the", "patient", "came", "with", "and", "stayed", "for", "two", "days", "then", "went", "home"]


def coding_settings(**changes) -> CodingParams:
    values = {
        "real_l_validates_on": "S",
        "chunk_tokens": 8,
        "max_words": 100,
        "join_lines": True,
        "batch": 8,
        "epochs": 2,
        "patience": None,
        "learning_rate": 3e-3,
        "warmup_steps": 2,
        "weight_decay": 0.0,
        "precision": "float32",
        "threshold_steps": 20,
        "bias_from_frequencies": True,
        "attend_to_padding": False,
        "weights": {"mimic": {}, "sepr": {}},
    }
    return CodingParams(**(values | changes))


def note_table(count: int, seed: int, fold: str) -> pd.DataFrame:
    """Notes that name a symptom of each of their codes, among fillers."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        codes = sorted(rng.choice(list(SYMPTOMS), size=rng.integers(1, 3), replace=False).tolist())
        words = rng.choice(FILLERS, size=rng.integers(3, 20)).tolist() + [SYMPTOMS[code] for code in codes]
        rng.shuffle(words)
        rows.append((f"{fold}-{i}", f"p{i}", " ".join(words), codes, [], fold))
    return pd.DataFrame(rows, columns=["note_id", "patient_id", "text", "codes", "descriptions", "fold"])


def save_tokenizer(folder: Path, special_tokens: bool = True) -> None:
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(special_tokens=["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.train_from_iterator([*FILLERS, *SYMPTOMS.values()], trainer)
    if special_tokens:
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)


def save_encoder(folder: Path, kind: str = "roberta") -> Path:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(3)
    if kind == "roberta":
        model = RobertaModel(RobertaConfig(vocab_size=40, max_position_embeddings=40, pad_token_id=1, **sizes))
    else:
        model = BertModel(BertConfig(vocab_size=40, max_position_embeddings=40, pad_token_id=1, **sizes))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def settings():
    """Makes the section `coding` with some values changed."""
    return coding_settings


@pytest.fixture
def notes_of():
    """Makes a note table."""
    return note_table


@pytest.fixture(name="save_tokenizer")
def save_tokenizer_fixture():
    """Saves the tiny tokenizer, with or without special tokens around a note."""
    return save_tokenizer


@pytest.fixture(name="save_encoder")
def save_encoder_fixture():
    """Saves a tiny encoder of some architecture."""
    return save_encoder


@pytest.fixture
def tables():
    """A training table with both folds, and an evaluation table."""

    def make(train: int, validation: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        folds = [note_table(train, 1, "train"), note_table(validation, 2, "validation")]
        return pd.concat(folds, ignore_index=True), note_table(20, 3, "evaluation")

    return make
