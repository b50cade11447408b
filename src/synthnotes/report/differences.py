"""The differences between coders: the tables of their tests, and the plot of their intervals."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from synthnotes.report.coder_tables import TRAININGS
from synthnotes.report.markup import HYPHEN, Markdown
from synthnotes.report.numbers import MISSING, Numbers
from synthnotes.report.style import LOOKS, NEUTRAL, QUIET, STRIPE, legend_below, panels
from synthnotes.report.tables import Corpus, Row

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


def tests(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, coders, metric, difference ± sd over seeds, interval, both p after Holm, verdict, seeds for one."""
    rows: list[Row] = []
    for corpus, pair, names, first in _pairs(numbers, corpora):
        for position, (metric, label) in enumerate(TESTED.items()):
            test, judged = f"{pair}.differences.{metric}", metric.replace(".", "_")
            randomised, verdict = f"{pair}.randomisation.{judged}.p_holm", f"{pair}.non_inferiority.{judged}.verdict"
            is_open = verdict in numbers and numbers.value(verdict) in OPEN
            rows.append(
                [
                    corpus if first and not position else None,
                    None if position else names,
                    label,
                    numbers.spread(f"{test}.difference", f"{test}.sd_over_seeds", "+.3f"),
                    numbers.interval(f"{test}.low", f"{test}.high", "+.3f"),
                    numbers.num(f"{test}.p_holm", "p"),
                    numbers.num(randomised, "p") if randomised in numbers else MISSING,
                    numbers.num(verdict) if verdict in numbers else MISSING,
                    numbers.num(f"{pair}.seeds_to_decide.{judged}", ",") if is_open else None,
                ]
            )
    return rows


def decisions(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, coders, decisions that only the first and only the second makes rightly, p, by patient, that by Holm."""
    rows: list[Row] = []
    for corpus, pair, names, first in _pairs(numbers, corpora):
        counts = [numbers.num(f"{pair}.mcnemar.right_by_{which}_only", ",") for which in ("first", "second")]
        ps = [numbers.num(f"{pair}.mcnemar.{p}", "p") for p in ("p", "p_by_patient", "p_holm")]
        rows.append([corpus if first else None, names, *counts, *ps])
    return rows


def family(numbers: Numbers, corpus: Corpus, kind: str) -> Markdown:
    """How many tests of a kind (differences, randomisation, mcnemar) Holm's correction takes together on a corpus."""
    prefix = f"significance.{corpus.key}.pairs"
    of_kind = [key for key in numbers.entries(prefix) if key.split(".")[1] == kind and key.endswith(".p_holm")]
    keys = [f"{prefix}.{key}" for key in of_kind if numbers.value(f"{prefix}.{key}") is not None]
    return numbers.computed(len(keys), keys, f"number of p_holm of {kind} below {prefix}", ",")


def floor(numbers: Numbers) -> Markdown:
    """The smallest p-value of a randomisation."""
    key = "params.significance.resamples"
    return numbers.computed(1 / (numbers.value(key) + 1), [key], f"1 / ({key} + 1)", ".4f")


def intervals(differences: Mapping[str, pd.DataFrame]) -> Figure:
    """The difference of each metric with its interval, for every pair of coders.

    Args:
        differences: per panel's title the columns pair, metric, difference, low and high.
    """
    figure, axes = panels(list(differences), 4.1)
    for axis, table in zip(axes, differences.values(), strict=True):
        shown = [metric for metric in PLOTTED if metric in set(table["metric"])]
        pairs = table["pair"].unique()
        for row in range(0, len(shown), 2):
            axis.axhspan(row - 0.5, row + 0.5, color=STRIPE, linewidth=0, zorder=0)
        for position, pair in enumerate(pairs):
            colour, sign = _look(pair, pairs[:position])
            of_pair = table[table["pair"] == pair].set_index("metric").loc[shown]
            reach = (of_pair["high"] - of_pair["low"]) / 2
            axis.errorbar(
                of_pair["difference"],
                [row + 0.1 * (2 * position - len(pairs) + 1) for row in range(len(shown))],
                xerr=reach,
                color=colour,
                marker=sign,
                linestyle="none",
                elinewidth=1.1,
                capsize=2,
                label=names_of(pair),
            )
        axis.axvline(0, color=QUIET, linewidth=0.8)
        axis.set_yticks(range(len(shown)), [PLOTTED[metric] for metric in shown])
        axis.grid(visible=False, axis="y")
        axis.tick_params(axis="y", length=0)
        axis.set_ylim(-0.5, len(shown) - 0.5)
        axis.set_xlabel("difference")
        if not axis.yaxis_inverted():
            axis.invert_yaxis()
    legend_below(figure, axes[0], columns=2)
    return figure


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


def _pairs(numbers: Numbers, corpora: Sequence[Corpus]) -> list[tuple[str, str, str, bool]]:
    """Corpus, prefix of the keys, label, and whether it is the corpus's first, of every pair."""
    return [
        (corpus.name, f"significance.{corpus.key}.pairs.{pair}", names_of(pair), not position)
        for corpus in corpora
        for position, pair in enumerate(numbers.below(f"significance.{corpus.key}.pairs"))
    ]
