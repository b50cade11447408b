"""What a coder did with each evaluated note: where its errors, its metrics and the tests of differences start from.

The matrices of notes by codes are nearly empty, so they are kept sparse: at the paper's size, 19,802 notes and 7,942
codes, a dozen coders then fit side by side, and a resample of all metrics costs milliseconds.

An area under a ROC curve compares every note that has a code with every note that lacks it, and so is no sum over
notes: resampled as such, every resample would have to rank all notes anew, code by code. To first order it is one
(Hoeffding's decomposition): each note has a placement value, the share of the notes of the other class on the right
side of it (DeLong et al. 1988; Obuchowski 1997, with clusters). So for a code that some drawn notes have, the area is
taken as the mean placement of these, exactly, plus what the drawn notes without the code change on average. What is
left out is the product of the two chances, which vanishes faster than their sum as notes grow in number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse

from synthnotes.coding.collapse import measure_collapse
from synthnotes.coding.metrics import cross_entropy_per_note
from synthnotes.coding.predictions import Predictions, above
from synthnotes.coding.rates import f1, ranking_per_note

VALUES = int(np.float16(1).view(np.uint16)) + 1  # half-precision numbers in [0, 1]; their bits order them
CODES_AT_ONCE = 200
NOTES_AT_ONCE = 500


@dataclass(frozen=True)
class Areas:
    """What each note contributes to the areas under a coder's ROC curves, to first order.

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
    """Which codes one coder gives to the notes of E, and which they have.

    Attributes:
        truth: bool [notes, codes].
        predicted: bool [notes, codes].
        patients: the patient of each note, as an index from 0: [notes].
        codes: the code set, in the order of the columns; none where codes need no names.
        collapsed: whether the coder reads nothing, see `coding.collapse`.
        means: for each metric that is a mean over the notes, each note's value: [notes].
        areas: under the ROC curves; None where decisions alone are looked at.
    """

    truth: sparse.csr_array
    predicted: sparse.csr_array
    patients: np.ndarray
    codes: Sequence[str] = ()
    collapsed: bool = False
    means: Mapping[str, np.ndarray] = field(default_factory=dict)
    areas: Areas | None = None

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

    @cached_property
    def f1_per_code(self) -> np.ndarray:
        """F1 of each code over the notes: [codes], 0 for a code that is neither true nor predicted anywhere."""
        return f1(*(count(given, axis=0) for given in (self.truth, self.predicted, self.correct)))

    @cached_property
    def f1_per_note(self) -> np.ndarray:
        """F1 of each note over the codes: [notes]."""
        return f1(*(count(given, axis=1) for given in (self.truth, self.predicted, self.correct)))

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the codes that occur."""
        return float(self.f1_per_code[self.occurring].mean())

    @property
    def micro_f1(self) -> float:
        """F1 of all decisions on the codes that occur."""
        return float(f1(self.truth.nnz, count(self.predicted, axis=0)[self.occurring].sum(), self.correct.nnz))

    def patients_of(self, notes: np.ndarray) -> int:
        """How many patients some notes are of, given as a mask or by their rows."""
        return len(np.unique(self.patients[notes]))

    def by_patient(self, notes: sparse.csr_array | np.ndarray) -> sparse.csr_array | np.ndarray:
        """Sums of what belongs to the notes, [notes, …], over the notes of each patient: [patients, …]."""
        return membership(self.patients).T.tocsr() @ notes.astype(np.float64)

    def decisions_on(self, which: np.ndarray) -> "Outcome":
        """The decisions alone, on some codes: bool [codes]."""
        codes = [code for code, kept in zip(self.codes, which, strict=True) if kept] if self.codes else ()
        return Outcome(self.truth[:, which], self.predicted[:, which], self.patients, codes, self.collapsed)


def count(given: sparse.csr_array, axis: int) -> np.ndarray:
    """How many entries of a sparse bool matrix are true along an axis: int."""
    return given.sum(axis=axis, dtype=np.int64)


def membership(group_of: np.ndarray, groups: int | None = None) -> sparse.csr_array:
    """Which of some things is in which group, given as the group of each, from 0: ones in [things, groups]."""
    size = len(group_of)
    groups = int(group_of.max(initial=-1)) + 1 if groups is None else groups
    return sparse.csr_array((np.ones(size), (np.arange(size), group_of)), shape=(size, groups))


def decide(
    predictions: Predictions, truth: sparse.csr_array, patients: np.ndarray, at_threshold: bool = False
) -> Outcome:
    """Lays a coder's predictions, in the order of the evaluated notes, beside the truth: its decisions on all codes.

    With `at_threshold`, a code is predicted also where its probability equals the threshold, as in one of the published
    scripts (repair k). Truth and patients are those of an `Outcome`.
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
    collapsed = measure_collapse(truth, predictions.probabilities, patients).collapsed
    return Outcome(truth, given, patients, predictions.codes, collapsed)


