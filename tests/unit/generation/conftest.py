"""A tiny, randomly initialised generator of its own vocabulary, and records to train it on."""

import random
from pathlib import Path

import pytest
from tiny_models import WORDS, make_generator

import synthnotes  # noqa: F401  (sets the offline environment)
from synthnotes.generation.records import Record
from synthnotes.machinery.language import LANGUAGES, read_language

ENGLISH = read_language(LANGUAGES / "en.yaml")


@pytest.fixture(scope="session")
def generator(tmp_path_factory) -> Path:
    return make_generator(tmp_path_factory.mktemp("models") / "generator")


@pytest.fixture(scope="session")
def records() -> list[Record]:
    chance, made = random.Random(7), []
    for number in range(24):
        titles = [f"Disease {chance.choice(WORDS)}" for _ in range(chance.randint(0, 3))]
        note = " ".join(chance.choices(WORDS, k=chance.randint(3, 25)))
        made.append(Record(f"n{number}", "", titles, note, ENGLISH.render_prompt(titles)))
    return made
