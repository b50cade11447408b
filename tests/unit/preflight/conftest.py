"""A tiny generator and records to plan its training with; and puts the paper's scale beside the tests."""

import sys
from pathlib import Path

import pytest
from tiny_models import WORDS, make_generator

import synthnotes  # noqa: F401  (sets the offline environment)
from synthnotes.generation.records import Record
from synthnotes.machinery.language import LANGUAGES, read_language

sys.path.insert(0, str(Path(__file__).parent))
ENGLISH = read_language(LANGUAGES / "en.yaml")


@pytest.fixture(scope="session")
def generator(tmp_path_factory) -> Path:
    return make_generator(tmp_path_factory.mktemp("models") / "generator")


@pytest.fixture(scope="session")
def records() -> list[Record]:
    return [
        Record(
            id=f"n{n}",
            instruction="",
            input=[f"Disease {WORDS[n % 5]}"] * (n % 4),
            output=" ".join(5 * WORDS)[: 9 * n + 9].strip(),
            prompt=ENGLISH.render_prompt([f"Disease {WORDS[n % 5]}"] * (n % 4)),
        )
        for n in range(24)
    ]
