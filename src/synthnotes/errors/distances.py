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
    """The distances of some training sets' coders from those of a first one, all on the same notes.

    A training set has as many coders as it was trained with seeds; its curve is their mean. Bins depend on codes and
    notes alone, and so are the same for all coders and resamples.
    """

    def __init__(
        self, coders: Sequence[Sequence[Decisions]], frequency: np.ndarray, words: np.ndarray, bins: int
    ) -> None:
        """Takes what each patient contributes.

        Args:
            coders: of each training set, one per seed; the others' distances are measured from the first set.
            frequency: training notes per code, [codes].
            words: length of each note of E in words, [notes].
            bins: quantile bins of a curve, at most.
        """
        self._seeds = [len(of_set) for of_set in coders]
        every = [coder for of_set in coders for coder in of_set]
        first = every[0]
        outcomes = [coder.outcome(first.occurring) for coder in every]
        self._counts = Counts(outcomes)
        frequency = frequency[first.occurring]
        seen = frequency > 0
        self._codes_in = _membership(np.flatnonzero(seen), curves.quantile_bins(frequency[seen], bins), len(seen))
        self._frequency = np.log10(_medians(frequency[seen], bins))
        notes_in = _membership(np.arange(len(words)), curves.quantile_bins(words, bins), len(words))
        self._length = _medians(words, bins)
        # Of each patient and bin, the notes, and for each coder the sum of their F1: [patients, bins] each.
        self._notes = outcomes[0].by_patient(notes_in.T.tocsr())
        self._f1 = [outcomes[0].by_patient(notes_in.multiply(coder.f1_per_note()).T.tocsr()) for coder in every]

    def observed(self) -> Measures:
        """The measures on E itself, over all seeds: [training sets after the first, 1]."""
        shares = np.concatenate([np.full((seeds, 1), 1 / seeds) for seeds in self._seeds])
        return self._measure(np.ones((1, self._counts.patients), dtype=np.float32), shares)

    def resampled(self, resamples: int, seed: int) -> Measures:
        """The measures on resamples of the patients and of the coders: [training sets after the first, resamples].

        Of n seeds, n - 1 are drawn with replacement: with n of them, the variance of a mean would come out too small,
        by half where there are two (Rao and Wu 1988). One seed alone is always taken, and tells nothing of others.
        """
        rng = np.random.default_rng([seed, 1])  # another stream than that of the patients
        blocks = []
        for weights in draw(self._counts.patients, resamples, seed):
            shares = np.concatenate([_draw_seeds(rng, seeds, len(weights)) for seeds in self._seeds])
            blocks.append(self._measure(weights, shares))
        return {name: np.concatenate([block[name] for block in blocks], axis=1) for name in blocks[0]}

    def _measure(self, weights: np.ndarray, shares: np.ndarray) -> Measures:
        """Measures where patients count as often as their weights, [resamples, patients], say.

        Args:
            weights: of the patients.
            shares: of the coders in the mean of their training set, [coders, resamples].

        Returns:
            frequency_area and length_area, as far as there are such curves; distance, their mean;
            micro_f1_difference and macro_f1_difference.
        """
        true, *given = self._counts.by_code(weights)
        f1 = [rates(true, *pair)["f1"] for pair in zip(given[::2], given[1::2], strict=True)]
        occurring = (true > 0).astype(np.float32)
        areas = {}
        if len(self._frequency):
            codes = np.maximum(self._codes_in @ occurring, 1)  # a bin without any code has no gap in this resample
            by_frequency = self._means([self._codes_in @ of_coder / codes for of_coder in f1], shares)
            areas["frequency_area"] = area(by_frequency, self._frequency)
        notes = np.maximum((self._notes.T @ weights.T), 1)
        by_length = self._means([of_coder.T @ weights.T / notes for of_coder in self._f1], shares)
        areas["length_area"] = area(by_length, self._length)
        sums = np.stack([counts.sum(axis=0, dtype=np.float64) for counts in (true, *given)])
        pairs = zip(sums[1::2], sums[2::2], strict=True)
        micro = self._means([rates(sums[0], *pair)["f1"] for pair in pairs], shares)
        macro = self._means([of_coder.sum(axis=0, dtype=np.float64) for of_coder in f1], shares) / occurring.sum(axis=0)
        return areas | {
            "distance": np.mean(list(areas.values()), axis=0),
            "micro_f1_difference": micro[1:] - micro[0],
            "macro_f1_difference": macro[1:] - macro[0],
        }

    def _means(self, of_coders: Sequence[np.ndarray], shares: np.ndarray) -> np.ndarray:
        """Means over the coders of each training set: of [coders][…, resamples], [training sets, …, resamples]."""
        weighted = np.stack([values * share for values, share in zip(of_coders, shares, strict=True)])
        return np.add.reduceat(weighted, np.cumsum([0, *self._seeds[:-1]]), axis=0)


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


def _draw_seeds(rng: np.random.Generator, seeds: int, resamples: int) -> np.ndarray:
    """How much each of n seeds counts in each resample where n - 1 are drawn, one at least: [seeds, resamples]."""
    drawn = max(seeds - 1, 1)
    return rng.multinomial(drawn, np.full(seeds, 1 / seeds), size=resamples).T / drawn


def _membership(members: np.ndarray, bin_of: np.ndarray, size: int) -> sparse.csr_array:
    """Which of `size` things lies in which bin: [bins, size]."""
    bins = int(bin_of.max()) + 1 if len(bin_of) else 0
    return sparse.csr_array((np.ones(len(members), np.float32), (bin_of, members)), shape=(bins, size))


def _medians(x: np.ndarray, bins: int) -> np.ndarray:
    """Where each bin lies: the median of its values."""
    bin_of = curves.quantile_bins(x, bins)
    return np.array([np.median(x[bin_of == number]) for number in np.unique(bin_of)])
