"""Privacy: what synthetic notes share with the notes that the generator was tuned on (paper, section 7)."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synthnotes.report.kit.markup import Markdown
from synthnotes.report.kit.numbers import MISSING
from synthnotes.report.kit.report import Drawings
from synthnotes.report.kit.style import by_panel
from synthnotes.report.paper import LOOKS, NEUTRAL, CorpusNames, Paper, Row, by_corpus

__all__ = ["detection", "longest", "membership", "one_sided_error", "pairs", "rouge", "tails", "verdicts"]

MEASURES = {
    "rouge_recall": ("recall of nearest note", ".3f", "+.3f"),
    "ngram_share": ("share of n-grams in training", ".1%", "+.1%"),
    "longest_passage": ("words of longest passage", ".1f", "+.1f"),
}
WARNINGS = ("copies found", "nearer")  # verdicts, in the words of the results
KINDS = {"synthetic": "synthetic", "control": "unseen real"}
MATCHED = {"synthetic_matched": "synthetic", "control": "unseen real"}


@by_corpus()
def rouge(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, notes, number, mean, median, minimum and maximum of recall, mean and median of the highest."""
    nums, prefix = paper.numbers.nums, f"privacy.{corpus.key}.rouge.recall"
    for kind, label in MATCHED.items():
        of_all = nums(f"{prefix}.{kind}.all", "mean median min max", ".3f")
        of_top = nums(f"{prefix}.{kind}.top", "mean median", ".3f")
        yield [corpus.name, label, *nums(f"{prefix}.{kind}", "notes", ","), *of_all, *of_top]
    of_all, of_top = (nums(f"{prefix}.difference.{part}", "mean median", "+.3f") for part in ("all", "top"))
    yield [corpus.name, "difference", None, *of_all, None, None, *of_top]


