"""Metrics of coders on other samples of the patients, and the intervals and tests that follow from them.

A sample leaves out one patient, for the jackknife, or draws as many as there are, with replacement, for the bootstrap;
either way with all of a patient's notes: these hang together, so that single notes would promise too much (Field and
Welsh 2007). The set of codes stays that of E; a code that no note of a sample has is left out of its macro averages.
All metrics are those of the notes exactly, but the areas under ROC curves, which are so to first order (see
`coding.outcomes`).

An interval is about what varies by chance: the patients of E, by the jackknife, and the seeds of training, by the
variance between them. Both add up, and the interval is Student's, with Satterthwaite's (1946) degrees of freedom. The
jackknife serves macro averages over codes of a few notes, of which a bootstrap draws some twice and leaves out others:
its percentiles cover 80 to 90 % where 95 are promised (`benchmarks/interval_coverage.py`).
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy import sparse, stats

from synthnotes.coding.outcomes import Outcome
from synthnotes.coding.rates import f1, rates
from synthnotes.machinery.progress import Bar

AT_ONCE = 64  # resamples in memory: their counts per code fit into the processor's cache
GROUPS = 2000  # of patients, at most, that are left out one after another
ENOUGH = 3  # seeds of a training set from which the variance between seeds is taken for the set's own
TINY = 1e-9  # what is smaller is rounding
THE_SETS, THESE_CODERS = "the training sets", "these coders"
Samples = dict[str, np.ndarray]


def observed(outcomes: Sequence[Outcome]) -> Samples:
    """The metrics of each outcome on E itself: by metric [outcomes]."""
    return _concatenate([Counts([one]).metrics(np.ones((1, one.patients.max() + 1)))[0] for one in outcomes])


def without_each(outcomes: Sequence[Outcome]) -> Samples:
    """The metrics, means over the outcomes, on E without each patient, or group of patients: by metric [groups]."""
    counts = Counts(outcomes)
    return _concatenate([_mean(counts.metrics(weights)) for weights in leave_out(counts.patients)])


def leave_out(patients: int) -> Iterator[np.ndarray]:
    """Yields how often each patient counts where one is left out after another: float32 [at once, patients].

    Of more than `GROUPS` patients, whole groups are left out, into which they are dealt out in turn: the jackknife's
    variance stays the same, and its degrees of freedom are ample.
    """
    groups = min(patients, GROUPS)
    group_of = np.arange(patients) % groups
    for start in range(0, groups, AT_ONCE):
        left_out = np.arange(start, min(start + AT_ONCE, groups))
        yield (group_of != left_out[:, None]).astype(np.float32)


def draw(patients: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yields how often each patient is drawn into each resample: float32 [resamples at once, patients]."""
    rng = np.random.default_rng(seed)
    for start in Bar(range(0, resamples, AT_ONCE), "bootstrap", unit_scale=AT_ONCE, leave=False):
        size = min(AT_ONCE, resamples - start)
        drawn = rng.integers(patients, size=(size, patients)) + patients * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * patients).reshape(size, patients).astype(np.float32)


