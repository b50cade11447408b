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

from synthnotes.errors import curves
from synthnotes.errors.decisions import Decisions
from synthnotes.errors.distances import Curves, Measures, Sources
from synthnotes.machinery.disclosure import computed, over, people, setting
from synthnotes.machinery.sections import HypothesesParams
from synthnotes.significance.intervals import THE_SETS, Interval, about, jackknife, student

SYNTHETIC = "synthetic"
AREAS = ("frequency_area", "length_area", "distance")
UNDECIDED, NEITHER, TOO_FEW, COLLAPSED = "undecided", "neither fits", "too few seeds", "collapsed"


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


def compare(
    synthetic: Sequence[Decisions],
    noisy: Mapping[Noise, Sequence[Decisions]],
    frequency: np.ndarray,
    words: np.ndarray,
    settings: HypothesesParams,
) -> dict[str, Any]:
    """Compares coders trained on noisy notes with the coder trained on synthetic notes.

    Args:
        synthetic: the decisions of the coders trained on synthetic notes, one per seed.
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
    told = {
        "patients": people(patients),
        "notes": people(synthetic[0].truth.shape[0]),
        **setting({"significance_level": settings.significance_level, "about": about(sizes)}),
        "synthetic": _described(synthetic),
        "distances": found,
        "best": best,
        "winner": winner | {"verdict": judged},
    }
    return over(patients, told)


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

    Args:
        on_all, without_each: the curves of all coders on E, and without each patient.
        sizes: seeds of each training set.
        mixtures: of which noisy sets each step consists, [steps, sets].
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
    low = max(0.0, interval.low) if name in AREAS else interval.low
    return {"value": float(value), "low": float(low), "high": float(interval.high)}


def _best(varied: Varied, rows: np.ndarray, levels: np.ndarray, significance_level: float) -> dict[str, Any]:
    """The level of the smallest distance, and from which level to which the distance may be as small.

    Args:
        varied: the distances.
        rows: those of one hypothesis.
        levels: of these rows.
        significance_level: 1 - coverage.
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
    coders: Mapping[str, Sequence[Decisions]], frequency: np.ndarray, words: np.ndarray, bins: int
) -> pd.DataFrame:
    """The curves of all coders, of F1 as its mean over the seeds: columns coder, curve, x, mean, sd, count, patients.

    A curve is by `frequency` or by `length`; sd is over the codes or the notes of a bin.
    """
    tables = {}
    for name, of_seeds in coders.items():
        for curve, points in (
            ("frequency", [curves.frequency_points(decisions, frequency) for decisions in of_seeds]),
            ("length", [curves.length_points(decisions, words) for decisions in of_seeds]),
        ):
            mean = points[0]._replace(f1=np.mean([of_seed.f1 for of_seed in points], axis=0))
            tables[name, curve] = curves.binned(mean, curves.quantile_bins(mean.x, bins))
    return pd.concat(tables, names=["coder", "curve"]).reset_index(["coder", "curve"]).reset_index(drop=True)


def _described(coders: Sequence[Decisions]) -> dict[str, int | float]:
    """How many coders these are, how many of them read nothing, and their mean F1."""
    return {
        "coders": setting(len(coders)),
        "collapsed": sum(coder.collapsed for coder in coders),
        "micro_f1": float(np.mean([coder.micro_f1() for coder in coders])),
        "macro_f1": float(np.mean([coder.macro_f1() for coder in coders])),
    }
