"""A tiny, randomly initialised generator of its own vocabulary, and records to train it on."""

import random
from pathlib import Path

import pytest
from tiny_models import WORDS, make_generator

import synthnotes  # noqa: F401  (sets the offline environment)
from synthnotes.generation.records import Record


@pytest.fixture(scope="session")
def generator(tmp_path_factory) -> Path:
    return make_generator(tmp_path_factory.mktemp("models") / "generator")


@pytest.fixture(scope="session")
def records() -> list[Record]:
    chance = random.Random(7)
    return [
        Record(
            id=f"n{number}",
            instruction="",
            input=[f"Disease {chance.choice(WORDS)}" for _ in range(chance.randint(0, 3))],
            output=" ".join(chance.choices(WORDS, k=chance.randint(3, 25))),
        )
        for number in range(24)
    ]
