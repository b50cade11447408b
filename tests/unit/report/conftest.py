"""A whole set of artificial results, and the report's own sources."""

import sys
from pathlib import Path

import pytest
import yaml

from synthnotes.base import params

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(Path(__file__).parent))

import artificial  # noqa: E402


@pytest.fixture(scope="session")
def paper():
    return ROOT / "paper"


@pytest.fixture
def run_of(tmp_path, paper):
    """Writes the parameters and results of a run with the given corpora; returns both paths."""

    def make(corpora=("mimic", "sepr"), **changes):
        values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")) | {"corpora": list(corpora)}
        for section, change in changes.items():
            values[section] |= change
        file = tmp_path / "params.yaml"
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
        artificial.write(tmp_path / "results", params.read(file), paper / "published" / "ratings.csv")
        return file, tmp_path / "results"

    return make
