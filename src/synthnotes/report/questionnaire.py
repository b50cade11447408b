"""Questionnaire: the raters' answers, the published evaluation and the rebuilt one, and studies (paper, section 8)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import TypedDict

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from synthnotes.report.kit.markup import Markdown, grouped, join
from synthnotes.report.kit.numbers import Numbers
from synthnotes.report.kit.report import Drawings
from synthnotes.report.kit.style import INK, QUIET, WIDTH, by_panel, legend_below, panels
from synthnotes.report.paper import LOOKS, NEUTRAL, CorpusNames, Paper, Row
from synthnotes.report.published import worst_verdict

__all__ = ["asked", "comparison", "pair_tests", "rated"]

STUDIES = {"mimic": "English", "sepr": "Swedish"}  # published, by corpus: the language of the notes
QUESTIONS = ("readability", "coherence")
PUBLISHED, REBUILT = "published.questionnaire", "ratings.published"
KINDS = ("real", "synthetic")
# From low to high, told apart without colour vision by lightness: dark ends, a light middle.
RATING_COLOURS = {1: "#A6501B", 2: "#EFB47E", 3: "#E4E6E9", 4: "#92BEDD", 5: "#1F5F99"}
RATING_LABELS = {1: "1, lowest", 5: "5, highest"}
LEAST_LABELLED = 8  # per cent: smaller parts of a bar have no room for their number


class Level(TypedDict):
    """How the notes of one level of readability are rated for coherence, and by how many ratings."""

    readability: int
    mean: float | None
    sd: float | None  # None for one rating
    ratings: int | None


def rated(paper: Paper, study: str) -> list[CorpusNames]:
    """The corpora about whose notes the raters of a study were asked."""
    known = {corpus.key: corpus for corpus in paper.corpora}
    of_others = {
        key: CorpusNames(key, key.upper(), STUDIES.get(key, key), key, "")
        for key in paper.numbers.below(f"ratings.{study}")
    }
    return [known.get(key, names) for key, names in of_others.items()]


def comparison(paper: Paper) -> list[Row]:
    """Study, quantity, published, rebuilt, and the verdict on both."""
    numbers = paper.numbers
    rows: list[Row] = []
    for study, language in STUDIES.items():
        for label, keys, how in _quantities(numbers, study):
            published, rebuilt = ([f"{of}.{study}.{key}" for key in keys] for of in (PUBLISHED, REBUILT))
            cells = [_joined(numbers, of, how) for of in (published, rebuilt)]
            rows.append([language, label, *cells, worst_verdict(paper, published)])
    return grouped(rows)


def _quantities(numbers: Numbers, study: str) -> Iterator[tuple[str, list[str], str]]:
    """Label, keys below the study, and what joins the numbers: `±`, `and`, or `p` before the second."""
    for question in QUESTIONS:
        for kind in KINDS:
            yield f"{question}, {kind}", [f"{question}.{kind}.{of}" for of in ("mean", "sd")], "±"
        medians = [f"{question}.{kind}.median" for kind in KINDS]
        if f"{PUBLISHED}.{study}.{medians[0]}" in numbers:  # of the Swedish study alone
            yield f"{question}, medians", medians, "and"
        yield f"{question}, Welch's t", [f"{question}.welch_t.{of}" for of in ("t", "p")], "p"
        yield f"{question}, Cohen's kappa", [f"{question}.mean_kappa_real_synthetic"], ""
    for name in ("pearson", "spearman"):
        label = f"readability and coherence, {name.capitalize()}'s correlation"
        yield label, [f"correlation.{name}.{of}" for of in ("r", "p")], "p"


def _joined(numbers: Numbers, keys: list[str], how: str) -> Markdown:
    if how == "±":
        return numbers.spread(*keys)
    if how == "p":
        return join(numbers.num(keys[0], ".3f"), " (", numbers.p(keys[1]), ")")
    if how == "and":
        return join(numbers.num(keys[0], ".1f"), " and ", numbers.num(keys[1], ".1f"))
    return numbers.num(keys[0], ".3f")


def pair_tests(paper: Paper) -> list[Row]:
    """Study, question, pair, published t and p, rebuilt t and p, the verdict on both, p after Holm's correction."""
    numbers = paper.numbers
    rows: list[Row] = []
    for study, question in product(STUDIES, QUESTIONS):
        for pair in numbers.below(f"{PUBLISHED}.{study}.{question}.student_t"):
            tests = [f"{of}.{study}.{question}.student_t.{pair}" for of in (PUBLISHED, REBUILT)]
            published, rebuilt = ([f"{test}.{of}" for of in ("t", "p")] for test in tests)
            rows.append(
                [
                    STUDIES[study],
                    question,
                    pair.removeprefix("pair_"),
                    *(_joined(numbers, keys, "p") for keys in (published, rebuilt)),
                    worst_verdict(paper, published),
                    numbers.num(f"{tests[1]}.p_holm", "p"),
                ]
            )
    return grouped(rows, 2)


