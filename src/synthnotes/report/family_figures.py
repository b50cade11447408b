"""The families of codes: which ones the coders predict, and what stands in the place of what."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthnotes.corpus.icd import FAMILY_NAMES
from synthnotes.report.style import LOOKS, RULE, legend_below, panels
from synthnotes.report.tables import shorten

CHAPTER_LABELS = {"truth": "true codes", "real": "predicted, real S", "synthetic": "predicted, synthetic S"}
NOTHING_MISSED = "none"  # in the column missed: the note has a wrong code, and misses none
REST = "…"
OTHERS = "Others"  # the small families, put together by the stage that counts them


def family_shares(chapters: Mapping[str, pd.DataFrame], most: int) -> Figure:
    """The families of the true codes of E and of both coders' predictions, one mark each, on a line per family.

    Args:
        chapters: per panel's title the columns coder (truth, real, synthetic), family, title and share.
        most: families shown of each panel; the smaller ones go to "Others".
    """
    shares = {panel: _shares_by_chapter(table, most) for panel, table in chapters.items()}
    largest = pd.concat(shares.values()).groupby(level=0).max().max(axis=1).sort_values()
    titles = [*(OTHERS in largest.index) * [OTHERS], *(title for title in largest.index if title != OTHERS)]
    figure, axes = panels(list(chapters), 0.75 + 0.165 * len(titles))
    for axis, of_panel in zip(axes, shares.values(), strict=True):
        of_panel = 100 * of_panel.reindex(titles)
        axis.hlines(range(len(titles)), of_panel.min(axis=1), of_panel.max(axis=1), color=RULE, linewidth=2.2)
        for coder, label in CHAPTER_LABELS.items():
            look = LOOKS[coder]
            sign = {"color": look.colour, "marker": look.marker, "linestyle": "none", "markersize": 4.4}
            axis.plot(of_panel[coder], range(len(titles)), label=label, **sign)
        axis.set(xlabel="per cent of the codes", ylim=(-0.7, len(titles) - 0.3))
        axis.set_xlim(left=0)
        axis.set_yticks(range(len(titles)), [shorten(title, 44) for title in titles])
    legend_below(figure, axes[0])
    return figure


def confusion(table: pd.DataFrame, chapters: pd.DataFrame, most: int) -> Figure:
    """Which families wrong codes are of, and of which families the codes are that the note misses.

    Args:
        table: columns coder (real, synthetic), missed and predicted (families) and share of the coder's wrong codes.
        chapters: columns coder (truth, real, synthetic), family, title and share; their order is that of the families.
        most: families shown; the rest is put together.
    """
    named = [name for name in chapters["family"].unique() if name != OTHERS][:most]
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
    figure, axes = panels([LOOKS[f"{coder}_s"].label for coder in cells], 0.8 + 0.165 * len(shown))
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


def _shares_by_chapter(chapters: pd.DataFrame, most: int) -> pd.DataFrame:
    """Shares as titles x coders, in the file's order; what comes after `most` chapters is added to "Others"."""
    shares = chapters.pivot(index="title", columns="coder", values="share").loc[chapters["title"].unique()]
    named = [title for title in shares.index if title != OTHERS]
    rest = [title for title in shares.index if title not in named[:most]]
    shown = shares.loc[named[:most]]
    if rest:
        shown = pd.concat([shown, shares.loc[rest].sum().to_frame(OTHERS).T])
    return shown[list(CHAPTER_LABELS)].fillna(0)
