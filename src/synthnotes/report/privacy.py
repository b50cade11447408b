"""Privacy: what synthetic notes share with the notes that the generator was tuned on (paper, section 7)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synthnotes.report.kit.markup import Markdown, grouped
from synthnotes.report.kit.numbers import MISSING
from synthnotes.report.kit.report import Drawings
from synthnotes.report.kit.style import legend_below, panels
from synthnotes.report.paper import LOOKS, NEUTRAL, Paper, Row

__all__ = ["detection", "longest", "membership", "one_sided_error", "pairs", "rouge", "tails", "verdicts"]

MEASURES = {
    "rouge_recall": ("recall of nearest note", ".3f", "+.3f"),
    "ngram_share": ("share of n-grams in training", ".1%", "+.1%"),
    "longest_passage": ("words of longest passage", ".1f", "+.1f"),
}
WARNINGS = ("copies found", "nearer")  # verdicts, in the words of the results
KINDS = {"synthetic": "synthetic", "control": "unseen real"}
MATCHED = {"synthetic_matched": "synthetic", "control": "unseen real"}


def rouge(paper: Paper) -> list[Row]:
    """Corpus, notes, number, mean, median, minimum and maximum of recall, mean and median of the highest."""
    numbers = paper.numbers
    rows: list[Row] = []
    for corpus in paper.corpora:
        prefix = f"privacy.{corpus.key}.rouge.recall"
        for kind, label in MATCHED.items():
            of_all = [numbers.num(f"{prefix}.{kind}.all.{of}", ".3f") for of in ("mean", "median", "min", "max")]
            of_top = [numbers.num(f"{prefix}.{kind}.top.{of}", ".3f") for of in ("mean", "median")]
            count = numbers.num(f"{prefix}.{kind}.notes", ",")
            rows.append([corpus.name, label, count, *of_all, *of_top])
        of_all, of_top = (
            [numbers.num(f"{prefix}.difference.{part}.{of}", "+.3f") for of in ("mean", "median")]
            for part in ("all", "top")
        )
        rows.append([corpus.name, "difference", None, *of_all, None, None, *of_top])
    return grouped(rows)


def pairs(paper: Paper) -> list[Row]:
    """Corpus, notes, pairs; longest run, occurrences in L and share of template (mean, minimum, maximum each)."""
    numbers = paper.numbers
    rows: list[Row] = []
    for corpus in paper.corpora:
        for kind, label in KINDS.items():
            prefix = f"privacy.{corpus.key}.rouge.passages.{kind}"
            cells = [
                numbers.num(f"{prefix}.{part}.{of}", spec or (",.1f" if of == "mean" else ",.0f"))
                for part, spec in {
                    "longest_run_words": "",
                    "occurrences_in_training": "",
                    "template_share": ".0%",
                }.items()
                for of in ("mean", "min", "max")
            ]
            rows.append([corpus.name, label, numbers.num(f"{prefix}.pairs", ","), *cells])
    return grouped(rows)


def longest(paper: Paper) -> list[Row]:
    """Corpus, notes, longest passage (mean, median, max), and of the longest ones words (min) and training notes."""
    numbers = paper.numbers
    rows: list[Row] = []
    for corpus in paper.corpora:
        for kind, label in MATCHED.items():
            prefix = f"privacy.{corpus.key}.longest.{kind}"
            words = [
                numbers.num(f"{prefix}.words.{of}", ",.1f" if of == "mean" else ",.0f")
                for of in ("mean", "median", "max")
            ]
            least = numbers.num(f"{prefix}.longest.words.min", ",.0f")
            holders = [numbers.num(f"{prefix}.longest.training_notes.{of}", ",.0f") for of in ("median", "min", "max")]
            rows.append([corpus.name, label, *words, least, *holders])
    return grouped(rows)


def verdicts(paper: Paper) -> list[Row]:
    """Corpus, measure, synthetic, unseen real, difference, its interval, notes beyond the tail's level, verdict."""
    numbers = paper.numbers
    rows: list[Row] = []
    for corpus in paper.corpora:
        for measure, (label, spec, signed) in MEASURES.items():
            prefix = f"privacy.{corpus.key}.measures.{measure}"
            values = [numbers.num(f"{prefix}.{of}", spec) for of in ("synthetic", "control")]
            difference = numbers.num(f"{prefix}.difference", signed)
            interval = numbers.interval(f"{prefix}.low", f"{prefix}.high", signed)
            beyond = paper.sign(f"{prefix}.beyond")
            said = verdict(paper, f"{prefix}.verdict")
            rows.append([corpus.name, label, *values, difference, interval, beyond, said])
    return grouped(rows)