class Counts:
    """What each patient contributes to the metrics of some coders that were evaluated on the same notes."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        first = outcomes[0]
        self.patients = int(first.patients.max()) + 1
        self.codes = first.truth.shape[1]
        matrices = [first.truth, *(matrix for one in outcomes for matrix in (one.predicted, one.correct))]
        matrices += [one.areas.placements for one in outcomes if one.areas]
        self.matrices = len(matrices)
        by_patient = [first.by_patient(matrix) for matrix in matrices]
        # Counts of some ten thousand are exact in float32, which halves the traffic; placements keep seven digits.
        self.per_code = sparse.vstack([matrix.T for matrix in by_patient], format="csr", dtype=np.float32)
        self.means = [list(one.means) for one in outcomes]
        self.with_areas = [one.areas is not None for one in outcomes]
        self.has_curve = first.truth.sum(axis=0)[:, None] < first.truth.shape[0]  # some note lacks the code
        columns = [np.ones(len(first.patients)), *(values for one in outcomes for values in one.means.values())]
        with_areas = [one.areas for one in outcomes if one.areas]
        columns += [of for one in with_areas for of in (one.micro_placements, one.micro_negatives, one.macro_negatives)]
        totals = [matrix.sum(axis=1) for matrix in by_patient]
        # [patients, matrices, notes, means, parts of areas]
        self.sums = np.stack([*totals, *map(first.by_patient, columns)], axis=1)

    def by_code(self, weights: np.ndarray) -> np.ndarray:
        """Counts per code where patients count as often as their weights say.

        Args:
            weights: whole numbers, [resamples, patients].

        Returns:
            float32 [matrices, codes, resamples]; the matrices are the truth, then for each outcome what is predicted,
            and what is predicted rightly, then the placements of each that has areas.
        """
        counted = self.per_code @ np.ascontiguousarray(weights.T, dtype=np.float32)
        return counted.reshape(self.matrices, self.codes, len(weights))

    def metrics(self, weights: np.ndarray) -> list[Samples]:
        """The metrics of each outcome where patients count as often as their weights say.

        Args:
            weights: whole numbers, [resamples, patients].

        Returns:
            Per outcome, by metric: [resamples].
        """
        by_code = self.by_code(weights)
        sums = (weights.astype(np.float64) @ self.sums).T
        totals, notes, columns = sums[: len(by_code)], sums[len(by_code)], iter(sums[len(by_code) + 1 :])
        occurring = by_code[0] > 0
        found = []
        for i, names in enumerate(self.means):
            given, correct = 2 * i + 1, 2 * i + 2
            micro = rates(totals[0], totals[given], totals[correct], notes * self.codes)
            macro = rates(by_code[0], by_code[given], by_code[correct], notes.astype(np.float32))
            found.append(
                {f"micro.{name}": value for name, value in micro.items()}
                | {f"macro.{name}": _mean_where(occurring, value) for name, value in macro.items()}
                | {name: next(columns) / notes for name in names}
            )
        placements = iter(by_code[1 + 2 * len(self.means) :])
        for metrics, with_areas in zip(found, self.with_areas, strict=True):
            if with_areas and self.has_curve.any():
                of_true, of_false, of_notes = (next(columns) for _ in range(3))
                with np.errstate(invalid="ignore"):  # NaN where the drawn notes have all codes
                    metrics["micro.auc"] = of_true / totals[0] + of_false / (notes * self.codes - totals[0])
                placed = next(placements) / np.maximum(by_code[0], 1)
                metrics["macro.auc"] = _mean_where(occurring & self.has_curve, placed) + of_notes
        return found


def _mean_where(occurring: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Means over the codes that occur in a resample, from [codes, resamples]; NaN where none does."""
    with np.errstate(invalid="ignore"):
        return np.sum(values, axis=0, where=occurring, dtype=np.float64) / occurring.sum(axis=0)


def _concatenate(blocks: Sequence[Samples]) -> Samples:
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _mean(seeds: Sequence[Samples]) -> Samples:
    return {name: np.mean([one[name] for one in seeds], axis=0) for name in seeds[0]}


class Part(NamedTuple):
    """A part of a variance, and the degrees of freedom of its estimate."""

    variance: np.ndarray
    degrees: np.ndarray | int


class Interval(NamedTuple):
    """Bounds, and the p-value of the same t: below the significance level exactly where zero lies outside."""

    low: np.ndarray
    high: np.ndarray
    p: np.ndarray


def jackknife(without_each: np.ndarray) -> Part:
    """The variance of a statistic by its values without each patient, or without each seed: [..., left out].

    Of a mean over k seeds, this is their sample variance over k.
    """
    degrees = without_each.shape[-1] - 1
    return Part(degrees * without_each.var(axis=-1), degrees)


def between_seeds(of_seeds: np.ndarray) -> Part:
    """The variance of a mean over seeds, [seeds]."""
    return Part(of_seeds.var(ddof=1) / len(of_seeds), len(of_seeds) - 1)