def asked(paper: Paper, study: str, pattern: str) -> list[str]:
    """A text for each corpus and question of a study: `{corpus}`, `{language}` and `{question}` stand for them."""
    asked_about = product(rated(paper, study), QUESTIONS)
    texts = (pattern.format(corpus=of.key, language=of.language, question=question) for of, question in asked_about)
    return list(dict.fromkeys(texts))


def figures(paper: Paper) -> Drawings:
    """What draws the answers of each study."""

    def drawn(draw: Callable[[pd.DataFrame, Mapping[str, str]], Figure], study: str, table: str) -> Figure:
        return draw(paper.tables[f"ratings.{study}.{table}"], titles(study))

    def titles(study: str) -> dict[str, str]:
        return {corpus.key: f"{corpus.language} study" for corpus in rated(paper, study)}

    def correlated(study: str) -> Figure:
        prefix = "ratings.{}.{}.correlation.coherence_by_readability"
        return correlation({title: ratings(prefix.format(study, corpus)) for corpus, title in titles(study).items()})

    def ratings(prefix: str) -> list[Level]:
        value = paper.numbers.value
        return [
            Level(
                readability=int(of),
                mean=value(f"{prefix}.{of}.mean"),
                sd=value(f"{prefix}.{of}.sd"),
                ratings=value(f"{prefix}.{of}.ratings"),
            )
            for of in paper.numbers.below(prefix)
        ]

    found: dict[str, Callable[[], Figure]] = {}
    for study in paper.params.ratings.studies:
        found |= {
            f"{study}-boxes": partial(drawn, boxes, study, "answers"),
            f"{study}-answers": partial(drawn, stacked, study, "answers"),
            f"{study}-differences": partial(drawn, paired, study, "differences"),
            f"{study}-correlation": partial(correlated, study),
        }
    return found