def measure_notes(predictions: Predictions, truth: sparse.csr_array, patients: np.ndarray) -> Outcome:
    """As `decide`, with all that the metrics of `coding.metrics` are computed from, over the codes that occur alone.

    Every note has a code.
    """
    decided = decide(predictions, truth, patients)
    kept = decided.decisions_on(decided.occurring)
    has, probabilities = (given[:, decided.occurring] for given in (truth.toarray(), predictions.probabilities))
    means = {f"ranking.{name}": values for name, values in ranking_per_note(has, probabilities).items()}
    means["exact_match_ratio"] = count(kept.wrong, axis=1) + count(kept.missed, axis=1) == 0
    means["loss"] = cross_entropy_per_note(has, probabilities)
    areas = take_apart(has, probabilities)
    return Outcome(kept.truth, kept.predicted, patients, kept.codes, kept.collapsed, means, areas)


def take_apart(truth: np.ndarray, probabilities: np.ndarray) -> Areas:
    """Takes micro and macro area apart, of codes that all occur; probabilities are compared at half precision."""
    notes, codes = truth.shape
    numbers = probabilities.astype(np.float16).view(np.uint16) & np.uint16(0x7FFF)  # no sign of a negative zero
    true, false = np.zeros((2, VALUES))  # how many decisions have each value
    placements, curves, macro_negatives = [], 0, np.zeros(notes)
    for start in range(0, codes, CODES_AT_ONCE):
        block = slice(start, start + CODES_AT_ONCE)
        columns = zip(np.ascontiguousarray(truth[:, block].T), np.ascontiguousarray(numbers[:, block].T), strict=True)
        for has, number in columns:
            with_code, without = (np.bincount(number[which], minlength=VALUES) for which in (has, ~has))
            true += with_code
            false += without
            placements.append(share_below(without)[number[has]])
            if not has.all():
                curves += 1
                above_code = 1 - share_below(with_code)[number[~has]]
                macro_negatives[~has] += (above_code - above_code.mean()) / len(above_code)
    code_of, note_of = np.nonzero(truth.T)
    placed = sparse.csr_array((np.concatenate(placements), (note_of, code_of)), shape=truth.shape)
    of_true, of_false = np.empty((2, notes))
    below, beyond = share_below(false), 1 - share_below(true)
    beyond -= beyond @ false / max(false.sum(), 1)
    for start in range(0, notes, NOTES_AT_ONCE):
        part = slice(start, start + NOTES_AT_ONCE)
        of_true[part] = np.sum(below[numbers[part]], axis=1, where=truth[part])
        of_false[part] = np.sum(beyond[numbers[part]], axis=1, where=~truth[part])
    return Areas(placed, macro_negatives / max(curves, 1), of_true, of_false)


def share_below(counts: np.ndarray) -> np.ndarray:
    """The share of decisions below each value, those that have it counted half: [values]."""
    return (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
