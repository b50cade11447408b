"""How far apart the curves of F1 of coders lie, on E and on E without some of its patients (paper, 6.3.4).

The distance between two curves in the same bins is the area between them over the range of their axis, so that it reads
as a mean gap in F1. Frequency is compared on its logarithm, as it is drawn.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from synthnotes.errors import curves
from synthnotes.errors.decisions import Decisions
from synthnotes.significance.resampling import Counts, leave_out, rates

Measures = dict[str, np.ndarray]


class Curves(NamedTuple):
    """The curves and F1 of some coders, on several samples of the patients.

    Attributes:
        frequency, length: F1 by bin, [coders, bins, samples]; no bin of frequency where training has no code of E.
        micro_f1, macro_f1: [coders, samples].
        frequency_at, length_at: where the bins lie, [bins]; frequency by its decadic logarithm.
    """

    frequency: np.ndarray
    length: np.ndarray
    micro_f1: np.ndarray
    macro_f1: np.ndarray
    frequency_at: np.ndarray
    length_at: np.ndarray

    def distances(self, first: np.ndarray, others: np.ndarray) -> Measures:
        """The distances of some mixtures of the coders from another one.

        Args:
            first: the share of each coder in it, [coders].
            others: likewise, [mixtures, coders].

        Returns:
            frequency_area and length_area, as far as there are such curves; distance, their mean; micro_f1_difference
            and macro_f1_difference, the mixture's less the first one's: [mixtures, samples].
        """
        gaps = others - first

        def mixed(of_coders: np.ndarray) -> np.ndarray:
            return np.tensordot(gaps, of_coders, axes=1)

        areas = {"frequency_area": area(mixed(self.frequency), self.frequency_at)} if len(self.frequency_at) else {}
        areas["length_area"] = area(mixed(self.length), self.length_at)
        return areas | {
            "distance": np.mean(list(areas.values()), axis=0),
            "micro_f1_difference": mixed(self.micro_f1),
            "macro_f1_difference": mixed(self.macro_f1),
        }


class Sources:
    """What each patient of E contributes to the curves of some coders, all on the same notes.

    Bins depend on codes and notes alone, and so are the same for all coders and samples.
    """

    def __init__(self, coders: Sequence[Decisions], frequency: np.ndarray, words: np.ndarray, bins: int) -> None:
        """Takes what each patient contributes.

        Args:
            coders: the coders.
            frequency: training notes per code, [codes].
            words: length of each note of E in words, [notes].
            bins: quantile bins of a curve, at most.
        """
        first = coders[0]
        outcomes = [coder.outcome(first.occurring) for coder in coders]
        self._counts = Counts(outcomes)
        frequency = frequency[first.occurring]
        seen = frequency > 0
        self._codes_in = _membership(np.flatnonzero(seen), curves.quantile_bins(frequency[seen], bins), len(seen))
        self._frequency = np.log10(_medians(frequency[seen], bins))
        notes_in = _membership(np.arange(len(words)), curves.quantile_bins(words, bins), len(words))
        self._length = _medians(words, bins)
        # Of each patient and bin, the notes, and for each coder the sum of their F1: [patients, bins] each.
        self._notes = outcomes[0].by_patient(notes_in.T.tocsr())
        self._f1 = [outcomes[0].by_patient(notes_in.multiply(coder.f1_per_note()).T.tocsr()) for coder in coders]

    def on_all(self) -> Curves:
        """The curves on E itself: one sample."""
        return self.on(np.ones((1, self._counts.patients), dtype=np.float32))

    def without_each(self) -> Curves:
        """The curves without each patient, or each group of patients."""
        found = [self.on(weights) for weights in leave_out(self._counts.patients)]
        sampled = ("frequency", "length", "micro_f1", "macro_f1")
        return found[0]._replace(**{of: np.concatenate([getattr(one, of) for one in found], axis=-1) for of in sampled})

    def on(self, weights: np.ndarray) -> Curves:
        """The curves where patients count as often as their weights, [samples, patients], say."""
        true, *given = self._counts.by_code(weights)
        f1 = [rates(true, *pair)["f1"] for pair in zip(given[::2], given[1::2], strict=True)]
        occurring = (true > 0).astype(np.float32)
        codes = np.maximum(self._codes_in @ occurring, 1)  # a bin without any code has no gap in this sample
        notes = np.maximum(self._notes.T @ weights.T, 1)
        sums = np.stack([counts.sum(axis=0, dtype=np.float64) for counts in (true, *given)])
        pairs = zip(sums[1::2], sums[2::2], strict=True)
        return Curves(
            np.stack([self._codes_in @ of_coder / codes for of_coder in f1]),
            np.stack([of_coder.T @ weights.T / notes for of_coder in self._f1]),
            np.stack([rates(sums[0], *pair)["f1"] for pair in pairs]),
            np.stack([of_coder.sum(axis=0, dtype=np.float64) for of_coder in f1]) / occurring.sum(axis=0),
            self._frequency,
            self._length,
        )


def area(gaps: np.ndarray, position: np.ndarray) -> np.ndarray:
    """The areas between pairs of curves, over the range of their axis.

    Args:
        gaps: of the curves, [pairs, bins, …].
        position: of the bins on the axis, ascending: [bins]; a single bin has the gap itself as area.

    Returns:
        [pairs, …].
    """
    gap = np.abs(gaps)
    extent = position[-1] - position[0]
    return np.trapezoid(gap, position, axis=1) / extent if extent > 0 else gap.mean(axis=1)


def _membership(members: np.ndarray, bin_of: np.ndarray, size: int) -> sparse.csr_array:
    """Which of `size` things lies in which bin: [bins, size]."""
    bins = int(bin_of.max()) + 1 if len(bin_of) else 0
    return sparse.csr_array((np.ones(len(members), np.float32), (bin_of, members)), shape=(bins, size))


def _medians(x: np.ndarray, bins: int) -> np.ndarray:
    """Where each bin lies: the median of its values."""
    bin_of = curves.quantile_bins(x, bins)
    return np.array([np.median(x[bin_of == number]) for number in np.unique(bin_of)])