@by_corpus()
def pairs(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, notes, pairs; longest run, occurrences in L and share of template (mean, minimum, maximum each)."""
    nums = paper.numbers.nums
    for kind, label in KINDS.items():
        prefix = f"privacy.{corpus.key}.rouge.passages.{kind}"
        cells = [
            *_mean_and_range(paper, f"{prefix}.longest_run_words"),
            *_mean_and_range(paper, f"{prefix}.occurrences_in_training"),
            *nums(f"{prefix}.template_share", "mean min max", ".0%"),
        ]
        yield [corpus.name, label, *nums(prefix, "pairs", ","), *cells]


def _mean_and_range(paper: Paper, prefix: str) -> list[Markdown]:
    return [*paper.numbers.nums(prefix, "mean", ",.1f"), *paper.numbers.nums(prefix, "min max", ",.0f")]


@by_corpus()
def longest(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, notes, longest passage (mean, median, max), and of the longest ones words (min) and training notes."""
    nums = paper.numbers.nums
    for kind, label in MATCHED.items():
        prefix = f"privacy.{corpus.key}.longest.{kind}"
        words = [*nums(f"{prefix}.words", "mean", ",.1f"), *nums(f"{prefix}.words", "median max", ",.0f")]
        least = nums(f"{prefix}.longest", "words.min", ",.0f")
        yield [corpus.name, label, *words, *least, *nums(f"{prefix}.longest.training_notes", "median min max", ",.0f")]


@by_corpus()
def verdicts(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, measure, synthetic, unseen real, difference, its interval, notes beyond the tail's level, verdict."""
    numbers = paper.numbers
    for measure, (label, spec, signed) in MEASURES.items():
        prefix = f"privacy.{corpus.key}.measures.{measure}"
        values = numbers.nums(prefix, "synthetic control", spec)
        difference = numbers.num(f"{prefix}.difference", signed)
        interval = numbers.interval(f"{prefix}.low", f"{prefix}.high", signed)
        beyond = paper.sign(f"{prefix}.beyond")
        yield [corpus.name, label, *values, difference, interval, beyond, verdict(paper, f"{prefix}.verdict")]


@by_corpus()
def tails(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, measure, synthetic notes, unseen notes, notes beyond the level, promised, interval of the share, p."""
    numbers = paper.numbers
    sizes = numbers.nums(f"privacy.{corpus.key}.notes", "synthetic unseen", ",")
    for measure, (label, _, _) in MEASURES.items():
        prefix = f"privacy.{corpus.key}.measures.{measure}"
        promised = numbers.num(f"{prefix}.notes_promised", ".1f")
        interval = numbers.interval(f"{prefix}.beyond.low", f"{prefix}.beyond.high", ".2%")
        found = [paper.sign(f"{prefix}.beyond"), promised, interval, numbers.num(f"{prefix}.beyond.p", "p")]
        yield [corpus.name, label, *sizes, *found]


@by_corpus()
def membership(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, patients, recall of the nearest note among those of training and those never seen, difference, p."""
    nums, prefix = paper.numbers.nums, f"privacy.{corpus.key}.membership"
    means = nums(prefix, "members others", ".3f")
    tested = [*nums(prefix, "difference", "+.4f"), *nums(prefix, "p", "p")]
    yield [corpus.name, *nums(prefix, "patients", ","), *means, *tested, verdict(paper, f"{prefix}.verdict")]


@by_corpus()
def detection(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, words planted, notes, and the shares located, with the source nearest, and flagged by either measure."""
    nums = paper.numbers.nums
    prefix, unplanted = f"detection.{corpus.key}.by_words", f"detection.{corpus.key}.flagged.synthetic"
    by_passage, by_recall = nums(unplanted, "by_passage.share by_recall.share", ".1%")
    yield [corpus.name, "0", *nums(unplanted, "notes", ","), MISSING, by_passage, MISSING, by_recall]
    for words in paper.numbers.below(prefix):
        cells = nums(f"{prefix}.{words}", "located flagged_by_passage nearest_is_source flagged_by_recall", ".0%")
        yield [corpus.name, words, *nums(f"{prefix}.{words}", "notes", ","), *cells]


def one_sided_error(paper: Paper) -> Markdown:
    """How often one side of a verdict may err."""
    key = "params.privacy.significance_level"
    return paper.numbers.computed(paper.numbers.value(key) / 2, [key], f"{key} / 2", ".1%")


def verdict(paper: Paper, key: str) -> Markdown:
    """A verdict with a link to its origin, in bold where it is a warning."""
    word = paper.numbers.num(key)
    return Markdown(f"**{word}**") if paper.numbers.value(key) in WARNINGS else word


def figures(paper: Paper) -> Drawings:
    """What draws the nearest notes, the longest passages and what planted ones show."""
    return {
        "recall": partial(paper.drawn, recalls, "privacy.{}.recall"),
        "passages": partial(paper.drawn, passages, "privacy.{}.passages"),
        "detection": partial(paper.drawn, found, "detection.{}.curve"),
    }


def recalls(distributions: Mapping[str, pd.DataFrame]) -> Figure:
    """How many notes have a nearest training note above a given recall: synthetic notes against the control.

    Args:
        distributions: per panel's title the columns kind (synthetic or control), recall (a bin's upper end) and
            cumulative_share.
    """

    def draw(axis: Axes, distribution: pd.DataFrame) -> None:
        for kind, of_kind in _control_first(distribution):
            above = 1 - np.concatenate([[0], of_kind["cumulative_share"]])
            _step(axis, kind, np.concatenate([[0], of_kind["recall"]]), above)

    x_label = "recall of the nearest note"
    return by_panel(distributions, draw, 2.1, "share of notes above", xlabel=x_label, xlim=(0, 1), ylim=(0, 1.02))


def passages(distributions: Mapping[str, pd.DataFrame]) -> Figure:
    """How many notes share a passage of more than a number of words with training: synthetic notes and the control.

    Args:
        distributions: per panel's title the columns kind (synthetic or control), words and share_longer.
    """

    def draw(axis: Axes, distribution: pd.DataFrame) -> None:
        for kind, of_kind in _control_first(distribution):
            _step(axis, kind, of_kind["words"], of_kind["share_longer"])
        axis.set_xlim(left=0)

    x_label = "words of the longest passage"
    return by_panel(distributions, draw, 2.1, "share of notes above", xlabel=x_label, ylim=(0, 1.02))


def _control_first(distribution: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    return ((kind, distribution[distribution["kind"] == kind]) for kind in ("control", "synthetic"))


def _step(axis: Axes, kind: str, x: np.ndarray | pd.Series, above: np.ndarray | pd.Series) -> None:
    look = LOOKS[kind]
    axis.step(x, above, where="post", color=look.colour, linestyle=look.dash, label=look.label)


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

    def draw(axis: Axes, curve: pd.DataFrame) -> None:
        for (column, label), (colour, sign, dash) in zip(lines.items(), NEUTRAL, strict=True):
            axis.plot(curve["words"], curve[column], label=label, color=colour, marker=sign, linestyle=dash)
        axis.set_xlim(left=0)

    return by_panel(curves, draw, 2.2, "share of planted passages", xlabel="words planted", ylim=(-0.02, 1.02))
