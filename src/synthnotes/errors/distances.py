"""How far apart the curves of F1 of several coders lie, on E and on resamples of its patients (paper, 6.3.4).

The distance between two curves in the same bins is the area between them over the range of their axis, so that it reads
as a mean gap in F1. Frequency is compared on its logarithm, as it is drawn.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from synthnotes.errors import curves
from synthnotes.errors.decisions import Decisions
from synthnotes.significance.resampling import Counts, draw, rates

Measures = dict[str, np.ndarray]


class Distances:
    """The distances of some coders from a first one, all on the same notes.

    Bins depend on codes and notes alone, and so are the same for all coders and resamples.
    """

    def __init__(self, coders: Sequence[Decisions], frequency: np.ndarray, words: np.ndarray, bins: int) -> None:
        """Takes what each patient contributes.

        Args:
            coders: the first is the one from which the others' distances are measured.
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

    def observed(self) -> Measures:
        """The measures on E itself: [coders after the first, 1]."""
        return self._measure(np.ones((1, self._counts.patients), dtype=np.float32))

    def resampled(self, resamples: int, seed: int) -> Measures:
        """The measures on resamples of the patients: [coders after the first, resamples]."""
        blocks = [self._measure(weights) for weights in draw(self._counts.patients, resamples, seed)]
        return {name: np.concatenate([block[name] for block in blocks], axis=1) for name in blocks[0]}

    def _measure(self, weights: np.ndarray) -> Measures:
        """Measures where patients count as often as their weights, [resamples, patients], say.

        Returns:
            frequency_area and length_area, as far as there are such curves; distance, their mean;
            micro_f1_difference and macro_f1_difference.
        """
        true, *given = self._counts.by_code(weights)
        f1 = np.stack([rates(true, *pair)["f1"] for pair in zip(given[::2], given[1::2], strict=True)])
        occurring = (true > 0).astype(np.float32)
        areas = {}
        if len(self._frequency):
            codes = np.maximum(self._codes_in @ occurring, 1)  # a bin without any code has no gap in this resample
            areas["frequency_area"] = area(
                np.stack([self._codes_in @ of_coder / codes for of_coder in f1]), self._frequency
            )
        notes = np.maximum((self._notes.T @ weights.T), 1)
        areas["length_area"] = area(np.stack([of_coder.T @ weights.T / notes for of_coder in self._f1]), self._length)
        sums = np.stack([counts.sum(axis=0, dtype=np.float64) for counts in (true, *given)])
        micro = np.stack([rates(sums[0], *pair)["f1"] for pair in zip(sums[1::2], sums[2::2], strict=True)])
        macro = f1.sum(axis=1, dtype=np.float64) / occurring.sum(axis=0)
        return areas | {
            "distance": np.mean(list(areas.values()), axis=0),
            "micro_f1_difference": micro[1:] - micro[0],
            "macro_f1_difference": macro[1:] - macro[0],
        }


def area(means: np.ndarray, position: np.ndarray) -> np.ndarray:
    """The areas between the first of some curves and each of the others, over the range of their axis.

    Args:
        means: [curves, bins, …].
        position: of the bins on the axis, ascending: [bins]; a single bin has the gap itself as area.

    Returns:
        [curves after the first, …].
    """
    gap = np.abs(means[1:] - means[0])
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
