"""Puts what the tests of the corpora share beside them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from own_data import parameters_of_own_data


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder, and the working one, with the parameters for own data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(parameters_of_own_data())
    return tmp_path
