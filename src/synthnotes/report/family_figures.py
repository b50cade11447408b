"""The families of codes: what the coders predict, and what stands in the place of what."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from synthnotes.corpus.icd import FAMILY_NAMES
from synthnotes.report.style import LOOKS, OTHERS, PARTS, legend_below, panels

CHAPTER_LABELS = {"truth": "true codes", "real": "predicted, real S", "synthetic": "predicted, synthetic S"}
NOTHING_MISSED = "none"  # in the column missed: the note has a wrong code, and misses none
REST = "…"


def chapter_pies(chapters: pd.DataFrame, most: int) -> Figure:
    """The chapters of the true codes of E and of all predictions, as parts of a whole.

    Args:
        chapters: columns coder (truth, real, synthetic), family, title and share.
        most: chapters shown; the smaller ones go to "Others".
    """
    shares = _shares_by_chapter(chapters, most)
    figure, axes = panels([""] * len(shares.columns), 2.55)
    colours = [OTHERS if title == "Others" else PARTS[i % len(PARTS)] for i, title in enumerate(shares.index)]
    for axis, coder in zip(axes, shares, strict=True):
        axis.pie(
            shares[coder],
            colors=colours,
            startangle=90,
            counterclock=False,
            wedgeprops={"edgecolor": "white", "linewidth": 0.8},
            autopct=lambda percent: f"{percent:.0f} %" if percent >= 6 else "",
            pctdistance=0.74,
            textprops={"fontsize": 6.3, "color": "white", "fontweight": "bold"},
        )
        axis.set_title(CHAPTER_LABELS[coder], loc="center")
    handles = [
        Patch(color=colour, label=shorten(title, 40)) for colour, title in zip(colours, shares.index, strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=6, handlelength=1, handleheight=1)
    return figure


def chapter_bars(chapters: pd.DataFrame, most: int) -> Figure:
    """The same shares as bars side by side, which compare better than slices. Arguments as for `chapter_pies`."""
    shares = _shares_by_chapter(chapters, most).iloc[::-1]
    figure, (axis,) = panels([""], 0.75 + 0.19 * len(shares))
    at = np.arange(len(shares))
    for shift, coder in ((0.27, "truth"), (0, "real"), (-0.27, "synthetic")):
        axis.barh(at + shift, 100 * shares[coder], 0.25, color=LOOKS[coder].colour, label=CHAPTER_LABELS[coder])
    axis.set_yticks(at, [shorten(title, 46) for title in shares.index])
    axis.set_xlabel("per cent of the codes")
    axis.grid(axis="y", visible=False)
    legend_below(figure, axis)
    return figure


def confusion(table: pd.DataFrame, chapters: pd.DataFrame, most: int) -> Figure:
    """Which families wrong codes are of, and of which families the codes are that the note misses.

    Args:
        table: columns coder (real, synthetic), missed and predicted (families) and share of the coder's wrong codes.
        chapters: as for `chapter_pies`; its order is that of the rows and columns.
        most: families shown; the rest is put together.
    """
    named = [name for name in chapters["family"].unique() if name != "Others"][:most]
    shown = [*named, REST]
    table = table.assign(
        missed=table["missed"].where(table["missed"].isin([*named, NOTHING_MISSED]), REST),
        predicted=table["predicted"].where(table["predicted"].isin(named), REST),
    )
    cells = {
        coder: 100
        * table[table["coder"] == coder]
        .pivot_table(index="missed", columns="predicted", values="share", aggfunc="sum")
        .reindex(index=[*shown, NOTHING_MISSED], columns=shown)
        .fillna(0)
        for coder in ("real", "synthetic")
    }
    figure, axes = panels([LOOKS[f"{coder}_s"].label for coder in cells], 0.9 + 0.2 * len(shown))
    darkest = max(5.0, *(values.to_numpy().max() for values in cells.values()))
    titles = [f"{shorten(FAMILY_NAMES.get(name, name), 26)}  {name}" for name in named]
    for axis, values in zip(axes, cells.values(), strict=True):
        axis.imshow(values, cmap="Blues", vmin=0, vmax=darkest, aspect="auto")
        axis.set_xticks(range(len(shown)), shown, rotation=90)
        axis.set_yticks(range(len(shown) + 1), [*titles, "others", "no code missed"])
        axis.grid(visible=False)
        axis.set_xlabel("family of the wrong code")
        for row, column in np.argwhere(values.to_numpy() >= 1):
            value = values.iloc[row, column]
            ink = "white" if value > darkest / 2 else "black"
            axis.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=5.6, color=ink)
    axes[0].set_ylabel("family of the codes missed")
    return figure


def shorten(title: str, length: int) -> str:
    """A title cut at a word, with an ellipsis, where it is longer than `length` characters."""
    if len(title) <= length:
        return title
    return title[:length].rsplit(" ", 1)[0].rstrip(",;") + " …"


def _shares_by_chapter(chapters: pd.DataFrame, most: int) -> pd.DataFrame:
    """Shares as titles x coders, in the file's order; what comes after `most` chapters is added to "Others"."""
    shares = chapters.pivot(index="title", columns="coder", values="share").loc[chapters["title"].unique()]
    named = [title for title in shares.index if title != "Others"]
    rest = [title for title in shares.index if title not in named[:most]]
    shown = shares.loc[named[:most]]
    if rest:
        shown = pd.concat([shown, shares.loc[rest].sum().to_frame("Others").T])
    return shown[list(CHAPTER_LABELS)].fillna(0)
