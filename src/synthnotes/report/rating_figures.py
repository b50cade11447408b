"""The figures of the questionnaire: box plots of the ratings, and how its two questions go together."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthnotes.report.style import INK, LOOKS, QUIET, legend_below, panels


def boxes(answers: pd.DataFrame, question: str, titles: Mapping[str, str]) -> Figure:
    """Box plots of one question's ratings, by pair and kind, and over all pairs.

    Args:
        answers: columns corpus, question, pair, kind, rating and answers (how often that rating was given).
        question: readability or coherence.
        titles: panel title per corpus.
    """
    figure, axes = panels(list(titles.values()), 2.5)
    asked = answers[answers["question"] == question]
    for axis, corpus in zip(axes, titles, strict=True):
        of_corpus = asked[asked["corpus"] == corpus]
        pairs = sorted(of_corpus["pair"].unique())
        groups = [(f"pair {pair}", of_corpus[of_corpus["pair"] == pair]) for pair in pairs] + [("all", of_corpus)]
        for kind, shift in (("real", -0.19), ("synthetic", 0.19)):
            look = LOOKS[kind]
            ratings = [_expand(group[group["kind"] == kind]) for _, group in groups]
            at = np.arange(len(groups)) + shift
            axis.boxplot(
                ratings,
                positions=at,
                widths=0.3,
                patch_artist=True,
                manage_ticks=False,
                showmeans=True,
                boxprops={"facecolor": look.colour + "33", "edgecolor": look.colour, "linewidth": 0.9},
                medianprops={"color": look.colour, "linewidth": 2},
                meanprops={"marker": "D", "markersize": 3, "markerfacecolor": "white", "markeredgecolor": INK},
                whiskerprops={"color": look.colour, "linewidth": 0.9},
                capprops={"color": look.colour, "linewidth": 0.9},
                flierprops={"marker": ".", "markersize": 3, "markeredgecolor": look.colour},
            )
            axis.fill_between([], [], color=look.colour, alpha=0.35, label=look.label)
        axis.axvline(len(pairs) - 0.5, color=QUIET, linewidth=0.6, linestyle=(0, (2, 2)))
        axis.set_xticks(range(len(groups)), [name for name, _ in groups])
        axis.set(ylim=(0.7, 5.3), yticks=range(1, 6))
        axis.grid(axis="x", visible=False)
    axes[0].set_ylabel(question)
    legend_below(figure, axes[0])
    return figure


def correlation(levels: Mapping[str, Sequence[Mapping[str, float | None]]]) -> Figure:
    """Mean coherence ± one standard deviation at each level of readability; a mark's area is its number of ratings.

    Args:
        levels: per panel's title one entry per level: readability, mean, sd (None for one rating), ratings.
    """
    figure, axes = panels(list(levels), 2.4)
    for axis, entries in zip(axes, levels.values(), strict=True):
        x = [entry["readability"] for entry in entries]
        mean = np.array([entry["mean"] for entry in entries], dtype=float)
        sd = np.array([entry["sd"] or 0 for entry in entries], dtype=float)
        axis.errorbar(x, mean, yerr=sd, color=INK, linewidth=1, capsize=2.5, elinewidth=0.8)
        axis.scatter(x, mean, s=[6 * (entry["ratings"] or 0) for entry in entries], color="#6f7f90", zorder=3)
        for entry in entries:
            axis.annotate(
                str(entry["ratings"]), (entry["readability"], 0.72), ha="center", fontsize=6.4, color=QUIET, va="bottom"
            )
        axis.set(xlabel="readability", xlim=(0.6, 5.4), ylim=(0.6, 5.6), xticks=range(1, 6), yticks=range(1, 6))
    axes[0].set_ylabel("coherence")
    return figure


def _expand(answers: pd.DataFrame) -> np.ndarray:
    """Single ratings from their counts."""
    return np.repeat(answers["rating"].to_numpy(float), answers["answers"].to_numpy(int))