def student(value: np.ndarray | float, parts: Sequence[Part], significance_level: float) -> Interval:
    """The interval that covers 1 - significance_level, where the parts of the variance are independent.

    Without any variance it is the value alone, and p is 1 for zero and 0 for anything else.
    """
    size, variance = np.broadcast_arrays(np.abs(value), sum(part.variance for part in parts))
    error = np.sqrt(variance)
    of_estimate = sum(np.square(part.variance) / part.degrees for part in parts)
    degrees = np.divide(variance**2, of_estimate, out=np.ones(variance.shape), where=error > TINY)
    reach = np.where(error > TINY, stats.t.isf(significance_level / 2, degrees) * error, 0)
    ratio = np.divide(size, error, out=np.where(size > TINY, np.inf, 0.0), where=error > TINY)
    return Interval(value - reach, value + reach, 2 * stats.t.sf(ratio, degrees))


def about(seeds: Sequence[int]) -> str:
    """What intervals tell about, by the numbers of seeds of the training sets compared."""
    return THE_SETS if min(seeds) >= ENOUGH else THESE_CODERS


def randomise(
    first: Sequence[Outcome], second: Sequence[Outcome], resamples: int, seed: int
) -> dict[str, dict[str, float]]:
    """Approximate randomisation (Noreen 1989; Yeh 2000) of micro and macro F1.

    If the coders did not differ, each decision could as well be the other coder's. So a coin tells for every patient
    whether the coders' decisions on this patient's notes change places, and p is the share of such resamples whose
    difference is at least as large as the observed one, in either direction.

    Args:
        first, second: the outcomes of both coders, one per seed, on the same notes. The decisions of one seed change
            places with those of the other coder's same seed, under one coin for all seeds; differences are their means.
            Where the coders differ in the number of their seeds, each seed of one is paired with each of the other.
        resamples: how many.
        seed: of the coins.

    Returns:
        For `micro_f1` and `macro_f1` the observed difference, first minus second, and p.
    """
    pairs = zip(first, second, strict=True) if len(first) == len(second) else product(first, second)
    of_seeds = [swapping(*pair) for pair in pairs]

    def differences(swaps: np.ndarray) -> np.ndarray:
        return np.mean([of_seed(swaps) for of_seed in of_seeds], axis=0)

    patients = int(first[0].patients.max()) + 1
    observed = differences(np.zeros((patients, 1), np.float32))
    rng = np.random.default_rng(seed)
    extreme = np.zeros(2, dtype=int)
    for start in Bar(range(0, resamples, AT_ONCE), "randomisation", unit_scale=AT_ONCE, leave=False):
        swaps = rng.integers(2, size=(min(AT_ONCE, resamples - start), patients)).astype(np.float32)
        # A difference that differs by rounding alone is the observed one.
        extreme += (np.abs(differences(np.ascontiguousarray(swaps.T))) >= np.abs(observed) - 1e-9).sum(axis=1)
    return {
        name: {"difference": float(difference[0]), "p": float((1 + count) / (1 + resamples))}
        for name, difference, count in zip(("micro_f1", "macro_f1"), observed, extreme, strict=True)
    }


def swapping(first: Outcome, second: Outcome) -> Callable[[np.ndarray], np.ndarray]:
    """Gives the function from swaps to differences of micro and macro F1, first minus second.

    The function takes swaps, [patients, resamples], 1 for the patients whose decisions change places, and gives the
    differences as [2, resamples].
    """
    true, *given = (
        first.by_patient(matrix)
        for matrix in (first.truth, first.predicted, second.predicted, first.correct, second.correct)
    )
    # Where the coders agree, changing places changes nothing: the differences are nearly empty.
    moved = sparse.vstack([(given[1] - given[0]).T, (given[3] - given[2]).T], format="csr", dtype=np.float32)
    true, *given = (matrix.sum(axis=0)[:, None].astype(np.float32) for matrix in (true, *given))

    def differences(swaps: np.ndarray) -> np.ndarray:
        predicted, correct = (moved @ swaps).reshape(2, len(true), -1)
        pairs = (true, given[0] + predicted, given[2] + correct), (true, given[1] - predicted, given[3] - correct)
        return np.subtract(*(micro_and_macro_f1(*counts) for counts in pairs))

    return differences


def micro_and_macro_f1(true: np.ndarray, predicted: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Micro and macro F1, [2, resamples], from the counts of each code that occurs, [codes, resamples]."""
    sums = (counts.sum(axis=0, dtype=np.float64) for counts in (true, predicted, correct))
    return np.stack([f1(*sums), f1(true, predicted, correct).mean(axis=0, dtype=np.float64)])