def tails(paper: Paper) -> list[Row]:
    """Corpus, measure, synthetic notes, unseen notes, notes beyond the level, promised, interval of the share, p."""
    numbers = paper.numbers
    rows: list[Row] = []
    for corpus in paper.corpora:
        sizes = [numbers.num(f"privacy.{corpus.key}.notes.{of}", ",") for of in ("synthetic", "unseen")]
        for measure, (label, _, _) in MEASURES.items():
            prefix = f"privacy.{corpus.key}.measures.{measure}"
            promised = numbers.num(f"{prefix}.notes_promised", ".1f")
            interval = numbers.interval(f"{prefix}.beyond.low", f"{prefix}.beyond.high", ".2%")
            found = [paper.sign(f"{prefix}.beyond"), promised, interval, numbers.num(f"{prefix}.beyond.p", "p")]
            rows.append([corpus.name, label, *sizes, *found])
    return grouped(rows)


def membership(paper: Paper) -> list[Row]:
    """Corpus, patients, recall of the nearest note among those of training and those never seen, difference, p."""
    numbers = paper.numbers
    rows: list[Row] = []
    for corpus in paper.corpora:
        prefix = f"privacy.{corpus.key}.membership"
        means = [numbers.num(f"{prefix}.{of}", ".3f") for of in ("members", "others")]
        tested = [numbers.num(f"{prefix}.difference", "+.4f"), numbers.num(f"{prefix}.p", "p")]
        rows.append(
            [
                corpus.name,
                numbers.num(f"{prefix}.patients", ","),
                *means,
                *tested,
                verdict(paper, f"{prefix}.verdict"),
            ]
        )
    return rows


def detection(paper: Paper) -> list[Row]:
    """Corpus, words planted, notes, and the shares located, with the source nearest, and flagged by either measure."""
    numbers = paper.numbers
    rows: list[Row] = []
    for corpus in paper.corpora:
        prefix, unplanted = f"detection.{corpus.key}.by_words", f"detection.{corpus.key}.flagged.synthetic"
        flagged = [numbers.num(f"{unplanted}.{how}.share", ".1%") for how in ("by_passage", "by_recall")]
        notes = numbers.num(f"{unplanted}.notes", ",")
        rows.append([corpus.name, "0", notes, MISSING, flagged[0], MISSING, flagged[1]])
        for words in numbers.below(prefix):
            shares = ("located", "flagged_by_passage", "nearest_is_source", "flagged_by_recall")
            cells = [numbers.num(f"{prefix}.{words}.{share}", ".0%") for share in shares]
            rows.append([corpus.name, words, numbers.num(f"{prefix}.{words}.notes", ","), *cells])
    return grouped(rows)


def one_sided_error(paper: Paper) -> Markdown:
    """How often one side of a verdict may err, from the confidence of its intervals."""
    key = "params.privacy.confidence"
    return paper.numbers.computed((1 - paper.numbers.value(key)) / 2, [key], f"(1 − {key}) / 2", ".1%")


def verdict(paper: Paper, key: str) -> Markdown:
    """A verdict with a link to its origin, in bold where it is a warning."""
    word = paper.numbers.num(key)
    return Markdown(f"**{word}**") if paper.numbers.value(key) in WARNINGS else word


def figures(paper: Paper) -> Drawings:
    """What draws the nearest notes, the longest passages and what planted ones show."""
    return {
        "recall": lambda: recalls(paper.panels("privacy.{}.recall")),
        "passages": lambda: passages(paper.panels("privacy.{}.passages")),
        "detection": lambda: found(paper.panels("detection.{}.curve")),
    }


def recalls(distributions: Mapping[str, pd.DataFrame]) -> Figure:
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


def found(curves: Mapping[str, pd.DataFrame]) -> Figure:
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
