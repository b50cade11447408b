"""What several chapters' tests share."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from synthnotes.coding.outcomes import Outcome

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="session")
def studies():
    """The simulated studies of `make bench-coverage`, of which the truth is known."""
    spec = importlib.util.spec_from_file_location("simulated_studies", BENCHMARKS / "interval_coverage.py")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(BENCHMARKS))  # where it finds `machine`
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


@pytest.fixture(name="decisions_of")
def decisions_of_fixture():
    """Makes decisions; without `patients`, each note has a patient of its own."""

    def make(codes, truth, predicted, patients=None):
        truth, predicted = (sparse.csr_array(np.array(table, dtype=bool)) for table in (truth, predicted))
        patients = np.arange(truth.shape[0]) if patients is None else np.array(patients)
        return Outcome(truth, predicted, patients, list(codes))

    return make
