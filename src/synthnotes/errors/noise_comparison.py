"""Which noise in real notes makes a coder err as synthetic notes do (paper, 6.3.4)?

The paper compares curves by eye. Here the distance of noisy coders from the synthetic ones is the mean of two areas:
between their curves of F1 over log frequency, and over length in words. Between the levels that coders were trained
with, curves are interpolated. How much of it is chance, the jackknife tells: over the patients of E, and over the seeds
of each training set where all of them have enough.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthnotes.coding.outcomes import Outcome, membership
from synthnotes.coding.rates import f1
from synthnotes.errors import curves
from synthnotes.machinery.disclosure import computed, over, people, setting
from synthnotes.machinery.params import HypothesesParams
from synthnotes.significance.resampling import THE_SETS, Counts, Interval, about, jackknife, leave_out, student

SYNTHETIC = "synthetic"
AREAS = ("frequency_area", "length_area", "distance")
UNDECIDED, NEITHER, TOO_FEW, COLLAPSED = "undecided", "neither fits", "too few seeds", "collapsed"

Measures = dict[str, np.ndarray]


class Noise(NamedTuple):
    """A kind and amount of noise: hypothesis h1 or h2, and its level in per cent."""

    hypothesis: str
    level: int

    def __str__(self) -> str:
        return f"{self.hypothesis}-{self.level}"


class Varied(NamedTuple):
    """Measures of each step of noise on E, without each patient, and without each seed of each training set.

    Attributes:
        observed: [steps, 1].
        left_out: of the patients, then of the seeds of each set: [steps, left out].
    """

    observed: Measures
    left_out: Sequence[Measures]

    def interval(
        self, statistic: Callable[[Measures], np.ndarray], significance_level: float
    ) -> tuple[np.ndarray, Interval]:
        """A statistic of the measures, along their last axis, and its interval."""
        value = statistic(self.observed)[..., 0]
        return value, student(value, [jackknife(statistic(without)) for without in self.left_out], significance_level)


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

    def __init__(self, coders: Sequence[Outcome], frequency: np.ndarray, words: np.ndarray, bins: int) -> None:
        """Takes training notes per code, [codes], words of each note of E, [notes], and the most bins of a curve."""
        first = coders[0]
        self._counts = Counts([coder.decisions_on(first.occurring) for coder in coders])
        frequency = frequency[first.occurring]
        self._seen = frequency > 0
        bin_of_codes = curves.quantile_bins(frequency[self._seen], bins)
        self._codes_in = membership(bin_of_codes).T.tocsr().astype(np.float32)  # [bins, codes seen in training]
        self._frequency = np.log10(_medians(frequency[self._seen], bin_of_codes))
        bin_of_notes = curves.quantile_bins(words, bins)
        notes_in = membership(bin_of_notes)
        self._length = _medians(words, bin_of_notes)
        # Of each patient and bin, the notes, and for each coder the sum of their F1: [patients, bins] each.
        self._notes = first.by_patient(notes_in)
        self._f1 = [first.by_patient(notes_in.multiply(coder.f1_per_note[:, None]).tocsr()) for coder in coders]

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
        of_coders = [f1(true, *pair) for pair in zip(given[::2], given[1::2], strict=True)]
        occurring = (true > 0).astype(np.float32)
        # A bin without any code or note has no gap in this sample.
        codes, notes = np.maximum(self._codes_in @ occurring[self._seen], 1), np.maximum(self._notes.T @ weights.T, 1)
        sums = np.stack([counts.sum(axis=0, dtype=np.float64) for counts in (true, *given)])
        return Curves(
            np.stack([self._codes_in @ of_coder[self._seen] / codes for of_coder in of_coders]),
            np.stack([of_coder.T @ weights.T / notes for of_coder in self._f1]),
            np.stack([f1(sums[0], *pair) for pair in zip(sums[1::2], sums[2::2], strict=True)]),
            np.stack([of_coder.sum(axis=0, dtype=np.float64) for of_coder in of_coders]) / occurring.sum(axis=0),
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


def _medians(x: np.ndarray, bin_of: np.ndarray) -> np.ndarray:
    """Where each bin lies: the median of its values."""
    return np.array([np.median(x[bin_of == number]) for number in np.unique(bin_of)])


def compare(
    synthetic: Sequence[Outcome],
    noisy: Mapping[Noise, Sequence[Outcome]],
    frequency: np.ndarray,
    words: np.ndarray,
    settings: HypothesesParams,
) -> dict[str, Any]:
    """Compares coders trained on noisy notes with the coder trained on synthetic notes.

    Args:
        synthetic: the outcomes of the coders trained on synthetic notes, one per seed.
        noisy: likewise of the coders to compare with them, at least one, for the same notes and codes.
        frequency: notes of real S per code, [codes].
        words: length of each note of E in words, [notes].
        settings: bins of the curves, and level of the intervals.

    Returns:
        The counts behind it, coders and mean F1 of synthetic; distances by hypothesis and trained level, with coders
        and mean F1, each distance with its interval; the best level of each hypothesis, also between the trained ones;
        the winner and the verdict, `collapsed` where one of the coders reads nothing and `too few seeds` where the
        intervals are not about the sets. The area by frequency is None where training has no code of E.
    """
    sets = [synthetic, *noisy.values()]
    sizes = [len(of_set) for of_set in sets]
    sources = Sources([coder for of_set in sets for coder in of_set], frequency, words, settings.bins)
    on_all, (steps, mixtures) = sources.on_all(), interpolation(list(noisy))
    varied = _vary(on_all, sources.without_each(), sizes, mixtures)
    found: dict[str, dict[str, Any]] = {}
    for noise, coders in noisy.items():
        row = steps.index(noise)
        measures = {name: _measure(varied, name, row, settings.significance_level) for name in varied.observed}
        found.setdefault(noise.hypothesis, {})[str(noise.level)] = _described(coders) | dict.fromkeys(AREAS) | measures
    rows_of = {of: np.array([row for row, step in enumerate(steps) if step.hypothesis == of]) for of in found}
    levels = np.array([step.level for step in steps])
    best = {of: _best(varied, rows, levels[rows], settings.significance_level) for of, rows in rows_of.items()}
    first, *others = sorted(best, key=lambda of: best[of]["distance"])
    nearest = mixtures[steps.index(Noise(first, best[first]["noise_level"]))]
    farther = [rows_of[of] for of in others]
    winner = {"hypothesis": first, **best[first]} | {
        "lead": _lead(varied, rows_of[first], np.concatenate(farther), settings.significance_level) if others else None,
        "between_seeds": _between_seeds(on_all, sizes, [0, *(1 + np.flatnonzero(nearest))]),
    }
    patients = int(synthetic[0].patients.max()) + 1
    if any(coder.collapsed for of_set in sets for coder in of_set):
        judged = COLLAPSED
    else:
        judged = computed(verdict, winner) if about(sizes) == THE_SETS else TOO_FEW
    disclosed = {
        "patients": people(patients),
        "notes": people(synthetic[0].truth.shape[0]),
        **setting({"significance_level": settings.significance_level, "about": about(sizes)}),
        "synthetic": _described(synthetic),
        "distances": found,
        "best": best,
        "winner": winner | {"verdict": judged},
    }
    return over(patients, disclosed)


def interpolation(trained: Sequence[Noise]) -> tuple[list[Noise], np.ndarray]:
    """Steps of one per cent from the lowest to the highest trained level of each hypothesis.

    Returns:
        The steps, and of what mixture of the trained levels each consists, [steps, trained].
    """
    steps, mixtures = [], []
    for hypothesis in dict.fromkeys(noise.hypothesis for noise in trained):
        own = sorted((noise.level, column) for column, noise in enumerate(trained) if noise.hypothesis == hypothesis)
        levels, columns = map(list, zip(*own, strict=True))
        grid = np.arange(levels[0], levels[-1] + 1)
        mixture = np.zeros((len(grid), len(trained)))
        mixture[:, columns] = np.stack([np.interp(grid, levels, of_one) for of_one in np.eye(len(levels))], axis=1)
        steps += [Noise(hypothesis, int(level)) for level in grid]
        mixtures.append(mixture)
    return steps, np.concatenate(mixtures)


def _vary(on_all: Curves, without_each: Curves, sizes: Sequence[int], mixtures: np.ndarray) -> Varied:
    """The distances of all steps from the synthetic set, which comes first, as chance could vary them.

    `sizes` are the seeds of each training set; `mixtures` say of which noisy sets each step consists, [steps, sets].
    """

    def distances(of: Curves, left_out: int | None = None) -> Measures:
        means = _means(sizes, left_out)
        return of.distances(means[0], mixtures @ means[1:])

    varied = [distances(without_each)]
    if about(sizes) == THE_SETS:
        for last, size in zip(np.cumsum(sizes), sizes, strict=True):
            seeds = [distances(on_all, left_out) for left_out in range(last - size, last)]
            varied.append({name: np.concatenate([one[name] for one in seeds], axis=1) for name in seeds[0]})
    return Varied(distances(on_all), varied)


def _means(sizes: Sequence[int], left_out: int | None = None) -> np.ndarray:
    """The share of each coder in the mean of each training set, without one of the coders: [sets, coders]."""
    members = np.repeat(np.eye(len(sizes)), sizes, axis=1)
    if left_out is not None:
        members[:, left_out] = 0
    return members / members.sum(axis=1, keepdims=True)


def _measure(varied: Varied, name: str, row: int, significance_level: float) -> dict[str, float]:
    """One measure of one step, with its interval; a distance does not end below zero."""
    value, interval = varied.interval(lambda measures: measures[name][row], significance_level)
    low = float(interval.low)
    return {"value": float(value), "low": max(0.0, low) if name in AREAS else low, "high": float(interval.high)}


def _best(varied: Varied, rows: np.ndarray, levels: np.ndarray, significance_level: float) -> dict[str, Any]:
    """The level of the smallest distance of one hypothesis, and from which to which level it may be as small.

    `rows` are those of the hypothesis, `levels` theirs.
    """
    distances = varied.observed["distance"][rows, 0]
    nearest = int(distances.argmin())
    _, farther = varied.interval(lambda of: of["distance"][rows] - of["distance"][rows].min(axis=0), significance_level)
    _, interval = varied.interval(lambda of: of["distance"][rows].min(axis=0), significance_level)
    as_small = levels[farther.low <= 0]
    return {
        "noise_level": int(levels[nearest]),
        "noise_level_low": int(as_small[0]),
        "noise_level_high": int(as_small[-1]),
        "distance": float(distances[nearest]),
        "distance_low": max(0.0, float(interval.low)),
        "distance_high": float(interval.high),
    }


def _lead(varied: Varied, nearer: np.ndarray, farther: np.ndarray, significance_level: float) -> dict[str, float]:
    """How much farther the smallest distance of some rows is than that of others, with its interval."""
    value, interval = varied.interval(
        lambda of: of["distance"][farther].min(axis=0) - of["distance"][nearer].min(axis=0), significance_level
    )
    return {"value": float(value), "low": float(interval.low), "high": float(interval.high)}


def _between_seeds(on_all: Curves, sizes: Sequence[int], sets: Sequence[int]) -> float | None:
    """The largest distance between two single coders of one of some training sets; None where each has one alone."""
    one, ends = np.eye(sum(sizes)), np.cumsum(sizes)
    pairs = [pair for of in sets for pair in combinations(range(ends[of] - sizes[of], ends[of]), 2)]
    apart = [float(on_all.distances(one[a], one[[b]])["distance"][0, 0]) for a, b in pairs]
    return max(apart) if apart else None


def verdict(winner: Mapping[str, Any]) -> str:
    """Which hypothesis fits, where each training set has enough seeds.

    Args:
        winner: the nearest hypothesis, the lower end of its distance, the interval of its lead, and how far apart two
            coders of one training set lie.

    Returns:
        `neither fits` where even the nearest is farther than seeds are from one another; the hypothesis where the
        interval of its lead lies above zero; else `undecided`.
    """
    if winner["distance_low"] > winner["between_seeds"]:
        return NEITHER
    lead = winner["lead"]
    return winner["hypothesis"] if lead and lead["low"] > 0 else UNDECIDED


def tabulate(
    coders: Mapping[str, Sequence[Outcome]], frequency: np.ndarray, words: np.ndarray, bins: int
) -> pd.DataFrame:
    """The curves of all coders, of F1 as its mean over the seeds: columns coder, curve, x, mean, sd, count, patients.

    A curve is by `frequency` or by `length`; sd is over the codes or the notes of a bin.
    """
    tables = {}
    for name, of_seeds in coders.items():
        for curve, points in (
            ("frequency", [curves.frequency_points(outcome, frequency) for outcome in of_seeds]),
            ("length", [curves.length_points(outcome, words) for outcome in of_seeds]),
        ):
            mean = points[0]._replace(f1=np.mean([of_seed.f1 for of_seed in points], axis=0))
            tables[name, curve] = curves.binned(mean, curves.quantile_bins(mean.x, bins))
    return pd.concat(tables, names=["coder", "curve"]).reset_index(["coder", "curve"]).reset_index(drop=True)


def _described(coders: Sequence[Outcome]) -> dict[str, int | float]:
    """How many coders these are, how many of them read nothing, and their mean F1."""
    return {
        "coders": setting(len(coders)),
        "collapsed": sum(coder.collapsed for coder in coders),
        "micro_f1": float(np.mean([coder.micro_f1 for coder in coders])),
        "macro_f1": float(np.mean([coder.macro_f1 for coder in coders])),
    }
