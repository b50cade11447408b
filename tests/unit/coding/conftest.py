"""A tiny encoder folder of each kind, with random weights and a tokenizer of its own, and notes to learn from."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_models import FILLERS, SYMPTOMS, save_encoder, save_tokenizer

from synthnotes.machinery.params import CodingParams


def coding_settings(**changes) -> CodingParams:
    values = {
        "chunk_tokens": 8,
        "max_words": 100,
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
        "join_lines": True,
        "real_l_validation": "real_s",
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
