"""The figures: each takes the data of one result file per panel and gives a matplotlib figure."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthnotes.report.style import LOOKS, NEUTRAL, QUIET, band, legend_below, logarithmic, panels


def training_loss(curves: Mapping[str, pd.DataFrame], held_out: Mapping[str, float | None]) -> Figure:
    """The generator's loss over the steps of fine-tuning, and its loss on unseen notes at the end.

    Args:
        curves: per panel's title the columns step and loss.
        held_out: per panel's title the loss on unseen notes, None where it was not measured.
    """
    figure, axes = panels(list(curves), 2.1, share_y=False)
    for axis, (title, curve) in zip(axes, curves.items(), strict=True):
        axis.plot(curve["step"], curve["loss"], color=LOOKS["real_l"].colour, label="notes of L, training")
        if (loss := held_out[title]) is not None:
            line = {"color": LOOKS["real_s"].colour, "linewidth": 1.2, "linestyle": (0, (4, 2))}
            axis.axhline(loss, label="unseen notes of S, at the end", **line)
        axis.set_xlabel("optimiser step")
        axis.set_ylim(bottom=0)
    axes[0].set_ylabel("cross-entropy per token")
    legend_below(figure, axes[0])
    return figure


def coder_curves(curves: Mapping[str, Mapping[str, Sequence[pd.DataFrame]]]) -> Figure:
    """Validation MAP of the coders by epoch, a line for each seed; the best epochs, whose weights are kept, are ringed.

    Args:
        curves: per panel, training set and seed the columns epoch and validation_map.
    """
    figure, axes = panels(list(curves), 2.1)
    for axis, coders in zip(axes, curves.values(), strict=True):
        for training, of_seeds in coders.items():
            look = LOOKS[training]
            for seed, curve in enumerate(of_seeds):
                first = {"marker": look.marker, "label": look.label} if not seed else {"linewidth": 0.8}
                axis.plot(curve["epoch"], curve["validation_map"], color=look.colour, linestyle=look.dash, **first)
                best = curve.loc[curve["validation_map"].idxmax()]
                axis.plot(best["epoch"], best["validation_map"], "o", ms=8, mfc="none", mec=look.colour, mew=1)
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylabel("mean average precision")
    legend_below(figure, axes[0])
    return figure


def recall(distributions: Mapping[str, pd.DataFrame]) -> Figure:
    """How many notes have a nearest training note above a given recall: synthetic notes against the control.

    Args:
        distributions: per panel's title the columns kind (synthetic or control), recall (a bin's upper end) and
            cumulative_share.
    """
    figure, axes = panels(list(distributions), 2.1)
    for axis, distribution in zip(axes, distributions.values(), strict=True):
        for kind in ("control", "synthetic"):
            of_kind = distribution[distribution["kind"] == kind]
            look = LOOKS[kind]
            x = np.concatenate([[0], of_kind["recall"]])
            above = 1 - np.concatenate([[0], of_kind["cumulative_share"]])
            axis.step(x, above, where="post", color=look.colour, linestyle=look.dash, label=look.label)
        axis.set(xlabel="ROUGE recall of the nearest training note", xlim=(0, 1), ylim=(0, 1.02))
    axes[0].set_ylabel("share of notes above")
    legend_below(figure, axes[0])
    return figure


def passages(distributions: Mapping[str, pd.DataFrame]) -> Figure:
    """How many notes share a passage of more than a number of words with training: synthetic notes and the control.

    Args:
        distributions: per panel's title the columns kind (synthetic or control), words and share_longer.
    """
    figure, axes = panels(list(distributions), 2.1)
    for axis, distribution in zip(axes, distributions.values(), strict=True):
        for kind in ("control", "synthetic"):
            of_kind = distribution[distribution["kind"] == kind]
            look = LOOKS[kind]
            axis.step(
                of_kind["words"],
                of_kind["share_longer"],
                where="post",
                color=look.colour,
                linestyle=look.dash,
                label=look.label,
            )
        axis.set(xlabel="words of the longest shared passage", ylim=(0, 1.02))
        axis.set_xlim(left=0)
    axes[0].set_ylabel("share of notes above")
    legend_below(figure, axes[0])
    return figure


def detection(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """How many planted passages are found, by their length and by measure.

    Args:
        curves: per panel's title the columns words, flagged_by_passage, flagged_by_recall and nearest_is_source.
    """
    lines = {
        "flagged_by_passage": "flagged by longest passage",
        "flagged_by_recall": "flagged by ROUGE recall",
        "nearest_is_source": "nearest note is the source",
    }
    figure, axes = panels(list(curves), 2.2)
    for axis, curve in zip(axes, curves.values(), strict=True):
        for (column, label), (colour, sign, dash) in zip(lines.items(), NEUTRAL, strict=True):
            axis.plot(curve["words"], curve[column], label=label, color=colour, marker=sign, linestyle=dash)
        axis.set(xlabel="words planted", ylim=(-0.02, 1.02))
        axis.set_xlim(left=0)
    axes[0].set_ylabel("share of planted passages")
    legend_below(figure, axes[0])
    return figure


def binned_f1(
    curves: Mapping[str, pd.DataFrame],
    label: str,
    log: bool = False,
    boundary: float | None = None,
    limit: float | None = None,
) -> Figure:
    """F1 of both coders against a quantity, in quantile bins: mean and band of one standard deviation.

    Args:
        curves: per panel's title the columns coder (real or synthetic), x, mean and sd.
        label: the quantity.
        log: whether the quantity's axis is logarithmic.
        boundary: draws a dashed line at this value.
        limit: draws a solid line at this value, where the coders stop reading.
    """
    figure, axes = panels(list(curves), 2.3)
    for axis, curve in zip(axes, curves.values(), strict=True):
        for coder in ("real", "synthetic"):
            of_coder = curve[curve["coder"] == coder].sort_values("x")
            band(axis, *(of_coder[column].to_numpy(float) for column in ("x", "mean", "sd")), LOOKS[coder])
        axis.set(xlabel=label, ylim=(0, 1.02))
        if log:
            logarithmic(axis)
        for at, dash in ((boundary, (0, (2, 2))), (limit, "-")):
            if at is not None and curve["x"].min() < at < curve["x"].max():
                axis.axvline(at, color=QUIET, linewidth=0.8, linestyle=dash)
    axes[0].set_ylabel("F1")
    legend_below(figure, axes[0])
    return figure


def noise_curves(
    curves: pd.DataFrame, distances: pd.DataFrame, nearest: tuple[str, int, float], synthetic: str = "synthetic"
) -> Figure:
    """The coders trained on noisy notes beside the one trained on synthetic notes, and how far from it they are.

    Args:
        curves: columns coder (synthetic, h1-20, …), curve (frequency or length), x and mean.
        distances: columns hypothesis, level, value, low and high.
        nearest: hypothesis, level and value of the smallest distance, which is ringed, also between trained levels.
        synthetic: the coder to compare with.
    """
    figure, axes = panels(["F1 by frequency", "F1 by length", "distance from synthetic S"], 2.6, share_y=False)
    levels = sorted(distances["level"].unique())
    for axis, curve in zip(axes, ("frequency", "length"), strict=False):
        of_curve = curves[curves["curve"] == curve].sort_values("x")
        for hypothesis, level in zip(distances["hypothesis"], distances["level"], strict=True):
            of_coder, look = of_curve[of_curve["coder"] == f"{hypothesis}-{level}"], LOOKS[hypothesis]
            # The more noise, the stronger the colour.
            strength = 0.4 + 0.6 * (levels.index(level) + 1) / len(levels)
            line = {"color": look.colour, "alpha": strength, "linestyle": look.dash, "linewidth": 1.1}
            axis.plot(of_coder["x"], of_coder["mean"], label=f"{look.label}, {level} %", **line)
        of_coder, look = of_curve[of_curve["coder"] == synthetic], LOOKS["synthetic_s"]
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
    levels = sorted(distances["level"].unique())
    for position, hypothesis in enumerate(hypotheses):
        look, of_one = LOOKS[hypothesis], distances[distances["hypothesis"] == hypothesis].set_index("level")
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


def reliability(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """How many of the codes that got a probability are true; on the diagonal, as many as the probability says.

    Args:
        curves: per panel's title the columns coder (real or synthetic), probability and share_true.
    """
    figure, axes = panels(list(curves), 2.3)
    for axis, curve in zip(axes, curves.values(), strict=True):
        axis.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle=(0, (2, 2)), label="calibrated")
        for coder in ("real", "synthetic"):
            of_coder, look = curve[curve["coder"] == coder], LOOKS[f"{coder}_s"]
            line = {"color": look.colour, "marker": look.marker, "linestyle": look.dash, "label": look.label}
            axis.plot(of_coder["probability"], of_coder["share_true"], **line)
        axis.set(xlabel="probability of a code", xlim=(0, 1.02), ylim=(0, 1.02))
    axes[0].set_ylabel("share of true codes")
    legend_below(figure, axes[0])
    return figure
