"""A coder's decisions beside the truth: what every analysis of errors starts from.

The matrices of notes by codes are nearly empty, so they are kept sparse: at the paper's size, 19,802 notes and 7,942
codes, a dozen coders then fit side by side.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from synthnotes.coding.collapse import reading
from synthnotes.coding.predictions import Predictions, above
from synthnotes.significance.outcomes import Outcome


@dataclass(frozen=True)
class Decisions:
    """Which codes a coder gives to the evaluated notes, and which they have.

    Attributes:
        codes: the code set, in the order of the columns.
        truth: bool [notes, codes].
        predicted: bool [notes, codes].
        patients: the patient of each note, as an index from 0: [notes].
        collapsed: whether the coder reads nothing, see `coding.collapse`.
    """

    codes: list[str]
    truth: sparse.csr_array
    predicted: sparse.csr_array
    patients: np.ndarray
    collapsed: bool = False

    @cached_property
    def correct(self) -> sparse.csr_array:
        """Which codes are predicted and true: bool [notes, codes]."""
        return self.truth.multiply(self.predicted).tocsr()

    @property
    def wrong(self) -> sparse.csr_array:
        """Which codes are predicted and not true: bool [notes, codes]."""
        return self.predicted > self.correct

    @property
    def missed(self) -> sparse.csr_array:
        """Which codes are true and not predicted: bool [notes, codes]."""
        return self.truth > self.correct

    @cached_property
    def occurring(self) -> np.ndarray:
        """Which codes some evaluated note has: bool [codes]. Per code, only these are judged (Edin et al. 2023)."""
        return count(self.truth, axis=0) > 0

    def patients_of(self, notes: np.ndarray) -> int:
        """How many patients some notes are of, given as a mask or by their rows."""
        return len(np.unique(self.patients[notes]))

    def f1_per_code(self) -> np.ndarray:
        """F1 of each code over the notes: [codes], 0 for a code that is neither true nor predicted anywhere."""
        return self._f1(axis=0)

    def f1_per_note(self) -> np.ndarray:
        """F1 of each note over the codes: [notes]."""
        return self._f1(axis=1)

    def macro_f1(self) -> float:
        """Mean F1 of the codes that occur."""
        return float(self.f1_per_code()[self.occurring].mean())

    def micro_f1(self) -> float:
        """F1 of all decisions on the codes that occur."""
        decided = count(self.predicted, axis=0)[self.occurring].sum() + self.truth.nnz
        return float(2 * self.correct.nnz / decided)

    def outcome(self, codes: np.ndarray) -> Outcome:
        """The decisions on some codes, as the resampling of patients takes them.

        Args:
            codes: which codes, bool [codes].
        """
        return Outcome(self.truth[:, codes], self.predicted[:, codes], {}, self.patients)

    def _f1(self, axis: int) -> np.ndarray:
        correct, decided = count(self.correct, axis), count(self.truth, axis) + count(self.predicted, axis)
        return np.divide(2 * correct, decided, out=np.zeros(len(correct)), where=decided > 0)


def count(given: sparse.csr_array, axis: int) -> np.ndarray:
    """How many entries of a sparse bool matrix are true along an axis: int."""
    return given.sum(axis=axis, dtype=np.int64)


def decide(
    predictions: Predictions, truth: sparse.csr_array, patients: np.ndarray, at_threshold: bool = False
) -> Decisions:
    """Lays a coder's predictions beside the truth.

    Args:
        predictions: in the order of the evaluated notes, as `coding.predictions.align` puts them.
        truth: which of these notes has which code, bool [notes, codes].
        patients: the patient of each note, as an index from 0: [notes].
        at_threshold: predict a code also where its probability equals the threshold, as one of the published scripts
            does (repair k).
    """
    threshold = predictions.threshold
    # The rule rounds to half precision, which moves a probability by less than a thousandth of it. So most of them
    # are far below the threshold, and need not be looked at closely.
    notes, codes = np.nonzero(predictions.probabilities >= 0.999 * threshold - 1e-7)
    near = predictions.probabilities[notes, codes]
    predicted = above(near, threshold)
    if at_threshold:
        predicted |= near.astype(np.float16) == np.float32(threshold)
    notes, codes = notes[predicted], codes[predicted]
    given = sparse.csr_array((np.ones(len(notes), dtype=bool), (notes, codes)), shape=truth.shape)
    collapsed = reading(truth, predictions.probabilities, patients).collapsed
    return Decisions(predictions.codes, truth, given, patients, collapsed)
