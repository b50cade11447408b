"""The rows of the privacy chapter's tables; their captions and columns stand in the template."""

from collections.abc import Sequence

from synthnotes.report.markup import Markdown
from synthnotes.report.numbers import Numbers
from synthnotes.report.tables import Corpus, Row

MEASURES = {
    "rouge_recall": ("recall of nearest note", ".3f", "+.3f"),
    "ngram_share": ("share of n-grams in training", ".1%", "+.1%"),
    "longest_passage": ("words of longest passage", ".1f", "+.1f"),
}
KINDS = {"synthetic": "synthetic", "control": "unseen real"}


def rouge(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, notes, number, mean, median, minimum and maximum of recall, mean and median of the highest."""
    rows: list[Row] = []
    for corpus in corpora:
        prefix = f"privacy.{corpus.key}.rouge.recall"
        kinds = {"synthetic_matched": "synthetic", "control": "unseen real"}
        for position, (kind, label) in enumerate(kinds.items()):
            of_all = [numbers.num(f"{prefix}.{kind}.all.{of}", ".3f") for of in ("mean", "median", "min", "max")]
            of_top = [numbers.num(f"{prefix}.{kind}.top.{of}", ".3f") for of in ("mean", "median")]
            count = numbers.num(f"{prefix}.{kind}.notes", ",")
            rows.append([None if position else corpus.name, label, count, *of_all, *of_top])
        of_all, of_top = (
            [numbers.num(f"{prefix}.difference.{part}.{of}", "+.3f") for of in ("mean", "median")]
            for part in ("all", "top")
        )
        rows.append([None, "difference", None, *of_all, None, None, *of_top])
    return rows


def pairs(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, notes, pairs; longest run, occurrences in L and share of template (mean, minimum, maximum each)."""
    rows: list[Row] = []
    for corpus in corpora:
        for position, (kind, label) in enumerate({"synthetic": "synthetic", "control": "unseen real"}.items()):
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
            rows.append([None if position else corpus.name, label, numbers.num(f"{prefix}.pairs", ","), *cells])
    return rows


def longest(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, notes, longest passage (mean, median, max), and of the longest ones words (min) and training notes."""
    rows: list[Row] = []
    for corpus in corpora:
        for position, (kind, label) in enumerate({"synthetic_matched": "synthetic", "control": "unseen real"}.items()):
            prefix = f"privacy.{corpus.key}.longest.{kind}"
            words = [
                numbers.num(f"{prefix}.words.{of}", ",.1f" if of == "mean" else ",.0f")
                for of in ("mean", "median", "max")
            ]
            least = numbers.num(f"{prefix}.longest.words.min", ",.0f")
            holders = [numbers.num(f"{prefix}.longest.training_notes.{of}", ",.0f") for of in ("median", "min", "max")]
            rows.append([None if position else corpus.name, label, *words, least, *holders])
    return rows


def verdicts(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, measure, synthetic, unseen real, difference, its interval, notes above every control note, verdict."""
    rows: list[Row] = []
    for corpus in corpora:
        for position, (measure, (label, spec, signed)) in enumerate(MEASURES.items()):
            prefix = f"privacy.{corpus.key}.measures.{measure}"
            values = [numbers.num(f"{prefix}.{of}", spec) for of in ("synthetic", "control")]
            difference = numbers.num(f"{prefix}.difference", signed)
            interval = numbers.interval(f"{prefix}.low", f"{prefix}.high", signed)
            verdict = numbers.num(f"{prefix}.verdict")
            if numbers.value(f"{prefix}.verdict") == "nearer":
                verdict = Markdown(f"**{verdict}**")
            above = numbers.num(f"{prefix}.notes_above_control", ",")
            rows.append([None if position else corpus.name, label, *values, difference, interval, above, verdict])
    return rows


def detection(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, words planted, notes, and the shares located, with the source nearest, and flagged by either measure."""
    rows: list[Row] = []
    for corpus in corpora:
        prefix = f"detection.{corpus.key}.by_words"
        for position, words in enumerate(numbers.below(prefix)):
            shares = ("located", "flagged_by_passage", "nearest_is_source", "flagged_by_recall")
            cells = [numbers.num(f"{prefix}.{words}.{share}", ".0%") for share in shares]
            rows.append([None if position else corpus.name, words, numbers.num(f"{prefix}.{words}.notes", ","), *cells])
    return rows
