"""Which noise in real notes makes a coder err as synthetic notes do (paper, 6.3.4)?

The paper compares curves by eye. Here the distance of a noisy coder from the synthetic one is the mean of two areas:
between their curves of F1 over log frequency, and over length in words, both in the same bins for all coders and
divided by the bins' range, so that an area is the mean gap in F1.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthnotes.errors import curves
from synthnotes.errors.decisions import Decisions

SYNTHETIC = "synthetic"


class Noise(NamedTuple):
    """A kind and amount of noise: hypothesis h1 or h2, and its level in per cent."""

    hypothesis: str
    level: int

    def __str__(self) -> str:
        return f"{self.hypothesis}-{self.level}"


def compare(
    synthetic: Decisions, noisy: Mapping[Noise, Decisions], frequency: np.ndarray, words: np.ndarray, bins: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Compares coders trained on noisy notes with the coder trained on synthetic notes.

    Args:
        synthetic: the decisions of the coder trained on synthetic notes.
        noisy: the decisions of the coders to compare with it, at least one, for the same notes and codes.
        frequency: notes of real S per code, [codes].
        words: length of each note of E in words, [notes].
        bins: quantile bins of the curves.

    Returns:
        The results: synthetic's F1; distances by hypothesis and level; the best level of each hypothesis; the winner.
        The curves: columns coder, curve (frequency or length), x, mean, sd, count.
    """
    tables = {SYNTHETIC: _curves(synthetic, frequency, words, bins)}
    tables |= {str(noise): _curves(decisions, frequency, words, bins) for noise, decisions in noisy.items()}
    distances: dict[str, dict[str, dict[str, float]]] = {}
    for noise, decisions in noisy.items():
        areas = {f"{name}_area": area(tables[SYNTHETIC][name], tables[str(noise)][name]) for name in tables[SYNTHETIC]}
        distances.setdefault(noise.hypothesis, {})[str(noise.level)] = areas | {
            "distance": float(np.mean(list(areas.values()))),
            "micro_f1_difference": decisions.micro_f1() - synthetic.micro_f1(),
            "macro_f1_difference": decisions.macro_f1() - synthetic.macro_f1(),
        }
    best = {hypothesis: _nearest(levels) for hypothesis, levels in distances.items()}
    winner = min(best, key=lambda hypothesis: best[hypothesis]["distance"])
    results = {
        "synthetic": {"micro_f1": synthetic.micro_f1(), "macro_f1": synthetic.macro_f1()},
        "distances": distances,
        "best": best,
        "winner": {"hypothesis": winner, **best[winner]},
    }
    return results, _tidy(tables)


def area(first: pd.DataFrame, second: pd.DataFrame) -> float:
    """The mean gap between two curves in the same bins: the area between them over the range of x.

    Frequency is compared on its logarithm, as it is drawn; `_curves` puts it into the column `position`.
    """
    gap, position = (first["mean"] - second["mean"]).abs().to_numpy(), first["position"].to_numpy()
    extent = position[-1] - position[0]
    return float(np.trapezoid(gap, position) / extent) if extent > 0 else float(gap.mean())


def _curves(decisions: Decisions, frequency: np.ndarray, words: np.ndarray, bins: int) -> dict[str, pd.DataFrame]:
    """Both curves of a coder; their bins depend on codes and notes alone, and so are the same for all coders."""
    by_frequency = curves.frequency_points(decisions, frequency)
    by_length = curves.length_points(decisions, words)
    of_frequency = curves.binned(by_frequency, curves.quantile_bins(by_frequency.x, bins))
    of_length = curves.binned(by_length, curves.quantile_bins(by_length.x, bins))
    return {
        "frequency": of_frequency.assign(position=np.log10(of_frequency["x"])),
        "length": of_length.assign(position=of_length["x"]),
    }


def _nearest(levels: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    level = min(levels, key=lambda name: levels[name]["distance"])
    return {"level": int(level), "distance": levels[level]["distance"]}


def _tidy(tables: Mapping[str, Mapping[str, pd.DataFrame]]) -> pd.DataFrame:
    flat = {
        (coder, name): table.drop(columns="position")
        for coder, curve in tables.items()
        for name, table in curve.items()
    }
    return pd.concat(flat, names=["coder", "curve"]).reset_index(["coder", "curve"]).reset_index(drop=True)
