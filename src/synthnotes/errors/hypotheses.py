"""Which noise in real notes makes a coder err as synthetic notes do (paper, 6.3.4)?

The paper compares curves by eye. Here the distance of noisy coders from the synthetic ones is the mean of two areas:
between their curves of F1 over log frequency, and over length in words. The bootstrap over the patients of E, and over
the seeds where a training set has several coders, tells how much of it is chance.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthnotes.errors import curves
from synthnotes.errors.decisions import Decisions
from synthnotes.errors.distances import Distances
from synthnotes.machinery.sections import HypothesesParams

SYNTHETIC = "synthetic"
AREAS = ("frequency_area", "length_area", "distance")
UNDECIDED = "undecided"


class Noise(NamedTuple):
    """A kind and amount of noise: hypothesis h1 or h2, and its level in per cent."""

    hypothesis: str
    level: int

    def __str__(self) -> str:
        return f"{self.hypothesis}-{self.level}"


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
        settings: bins of the curves, resamples, level of the intervals, and seed.

    Returns:
        The counts behind it, coders and mean F1 of synthetic; distances by hypothesis and level, with coders and mean
        F1, each distance with its interval, and nearest_share, the share of the resamples in which this is the nearest
        of all; the best level of each hypothesis; the winner and the verdict. The area by frequency is None where
        training has no code of E.
    """
    distances = Distances([synthetic, *noisy.values()], frequency, words, settings.bins)
    observed = distances.observed()
    resampled = distances.resampled(settings.resamples, settings.seed)
    nearest = resampled["distance"].argmin(axis=0)
    found: dict[str, dict[str, Any]] = {}
    for row, noise in enumerate(noisy):
        values = {
            name: _interval(observed[name][row, 0], resampled[name][row], settings.level, name in AREAS)
            for name in observed
        }
        complete = _described(noisy[noise]) | dict.fromkeys(AREAS) | values
        complete["nearest_share"] = float((nearest == row).mean())
        found.setdefault(noise.hypothesis, {})[str(noise.level)] = complete
    of_hypothesis = {
        hypothesis: [row for row, noise in enumerate(noisy) if noise.hypothesis == hypothesis] for hypothesis in found
    }
    levels = np.array([noise.level for noise in noisy])
    best = {
        hypothesis: _best_level(
            levels[rows], observed["distance"][rows, 0], resampled["distance"][rows], settings.level
        )
        for hypothesis, rows in of_hypothesis.items()
    }
    lowest = {
        hypothesis: (observed["distance"][rows, 0].min(), resampled["distance"][rows].min(axis=0))
        for hypothesis, rows in of_hypothesis.items()
    }
    return {
        "patients": int(synthetic[0].patients.max()) + 1,
        "notes": synthetic[0].truth.shape[0],
        "resamples": settings.resamples,
        "level": settings.level,
        "synthetic": _described(synthetic),
        "distances": found,
        "best": best,
        "winner": _winner(best, lowest, settings.level),
    }


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
    """How many coders these are, and their mean F1."""
    return {
        "coders": len(coders),
        "micro_f1": float(np.mean([coder.micro_f1() for coder in coders])),
        "macro_f1": float(np.mean([coder.macro_f1() for coder in coders])),
    }


def _best_level(
    levels: np.ndarray, observed: np.ndarray, resampled: np.ndarray, level: float
) -> dict[str, int | float]:
    """The level of the smallest distance, and between which levels it lies on the resamples."""
    chosen = levels[resampled.argmin(axis=0)]
    low, high = np.quantile(chosen, [level / 2, 1 - level / 2], method="nearest")
    nearest = int(observed.argmin())
    return {
        "level": int(levels[nearest]),
        "level_low": int(low),
        "level_high": int(high),
        "distance": float(observed[nearest]),
    }


def _winner(
    best: Mapping[str, Mapping[str, Any]], lowest: Mapping[str, tuple[float, np.ndarray]], level: float
) -> dict[str, Any]:
    """The hypothesis with the smallest distance, and whether its lead over the next one is more than chance.

    Returns:
        hypothesis, with its best level and distance; resamples_share, in which it has the smallest distance; lead, how
        much farther the next hypothesis is, with interval (None where it is the only one); verdict, the hypothesis
        where the interval lies above zero, else `undecided`.
    """
    order = sorted(lowest, key=lambda hypothesis: lowest[hypothesis][0])
    first = order[0]
    described = {"hypothesis": first, **best[first]}
    if len(order) == 1:
        return described | {"resamples_share": 1.0, "lead": None, "verdict": UNDECIDED}
    others = np.min([lowest[hypothesis][1] for hypothesis in order[1:]], axis=0)
    lead = _interval(lowest[order[1]][0] - lowest[first][0], others - lowest[first][1], level, False)
    return described | {
        "resamples_share": float((lowest[first][1] < others).mean()),
        "lead": lead,
        "verdict": first if lead["low"] > 0 else UNDECIDED,
    }


def _interval(observed: float, resampled: np.ndarray, level: float, is_distance: bool) -> dict[str, float]:
    """A value with its bootstrap interval.

    Chance moves curves apart more than together, so that distances on resamples are too large, as the one on E itself
    is already. The basic interval takes that off (Davison and Hinkley 1997, 5.2.1); differences have percentiles.
    """
    low, high = np.quantile(resampled, [level / 2, 1 - level / 2])
    if is_distance:
        low, high = (max(0.0, 2 * observed - end) for end in (high, low))
    return {"value": float(observed), "low": float(low), "high": float(high)}
