"""What several chapters' tests share."""

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="session")
def studies():
    """The simulated studies of `make bench-coverage`, of which the truth is known."""
    spec = importlib.util.spec_from_file_location("simulated_studies", BENCHMARKS / "coverage.py")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(BENCHMARKS))  # where it finds `machine`
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module
