"""Errors: which codes, in which notes and of which families, the coders get wrong (paper, sections 6.3.1 to 6.3.3)."""

import itertools
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib import color_sequences
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from synthnotes.corpus.icd import FAMILY_NAMES
from synthnotes.report.kit.markup import Markdown, join, shorten
from synthnotes.report.kit.report import Drawings
from synthnotes.report.kit.style import INK, QUIET, RULE, WIDTH, band, by_panel, logarithmic, panels
from synthnotes.report.paper import LOOKS, TRAININGS, CorpusNames, Paper, Row, by_corpus

__all__ = ["correlations", "f1_changes"]

CODES_LISTED = 10  # of a corpus
LONGEST_NAME = 26  # characters of a family's name
CHAPTER_LABELS = {"truth": "true codes", "real": "predicted, real S", "synthetic": "predicted, synthetic S"}
NOTHING_MISSED = "none"  # in the column missed: the note has a wrong code, and misses none
REST = "…"
PIE_COLOURS = color_sequences["tab20"]
LEAST_LABELLED = 4  # per cent: smaller slices hold no number
OTHERS = "Others"  # the small families, put together by the stage that counts them


@by_corpus(columns=2)
def correlations(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, training set, what F1 is correlated with, codes or notes, both correlations with interval and p.

    The last row of a corpus is of the change of F1 from one coder to the other.
    """
    numbers = paper.numbers
    for coder in ("real", "synthetic"):
        prefix = f"errors.{corpus.key}.{coder}"
        boundary, limit = numbers.nums(f"{prefix}.length", "boundary limit", ",")
        quantities = {
            "frequency": "frequency",
            "length.below": join("length, below ", boundary),
            "length.above": join("length, ", boundary, " to ", limit),
        }
        for key, quantity in quantities.items():
            if numbers.value(f"{prefix}.{key}.n"):
                yield [corpus.name, TRAININGS[f"{coder}_s"], quantity, *_correlation(paper, f"{prefix}.{key}")]
    change = _correlation(paper, f"errors.{corpus.key}.codes.rarity")
    yield [corpus.name, "change", "frequency in real S", *change]


def _correlation(paper: Paper, prefix: str) -> list[Markdown]:
    """How many pairs, and Pearson's and Spearman's coefficient with interval and p."""
    numbers = paper.numbers
    cells = [numbers.num(f"{prefix}.n", ",")]
    for of in (f"{prefix}.pearson", f"{prefix}.spearman"):
        cells += [numbers.with_interval(f"{of}.r", of, "+.2f"), numbers.num(f"{of}.p", "p")]
    return cells


@by_corpus()
def f1_changes(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, code, family, notes of E, training notes, F1 of both coders, difference with its interval.

    The tables hold the codes of a corpus, the greatest loss first.
    """
    name = f"errors.{corpus.key}.codes"
    for row, (_, code) in enumerate(paper.tables.table(name)[0].head(CODES_LISTED).iterrows()):
        cell = partial(paper.numbers.cell, paper.tables, name, row)
        counts = [cell(of, ",") for of in ("notes", "training_real", "training_synthetic")]
        scores = [cell(of, ".2f") for of in ("f1_real", "f1_synthetic")]
        low, high = (cell(of, "+.2f") for of in ("low", "high"))
        difference = Markdown(rf"{cell('difference', '+.2f')} \[{low}, {high}\]")
        family = shorten(FAMILY_NAMES.get(code["family"], code["family"]), LONGEST_NAME)
        yield [corpus.name, code["code"], family, *counts, *scores, difference]


def figures(paper: Paper) -> Drawings:
    """What draws F1 against frequency and length, the families of codes, and calibration."""
    most = paper.params.report.top_chapters
    marks = {"boundary": paper.params.errors.length_boundary, "limit": paper.params.coding.max_words}

    def confused(corpus: CorpusNames) -> Figure:
        table, chapters = (paper.tables[f"errors.{corpus.key}.{of}"] for of in ("confusion", "chapters"))
        return confusion(table, chapters, most)

    x_label = "training notes with the code"
    return {
        "frequency": partial(paper.drawn, binned_f1, "errors.{}.frequency", x_label, log=True),
        "length": partial(paper.drawn, binned_f1, "errors.{}.length", "words in the note", **marks),
        "families": partial(paper.drawn, family_shares, "errors.{}.chapters", most),
        "pies": partial(paper.drawn, family_pies, "errors.{}.chapters", most),
        "calibration": partial(paper.drawn, reliability, "errors.{}.calibration"),
    } | {f"confusion-{corpus.key}": partial(confused, corpus) for corpus in paper.corpora}


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

    def draw(axis: Axes, curve: pd.DataFrame) -> None:
        for coder in ("real", "synthetic"):
            of_coder = curve[curve["coder"] == coder].sort_values("x")
            x, mean, sd = (of_coder[column].to_numpy(float) for column in ("x", "mean", "sd"))
            band(axis, x, mean, sd, LOOKS[coder])
        if log:
            logarithmic(axis)
        for at, dash in ((boundary, (0, (2, 2))), (limit, "-")):
            if at is not None and curve["x"].min() < at < curve["x"].max():
                axis.axvline(at, color=QUIET, linewidth=0.8, linestyle=dash)

    return by_panel(curves, draw, 2.3, "F1", xlabel=label, ylim=(0, 1.02))


def family_shares(chapters: Mapping[str, pd.DataFrame], most: int) -> Figure:
    """The families of both coders' predictions as bars side by side, and of the true codes of E as a mark on them.

    Args:
        chapters: per panel's title the columns coder (truth, real, synthetic), family, title and share.
        most: families shown of each panel; the smaller ones go to "Others".
    """
    shares = {panel: _shares_by_chapter(table, most) for panel, table in chapters.items()}
    titles = _by_size(shares)[::-1]  # upwards on the axis
    at = np.arange(len(titles))

    def draw(axis: Axes, of_panel: pd.DataFrame) -> None:
        of_panel = 100 * of_panel.reindex(titles)
        for coder, above in (("real", 0.18), ("synthetic", -0.18)):
            axis.barh(at + above, of_panel[coder], 0.34, color=LOOKS[coder].colour, label=CHAPTER_LABELS[coder])
        axis.plot(
            of_panel["truth"],
            at,
            label=CHAPTER_LABELS["truth"],
            color=INK,
            marker="|",
            linestyle="none",
            markersize=9,
            markeredgewidth=1.4,
        )
        axis.grid(axis="y", visible=False)
        axis.set_xlim(left=0)
        axis.set_yticks(at, [shorten(title, 44) for title in titles])

    height, reach = 0.75 + 0.2 * len(titles), (-0.7, len(titles) - 0.3)
    return by_panel(shares, draw, height, xlabel="per cent of the codes", ylim=reach)


def family_pies(chapters: Mapping[str, pd.DataFrame], most: int) -> Figure:
    """The same shares as the paper draws them: a pie for the true codes and for each coder, a row for each corpus.

    Args:
        chapters, most: as in `family_shares`.
    """
    shares = {title: _shares_by_chapter(table, most) for title, table in chapters.items()}
    titles = _by_size(shares)
    colours = dict(zip(titles, itertools.cycle(PIE_COLOURS), strict=False)) | {OTHERS: RULE}
    figure = Figure(figsize=(WIDTH, 2.1 * len(shares) + 0.2 * -(-len(titles) // 3)), layout="constrained")
    rows = figure.subplots(len(shares), len(CHAPTER_LABELS), squeeze=False)
    for axes, (corpus, of_corpus) in zip(rows, shares.items(), strict=True):
        for axis, (coder, label) in zip(axes, CHAPTER_LABELS.items(), strict=True):
            values = of_corpus[coder].clip(lower=0)
            if values.sum() > 0:  # a coder that predicts nothing has no pie
                axis.pie(
                    values,
                    colors=[colours[title] for title in values.index],
                    startangle=90,
                    counterclock=False,
                    autopct=lambda per_cent: f"{per_cent:.0f}" if per_cent >= LEAST_LABELLED else "",
                    pctdistance=0.78,
                    wedgeprops={"edgecolor": "white", "linewidth": 0.4},
                    textprops={"fontsize": 5.8},
                )
            axis.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05))
            axis.set_title(f"{corpus}: {label}", loc="center", y=1.0)  # y as given: the layout then leaves room for it
    keys = [Patch(color=colours[title], label=shorten(title, 36)) for title in titles]
    figure.legend(handles=keys, loc="outside lower center", ncols=3, fontsize=6.4)
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


def _by_size(shares: Mapping[str, pd.DataFrame]) -> list[str]:
    """The families of all panels, the largest first and "Others" last."""
    largest = pd.concat(shares.values()).groupby(level=0).max().max(axis=1).sort_values(ascending=False)
    return [*(title for title in largest.index if title != OTHERS), *(OTHERS in largest.index) * [OTHERS]]


def _shares_by_chapter(chapters: pd.DataFrame, most: int) -> pd.DataFrame:
    """Shares as titles x coders, in the file's order; what comes after `most` chapters is added to "Others"."""
    shares = chapters.pivot(index="title", columns="coder", values="share").loc[chapters["title"].unique()]
    named = [title for title in shares.index if title != OTHERS]
    rest = [title for title in shares.index if title not in named[:most]]
    shown = shares.loc[named[:most]]
    if rest:
        shown = pd.concat([shown, shares.loc[rest].sum().to_frame(OTHERS).T])
    return shown[list(CHAPTER_LABELS)].fillna(0)


def reliability(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """How many of the codes that got a probability are true; on the diagonal, as many as the probability says.

    Args:
        curves: per panel's title the columns coder (real or synthetic), probability and share_true.
    """

    def draw(axis: Axes, curve: pd.DataFrame) -> None:
        axis.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle=(0, (2, 2)), label="calibrated")
        for coder in ("real", "synthetic"):
            of_coder, look = curve[curve["coder"] == coder], LOOKS[f"{coder}_s"]
            axis.plot(
                of_coder["probability"],
                of_coder["share_true"],
                color=look.colour,
                marker=look.marker,
                linestyle=look.dash,
                label=look.label,
            )

    share = (0, 1.02)
    return by_panel(curves, draw, 2.3, "share of true codes", xlabel="probability of a code", xlim=share, ylim=share)