def boxes(answers: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Box plots of the ratings, by pair and kind, and over all pairs: a row of panels per question.

    Args:
        answers: columns corpus, question, pair, kind, rating and answers (how often that rating was given).
        titles: panel title per corpus.
    """
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    rows = figure.subplots(len(QUESTIONS), len(titles), sharex="col", sharey=True, squeeze=False)
    for question, axes in zip(QUESTIONS, rows, strict=True):
        asked = answers[answers["question"] == question]
        for axis, corpus in zip(axes, titles, strict=True):
            _boxes_by_pair(axis, asked[asked["corpus"] == corpus])
        axes[0].set_ylabel(question)
    for axis, title in zip(rows[0], titles.values(), strict=True):
        axis.set_title(title)
    legend_below(figure, rows[0][0])
    return figure


def _boxes_by_pair(axis: Axes, answers: pd.DataFrame) -> None:
    """Real beside synthetic for every pair of notes, and for all of them together."""
    pairs = sorted(answers["pair"].unique())
    groups = [(f"pair {pair}", answers[answers["pair"] == pair]) for pair in pairs] + [("all", answers)]
    for kind, shift in zip(KINDS, (-0.19, 0.19), strict=True):
        look = LOOKS[kind]
        line = {"color": look.colour, "linewidth": 0.9}
        axis.boxplot(
            [_expand(group[group["kind"] == kind]) for _, group in groups],
            positions=np.arange(len(groups)) + shift,
            widths=0.3,
            patch_artist=True,
            manage_ticks=False,
            showmeans=True,
            boxprops={"facecolor": look.colour + "33", "edgecolor": look.colour, "linewidth": 0.9},
            medianprops={"color": look.colour, "linewidth": 2},
            meanprops={"marker": "D", "markersize": 3, "markerfacecolor": "white", "markeredgecolor": INK},
            whiskerprops=line,
            capprops=line,
            flierprops={"marker": ".", "markersize": 3, "markeredgecolor": look.colour},
        )
        axis.fill_between([], [], color=look.colour, alpha=0.35, label=look.label)
    axis.axvline(len(pairs) - 0.5, color=QUIET, linewidth=0.6, linestyle=(0, (2, 2)))
    axis.set_xticks(range(len(groups)), [name for name, _ in groups])
    axis.set(ylim=(0.7, 5.3), yticks=range(1, 6))
    axis.grid(axis="x", visible=False)


def stacked(answers: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """The answers from 1 to 5 as stacked bars, split at the middle of the scale: low ratings left, high ones right.

    Args:
        answers: as for `boxes`.
        titles: panel title per corpus.
    """
    bars = [(question, kind) for question in QUESTIONS for kind in KINDS]
    heights = [3.5, 2.7, 1.2, 0.4]

    def draw(axis: Axes, of_corpus: pd.DataFrame) -> None:
        for at, (question, kind) in zip(heights, bars, strict=True):
            given = of_corpus[(of_corpus["question"] == question) & (of_corpus["kind"] == kind)]
            shares = 100 * given.groupby("rating")["answers"].sum() / given["answers"].sum()
            left = -(shares[1] + shares[2] + shares[3] / 2)
            for rating, share in shares.items():
                axis.barh(at, share, 0.68, left=left, color=RATING_COLOURS[rating], edgecolor="white", linewidth=0.5)
                if share >= LEAST_LABELLED:
                    ink = "white" if rating in (1, 5) else INK
                    axis.text(left + share / 2, at, f"{share:.0f}", ha="center", va="center", fontsize=6.2, color=ink)
                left += share
        axis.axvline(0, color=QUIET, linewidth=0.7, zorder=0.6)  # behind the numbers
        axis.set_yticks(heights, [", ".join(bar) for bar in bars])
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):.0f}"))
        axis.grid(axis="y", visible=False)
        place = axis.get_subplotspec()
        for rating, colour in RATING_COLOURS.items() if place and place.is_first_col() else ():
            axis.fill_between([], [], color=colour, label=RATING_LABELS.get(rating, str(rating)))

    by_title, label = _by_title(answers, titles), "per cent of the ratings"
    return by_panel(by_title, draw, 1.9, xlabel=label, xlim=(-100, 100), ylim=(-0.1, 4))


def paired(differences: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Each rater's differences, synthetic minus real: a mark per value, as large as often it occurred, and the mean.

    Args:
        differences: columns corpus, question, rater, difference and pairs (how many had that difference).
        titles: panel title per corpus.
    """

    def draw(axis: Axes, of_corpus: pd.DataFrame) -> None:
        axis.axhline(0, color=QUIET, linewidth=0.8)
        for question, (colour, sign, _), shift in zip(QUESTIONS, NEUTRAL, (-0.2, 0.2), strict=False):
            given = of_corpus[of_corpus["question"] == question]
            at = given["rater"] + shift
            axis.scatter(at, given["difference"], s=11 * given["pairs"], color=colour, marker=sign, alpha=0.75, lw=0)
            totals = (given["difference"] * given["pairs"]).groupby(given["rater"]).sum()
            means = totals / given.groupby("rater")["pairs"].sum()
            x = means.index + shift
            axis.hlines(means, x - 0.16, x + 0.16, color=colour, linewidth=1.8)
            axis.scatter([], [], color=colour, marker=sign, s=22, label=question)
        axis.plot([], [], color=INK, linewidth=1.8, label="mean of the rater")
        raters = sorted(of_corpus["rater"].unique())
        axis.set(xlabel="rater", xlim=(0.4, max(raters) + 0.6), ylim=(-4.4, 4.4), yticks=range(-4, 5, 2), xticks=raters)
        axis.grid(axis="x", visible=False)
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:+.0f}".replace("-", "−").replace("+0", "0"))

    return by_panel(_by_title(differences, titles), draw, 2.2, "synthetic minus real")


def _by_title(table: pd.DataFrame, titles: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """The rows of each corpus, by the title of its panel."""
    return {title: table[table["corpus"] == corpus] for corpus, title in titles.items()}


def correlation(levels: Mapping[str, Sequence[Level]]) -> Figure:
    """Mean coherence ± one standard deviation at each level of readability; a mark's area is its number of ratings.

    Args:
        levels: per panel's title one entry per level.
    """
    figure, axes = panels(list(levels), 2.0)
    for axis, entries in zip(axes, levels.values(), strict=True):
        x = [entry["readability"] for entry in entries]
        mean = np.array([entry["mean"] for entry in entries], dtype=float)
        sd = np.array([entry["sd"] or 0 for entry in entries], dtype=float)
        axis.errorbar(x, mean, yerr=sd, color=INK, linewidth=1, capsize=2.5, elinewidth=0.8)
        axis.scatter(x, mean, s=[6 * (entry["ratings"] or 0) for entry in entries], color="#8a97a5", zorder=3)
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
