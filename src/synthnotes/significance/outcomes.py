"""What a coder did with each evaluated note: all that its metrics, and the tests of their differences, are made of.

The matrices of notes by codes are nearly empty, so they are kept sparse: at the paper's size, 19,802 notes and 7,942
codes, a resample of all metrics then costs milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Areas:
    """What each note contributes to the areas under a coder's ROC curves, to first order; `areas.take_apart` makes it.

    Attributes:
        placements: for each true code of a note, the share of the notes without the code that have a smaller
            probability of it, ties counted half: [notes, codes].
        macro_negatives: how much more than others a note adds to the mean area, as one that lacks most codes: [notes].
        micro_placements: the share of all false codes of all notes that have a smaller probability than a true code of
            the note, summed over these: [notes].
        micro_negatives: how much more than others the note's false codes add to the micro area, summed over these:
            [notes].
    """

    placements: sparse.csr_array
    macro_negatives: np.ndarray
    micro_placements: np.ndarray
    micro_negatives: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """One coder's outcome on the notes of E.

    Attributes:
        truth: bool [notes, codes], over the codes that occur in these notes.
        predicted: bool [notes, codes].
        means: for each metric that is a mean over the notes, each note's value: [notes].
        patients: the patient of each note, as an index from 0: [notes].
        areas: under the ROC curves; None where decisions alone are looked at.
        collapsed: whether the coder reads nothing, see `coding.collapse`.
    """

    truth: sparse.csr_array
    predicted: sparse.csr_array
    means: Mapping[str, np.ndarray]
    patients: np.ndarray
    areas: Areas | None = None
    collapsed: bool = False

    @property
    def correct(self) -> sparse.csr_array:
        """Which codes are predicted and true: bool [notes, codes]."""
        return self.truth.multiply(self.predicted).tocsr()

    def by_patient(self, notes: sparse.csr_array | np.ndarray) -> sparse.csr_array | np.ndarray:
        """Sums of what belongs to the notes, [notes, …], over the notes of each patient: [patients, …]."""
        count = len(self.patients)
        membership = sparse.csr_array(
            (np.ones(count), (self.patients, np.arange(count))), shape=(self.patients.max() + 1, count)
        )
        return membership @ notes.astype(np.float64)
