"""Utility: the coders by the notes from which they learnt, and the differences between them (paper, section 6.2).

Numbers of coders are means over the seeds.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthnotes.machinery.params import TRAINING_SETS
from synthnotes.report.kit.markup import HYPHEN, Markdown
from synthnotes.report.kit.numbers import MISSING
from synthnotes.report.kit.report import Drawings
from synthnotes.report.kit.style import QUIET, STRIPE, by_panel
from synthnotes.report.paper import LOOKS, NEUTRAL, TRAININGS, CorpusNames, Paper, Row, by_corpus

__all__ = [
    "code_groups",
    "coders",
    "decisions",
    "differences",
    "family",
    "floor",
    "one_sided_level",
    "seed_count",
    "utility",
]

BASELINE = Markdown("*baseline*")
TESTED = {"micro.f1": f"micro{HYPHEN}F1", "macro.f1": f"macro{HYPHEN}F1", "ranking.map": "MAP"}
OPEN = ("too few seeds", "inconclusive")  # verdicts that are none
PLOTTED = TESTED | {
    "micro.precision": "precision",
    "micro.recall": "recall",
    "macro.precision": "macro precision",
    "macro.recall": "macro recall",
    "ranking.r_precision": "R-precision",
    "ranking.precision_at_5": "P@5",
    "ranking.precision_at_8": "P@8",
    "ranking.precision_at_15": "P@15",
    "ranking.recall_at_10": "R@10",
    "ranking.recall_at_15": "R@15",
    "micro.auc": "AUC",
    "macro.auc": "macro AUC",
    "exact_match_ratio": "exact match",
}


@by_corpus()
def utility(paper: Paper, corpus: CorpusNames, metrics: Sequence[str], intervals: Sequence[str]) -> Iterator[Row]:
    """Corpus, training set and notes, and the metrics of every coder, then of the baseline.

    Args:
        paper: the report.
        corpus: whose rows these are.
        metrics: keys below the coder's results, printed as mean ± standard deviation over the seeds.
        intervals: those of them of which the interval over resampled patients follows, in a cell of its own.
    """
    numbers = paper.numbers
    for training, label in TRAININGS.items():
        row: Row = [corpus.name, label, numbers.num(f"utility.{corpus.key}.{training}.training_notes.mean", ",.0f")]
        for metric in metrics:
            of_seeds = f"utility.{corpus.key}.{training}.{metric}"
            of_patients = f"significance.{corpus.key}.coders.{training}.{metric}"
            row.append(numbers.spread(f"{of_seeds}.mean", f"{of_seeds}.sd", ".3f"))
            if metric in intervals:
                row.append(numbers.interval(f"{of_patients}.low", f"{of_patients}.high", ".3f"))
        yield row
    baseline: Row = [corpus.name, BASELINE, None]
    for metric in metrics:
        baseline.append(numbers.num(f"utility.{corpus.key}.real_s.baseline.{metric}.mean", ".3f"))
        baseline += [None] if metric in intervals else []
    yield baseline


@by_corpus()
def coders(paper: Paper, corpus: CorpusNames, metrics: Sequence[tuple[str, str]]) -> Iterator[Row]:
    """Corpus, training set, and further metrics of every coder, then of the baseline where it has them.

    Args:
        paper: the report.
        corpus: whose rows these are.
        metrics: key below the coder's results, and format.
    """
    numbers, of = paper.numbers, f"utility.{corpus.key}"
    for training, label in TRAININGS.items():
        yield [corpus.name, label, *(numbers.num(f"{of}.{training}.{metric}.mean", spec) for metric, spec in metrics)]
    keys = [(f"{of}.real_s.baseline.{metric}.mean", spec) for metric, spec in metrics]
    yield [corpus.name, BASELINE, *(numbers.num(key, spec) if key in numbers else None for key, spec in keys)]


@by_corpus()
def code_groups(paper: Paper, corpus: CorpusNames, groups: Sequence[str], metric: str) -> Iterator[Row]:
    """Corpus, training set, and the metric of every coder within each group of codes, with how many these are."""
    numbers = paper.numbers
    for training, label in TRAININGS.items():
        prefix = f"utility.{corpus.key}.{training}.groups"
        counts = [numbers.num(f"{prefix}.{group}.codes_in_evaluation.mean", ",.0f") for group in groups]
        keys = [f"{prefix}.{group}.{metric}.mean" for group in groups]
        scores = [numbers.num(key, ".3f") for key in keys]
        cells = [
            score if numbers.value(key) is None else Markdown(f"{score} ({count})")
            for key, score, count in zip(keys, scores, counts, strict=True)
        ]
        yield [corpus.name, label, *cells]


@by_corpus(columns=2)
def differences(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, coders, metric, difference ± sd over seeds, interval, both p after Holm, verdict, seeds for one."""
    numbers = paper.numbers
    for pair, names in _pairs(paper, corpus):
        for metric, label in TESTED.items():
            test, judged = f"{pair}.differences.{metric}", metric.replace(".", "_")
            randomised, verdict = f"{pair}.randomisation.{judged}.p_holm", f"{pair}.non_inferiority.{judged}.verdict"
            is_open = verdict in numbers and numbers.value(verdict) in OPEN
            yield [
                corpus.name,
                names,
                label,
                numbers.spread(f"{test}.difference", f"{test}.sd_over_seeds", "+.3f"),
                numbers.interval(f"{test}.low", f"{test}.high", "+.3f"),
                numbers.num(f"{test}.p_holm", "p"),
                numbers.num(randomised, "p") if randomised in numbers else MISSING,
                numbers.num(verdict) if verdict in numbers else MISSING,
                numbers.num(f"{pair}.seeds_to_decide.{judged}", ",") if is_open else None,
            ]


