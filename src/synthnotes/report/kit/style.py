"""The look of all figures: sizes, letters, axes and legends; the same data give the same file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from synthnotes.machinery.files import replacing

WIDTH = 6.4  # inches, the width of the PDF's text
INK = "#1c2733"
QUIET = "#5a6877"
RULE = "#d5dbe1"
STRIPE = "#eef2f6"  # behind every other row
MOST_MARKERS = 40  # on one line


@dataclass(frozen=True)
class Look:
    """How one kind of things is drawn, wherever it appears."""

    label: str
    colour: str
    marker: str
    dash: Any = "-"


RC = {
    "font.family": "DejaVu Sans",
    "font.size": 7.6,
    "axes.titlesize": 8.4,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.6,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "text.color": INK,
    "legend.fontsize": 7.2,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 3.6,
    "svg.fonttype": "path",
    "svg.hashsalt": "synthnotes",
}


def panels(titles: Sequence[str], height: float, share_y: bool = True) -> tuple[Figure, list[Axes]]:
    """A figure of the text's width with one panel per title, side by side; `height` in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(1, len(titles), sharey=share_y, squeeze=False)[0]
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title)
    return figure, list(axes)


def by_panel(
    data: Mapping[str, Any],
    draw: Callable[[Axes, Any], None],
    height: float,
    y_label: str = "",
    share_y: bool = True,
    columns: int = 5,
    **settings: Any,
) -> Figure:
    """A figure with a panel for each title of `data`, one label of the y-axis and one legend.

    Args:
        data: what is drawn, by the panel's title.
        draw: draws it on the panel's axes.
        height: inches.
        y_label: of the first panel.
        share_y: whether all panels have the same y-axis.
        columns: of the legend, at most.
        settings: of all axes, as `Axes.set` takes them.
    """
    figure, axes = panels(list(data), height, share_y)
    for axis, of_panel in zip(axes, data.values(), strict=True):
        draw(axis, of_panel)
        axis.set(**settings)
    axes[0].set_ylabel(y_label)
    legend_below(figure, axes[0], columns)
    return figure


def notice(text: str) -> Figure:
    """A frame with a few words in it, in the place of a figure that cannot be drawn."""
    figure = Figure(figsize=(WIDTH, 1.1))
    figure.text(0.5, 0.5, text, ha="center", va="center", color=QUIET)
    figure.patch.set(edgecolor=RULE, linewidth=1)
    return figure


def legend_below(figure: Figure, axis: Axes, columns: int = 5) -> None:
    """One legend for all panels, under them, without repetitions."""
    handles, labels = axis.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=min(columns, len(unique)))


def logarithmic(axis: Axes) -> None:
    """A logarithmic x-axis with plain numbers at 1, 2 and 5 of each decade in view; left alone without data."""
    if not np.isfinite(axis.dataLim.get_points()).all():
        return
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def band(axis: Axes, x: np.ndarray, mean: np.ndarray, deviation: np.ndarray, look: Look, label: str = "") -> None:
    """A curve with its mean ± one standard deviation as a band, cut at the limits of a share."""
    low, high = np.clip(mean - deviation, 0, 1), np.clip(mean + deviation, 0, 1)
    axis.fill_between(x, low, high, color=look.colour, alpha=0.13, linewidth=0)
    axis.plot(x, mean, color=look.colour, marker=marker(look, len(x)), linestyle=look.dash, label=label or look.label)


def marker(look: Look, points: int) -> str | None:
    """A look's marker where the points of a line leave room for it; in a crowd, dashes and colours tell lines apart."""
    return look.marker if points <= MOST_MARKERS else None


def draw(drawing: Callable[[], Figure], path: Path) -> None:
    """Draws a figure in this look and writes it as SVG: text as outlines, no date, the same data give the same file."""
    with mpl.rc_context(RC), replacing(path) as temporary:
        drawing().savefig(temporary, format="svg", metadata={"Date": None, "Creator": "synthnotes"})
