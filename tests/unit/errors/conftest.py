"""Decisions from dense tables, as tests write them by hand."""

import numpy as np
import pytest
from scipy import sparse

from synthnotes.errors.decisions import Decisions


@pytest.fixture(name="decisions_of")
def decisions_of_fixture():
    """Makes decisions; without `patients`, each note has a patient of its own."""

    def make(codes, truth, predicted, patients=None):
        truth, predicted = (sparse.csr_array(np.array(table, dtype=bool)) for table in (truth, predicted))
        patients = np.arange(truth.shape[0]) if patients is None else np.array(patients)
        return Decisions(list(codes), truth, predicted, patients)

    return make
