"""Noise: which noise in real notes has the effect of synthetic ones (paper, section 6.3.4)."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthnotes.report.kit.markup import grouped
from synthnotes.report.kit.numbers import MISSING
from synthnotes.report.kit.report import Drawings
from synthnotes.report.kit.style import legend_below, logarithmic, panels
from synthnotes.report.paper import LOOKS, CorpusNames, Paper, Row

__all__ = ["distances"]


def distances(paper: Paper) -> list[Row]:
    """Corpus, hypothesis and trained level, words changed, micro-F1, both areas, their mean with interval."""
    numbers = paper.numbers
    rows: list[Row] = []
    for corpus in paper.noisy:
        for hypothesis, level, of in _trained(paper, corpus):
            noise = f"hypotheses.{corpus.key}.noise.{hypothesis}-{level}"
            changed = numbers.quotient(f"{noise}.words_changed", f"{noise}.words", ".0%")
            # Where training has no code of E there is no curve by frequency, and its area is null.
            keys = (f"{of}.frequency_area.value", f"{of}.length_area.value")
            areas = [numbers.num(key, ".3f") if key in numbers else MISSING for key in keys]
            distance = numbers.with_interval(f"{of}.distance.value", f"{of}.distance", ".3f")
            counts = numbers.num(f"{of}.coders", ","), numbers.num(f"{of}.micro_f1", ".3f")
            rows.append([corpus.name, f"{hypothesis.upper()}, {level} %", changed, *counts, *areas, distance])
    return grouped(rows)


def _trained(paper: Paper, corpus: CorpusNames) -> Iterator[tuple[str, str, str]]:
    """Hypothesis, level and prefix of the keys of every noise that coders were trained with."""
    prefix = f"hypotheses.{corpus.key}.distances"
    for hypothesis in paper.numbers.below(prefix):
        for level in paper.numbers.below(f"{prefix}.{hypothesis}"):
            yield hypothesis, level, f"{prefix}.{hypothesis}.{level}"


def figures(paper: Paper) -> Drawings:
    """What draws the curves and distances of each corpus."""

    def noise(corpus: CorpusNames) -> Figure:
        return noise_curves(paper.tables[f"hypotheses.{corpus.key}.curves"], *drawn_distances(paper, corpus))

    return {f"noise-{corpus.key}": partial(noise, corpus) for corpus in paper.noisy}


def drawn_distances(paper: Paper, corpus: CorpusNames) -> tuple[pd.DataFrame, tuple[str, int, float]]:
    """The distance of every noise with its interval (hypothesis, noise_level, value, low, high).

    Beside it: hypothesis, level and distance of the nearest noise, also between the trained levels.
    """
    value, winner = paper.numbers.value, f"hypotheses.{corpus.key}.winner"
    rows = [
        (hypothesis, int(level), *(value(f"{of}.distance.{end}") for end in ("value", "low", "high")))
        for hypothesis, level, of in _trained(paper, corpus)
    ]
    table = pd.DataFrame(rows, columns=["hypothesis", "noise_level", "value", "low", "high"])
    nearest = value(f"{winner}.hypothesis"), value(f"{winner}.noise_level"), value(f"{winner}.distance")
    return table.astype({"value": float, "low": float, "high": float}), nearest


def noise_curves(curves: pd.DataFrame, distances: pd.DataFrame, nearest: tuple[str, int, float]) -> Figure:
    """The coders trained on noisy notes beside the one trained on synthetic notes, and how far from it they are.

    Args:
        curves: columns coder (synthetic, h1-20, …), curve (frequency or length), x and mean.
        distances: columns hypothesis, noise_level, value, low and high.
        nearest: hypothesis, level and value of the smallest distance, which is ringed, also between trained levels.
    """
    figure, axes = panels(["F1 by frequency", "F1 by length", "distance from synthetic S"], 2.6, share_y=False)
    levels = sorted(distances["noise_level"].unique())
    for axis, curve in zip(axes, ("frequency", "length"), strict=False):
        of_curve = curves[curves["curve"] == curve].sort_values("x")
        for hypothesis, level in zip(distances["hypothesis"], distances["noise_level"], strict=True):
            of_coder, look = of_curve[of_curve["coder"] == f"{hypothesis}-{level}"], LOOKS[hypothesis]
            # The more noise, the stronger the colour.
            strength = 0.4 + 0.6 * (levels.index(level) + 1) / len(levels)
            line = {"color": look.colour, "alpha": strength, "linestyle": look.dash, "linewidth": 1.1}
            axis.plot(of_coder["x"], of_coder["mean"], label=f"{look.label}, {level} %", **line)
        of_coder, look = of_curve[of_curve["coder"] == "synthetic"], LOOKS["synthetic_s"]
        axis.plot(of_coder["x"], of_coder["mean"], label=look.label, color=look.colour, linewidth=2.2)
        axis.set_ylim(0, 1.02)
    logarithmic(axes[0])
    axes[0].set_xlabel("training notes with the code")
    axes[1].set_xlabel("words in the note")
    _distances(axes[2], distances, nearest)
    legend_below(figure, axes[0], columns=3 if len(levels) < 4 else 4)
    return figure


def _distances(axis: Axes, distances: pd.DataFrame, nearest: tuple[str, int, float]) -> None:
    """The distance of every noise with its interval, by level."""
    hypotheses = list(distances["hypothesis"].unique())
    levels = sorted(distances["noise_level"].unique())
    for position, hypothesis in enumerate(hypotheses):
        look, of_one = LOOKS[hypothesis], distances[distances["hypothesis"] == hypothesis].set_index("noise_level")
        x = np.array([levels.index(level) for level in of_one.index]) + 0.2 * (position - (len(hypotheses) - 1) / 2)
        errors = np.clip([of_one["value"] - of_one["low"], of_one["high"] - of_one["value"]], 0, None)
        axis.errorbar(x, of_one["value"], errors, color=look.colour, marker=look.marker, ls="none", capsize=2, lw=1.1)
        if hypothesis == nearest[0]:
            at = np.interp(nearest[1], of_one.index, x)
            axis.plot(at, nearest[2], "o", ms=9, mfc="none", mec=look.colour, mew=1)
    axis.set_xticks(range(len(levels)), [f"{level} %" for level in levels])
    axis.set(xlabel="level of noise", xlim=(-0.6, len(levels) - 0.4))
    axis.set_ylim(bottom=0)
    axis.grid(axis="x", visible=False)