@by_corpus()
def decisions(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, coders, decisions that only the first and only the second makes rightly, p, by patient, that by Holm."""
    nums = paper.numbers.nums
    for pair, names in _pairs(paper, corpus):
        counts = nums(f"{pair}.mcnemar", "right_by_first_only right_by_second_only", ",")
        yield [corpus.name, names, *counts, *nums(f"{pair}.mcnemar", "p p_by_patient p_holm", "p")]


def _pairs(paper: Paper, corpus: CorpusNames) -> Iterator[tuple[str, str]]:
    """Prefix of the keys, and label, of every pair of coders."""
    prefix = f"significance.{corpus.key}.pairs"
    return ((f"{prefix}.{pair}", names_of(pair)) for pair in paper.numbers.below(prefix))


def family(paper: Paper, corpus: CorpusNames, kind: str) -> Markdown:
    """How many tests of a kind (differences, randomisation, mcnemar) Holm's correction takes together on a corpus."""
    numbers, prefix = paper.numbers, f"significance.{corpus.key}.pairs"
    of_kind = [key for key in numbers.entries(prefix) if key.split(".")[1] == kind and key.endswith(".p_holm")]
    keys = [f"{prefix}.{key}" for key in of_kind if numbers.value(f"{prefix}.{key}") is not None]
    return numbers.computed(len(keys), keys, f"number of p_holm of {kind} below {prefix}", ",")


def floor(paper: Paper) -> Markdown:
    """The smallest p-value of a randomisation."""
    key = "params.significance.resamples"
    return paper.numbers.computed(1 / (paper.numbers.value(key) + 1), [key], f"1 / ({key} + 1)", ".4f")


def one_sided_level(paper: Paper) -> Markdown:
    """The level of the test that each end of an interval is."""
    key = "params.significance.significance_level"
    return paper.numbers.computed(paper.numbers.value(key) / 2, [key], f"{key} / 2", ".1%")


def seed_count(paper: Paper, which: str = "seeds") -> Markdown:
    """How many `seeds`, or `larger_seeds`, the coders of a training set are trained with."""
    keys = [f"params.{which}.{position}" for position in range(len(getattr(paper.params, which)))]
    return paper.numbers.computed(len(keys), keys, f"number of params.{which}", ",")


def figures(paper: Paper) -> Drawings:
    """What draws the coders' training and the differences between them."""

    def coders() -> Figure:
        found: dict[str, dict[str, list[pd.DataFrame]]] = {}
        for title, curves in paper.panels("utility.{}.curves").items():
            of_runs = dict(iter(curves.groupby(["training", "seed"])))
            found[title] = {of: [of_runs[of, seed] for seed in paper.params.seeds_of(of)] for of in TRAINING_SETS}
        return coder_curves(found)

    return {"coding": coders, "differences": partial(paper.drawn, intervals, "significance.{}.differences")}


def coder_curves(curves: Mapping[str, Mapping[str, Sequence[pd.DataFrame]]]) -> Figure:
    """Validation MAP of the coders by epoch, a line for each seed; the best epochs, whose weights are kept, are ringed.

    Args:
        curves: per panel, training set and seed the columns epoch and validation_map.
    """

    def draw(axis: Axes, coders: Mapping[str, Sequence[pd.DataFrame]]) -> None:
        for training, of_seeds in coders.items():
            look = LOOKS[training]
            for seed, curve in enumerate(of_seeds):
                first = {"marker": look.marker, "label": look.label} if not seed else {"linewidth": 0.8}
                axis.plot(curve["epoch"], curve["validation_map"], color=look.colour, linestyle=look.dash, **first)
                best = curve.loc[curve["validation_map"].idxmax()]
                axis.plot(best["epoch"], best["validation_map"], "o", ms=8, mfc="none", mec=look.colour, mew=1)
        axis.locator_params(axis="x", integer=True)

    return by_panel(curves, draw, 2.1, "mean average precision", xlabel="epoch")


def intervals(differences: Mapping[str, pd.DataFrame]) -> Figure:
    """The difference of each metric with its interval, for every pair of coders.

    Args:
        differences: per panel's title the columns pair, metric, difference, low and high.
    """
    return by_panel(differences, _draw_intervals, 4.1, columns=2, xlabel="difference")


def _draw_intervals(axis: Axes, table: pd.DataFrame) -> None:
    shown = [metric for metric in PLOTTED if metric in set(table["metric"])]
    pairs = table["pair"].unique()
    for row in range(0, len(shown), 2):
        axis.axhspan(row - 0.5, row + 0.5, color=STRIPE, linewidth=0, zorder=0)
    for position, pair in enumerate(pairs):
        colour, sign = _look(pair, pairs[:position])
        of_pair = table[table["pair"] == pair].set_index("metric").loc[shown]
        rows = [row + 0.1 * (2 * position - len(pairs) + 1) for row in range(len(shown))]
        axis.errorbar(
            of_pair["difference"],
            rows,
            xerr=(of_pair["high"] - of_pair["low"]) / 2,
            label=names_of(pair),
            color=colour,
            marker=sign,
            linestyle="none",
            elinewidth=1.1,
            capsize=2,
        )
    axis.axvline(0, color=QUIET, linewidth=0.8)
    axis.set_yticks(range(len(shown)), [PLOTTED[metric] for metric in shown])
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(-0.5, len(shown) - 0.5)
    if not axis.yaxis_inverted():
        axis.invert_yaxis()


def names_of(pair: str) -> str:
    """The label of a pair, `synthetic_s_against_real_s`: its first coder minus its second."""
    first, second = (TRAININGS.get(name, name.replace("_", " ")) for name in pair.split("_against_"))
    return f"{first} − {second}"


def _look(pair: str, before: Sequence[str]) -> tuple[str, str]:
    """Colour and marker of a pair: those of its first coder, unless a pair before has them."""
    first = [name.split("_against_")[0] for name in (pair, *before)]
    if first[0] in first[1:] or first[0] not in LOOKS:
        return NEUTRAL[len(before) % len(NEUTRAL)][:2]
    return LOOKS[first[0]].colour, LOOKS[first[0]].marker
