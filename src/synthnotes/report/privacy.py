"""The rows of the privacy chapter's tables; their captions and columns stand in the template."""

from collections.abc import Sequence

from synthnotes.report.markup import Markdown
from synthnotes.report.numbers import MISSING, Numbers
from synthnotes.report.tables import Corpus, Row

MEASURES = {
    "rouge_recall": ("recall of nearest note", ".3f", "+.3f"),
    "ngram_share": ("share of n-grams in training", ".1%", "+.1%"),
    "longest_passage": ("words of longest passage", ".1f", "+.1f"),
}
WARNINGS = ("copies found", "nearer")
VERDICTS = (*WARNINGS, "undecided", "not shown")  # worst first, in the words of the results
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
    """Corpus, measure, synthetic, unseen real, difference, its interval, notes beyond the tail's level, verdict."""
    rows: list[Row] = []
    for corpus in corpora:
        for position, (measure, (label, spec, signed)) in enumerate(MEASURES.items()):
            prefix = f"privacy.{corpus.key}.measures.{measure}"
            values = [numbers.num(f"{prefix}.{of}", spec) for of in ("synthetic", "control")]
            difference = numbers.num(f"{prefix}.difference", signed)
            interval = numbers.interval(f"{prefix}.low", f"{prefix}.high", signed)
            beyond = sign(numbers, f"{prefix}.beyond")
            said = verdict(numbers, f"{prefix}.verdict")
            rows.append([None if position else corpus.name, label, *values, difference, interval, beyond, said])
    return rows


def tails(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, measure, synthetic notes, unseen notes, notes beyond the level, promised, interval of the share, p."""
    rows: list[Row] = []
    for corpus in corpora:
        sizes = [numbers.num(f"privacy.{corpus.key}.notes.{of}", ",") for of in ("synthetic", "unseen")]
        for position, (measure, (label, _, _)) in enumerate(MEASURES.items()):
            prefix = f"privacy.{corpus.key}.measures.{measure}"
            promised = numbers.num(f"{prefix}.notes_promised", ".1f")
            interval = numbers.interval(f"{prefix}.beyond.low", f"{prefix}.beyond.high", ".2%")
            found = [sign(numbers, f"{prefix}.beyond"), promised, interval, numbers.num(f"{prefix}.beyond.p", "p")]
            rows.append([None if position else corpus.name, label, *sizes, *found])
    return rows


def membership(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, patients, recall of the nearest note among those of training and those never seen, difference, p."""
    rows: list[Row] = []
    for corpus in corpora:
        prefix = f"privacy.{corpus.key}.membership"
        means = [numbers.num(f"{prefix}.{of}", ".3f") for of in ("members", "others")]
        tested = [numbers.num(f"{prefix}.difference", "+.4f"), numbers.num(f"{prefix}.p", "p")]
        rows.append(
            [
                corpus.name,
                numbers.num(f"{prefix}.patients", ","),
                *means,
                *tested,
                verdict(numbers, f"{prefix}.verdict"),
            ]
        )
    return rows


def detection(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, words planted, notes, and the shares located, with the source nearest, and flagged by either measure."""
    rows: list[Row] = []
    for corpus in corpora:
        prefix, unplanted = f"detection.{corpus.key}.by_words", f"detection.{corpus.key}.flagged.synthetic"
        flagged = [numbers.num(f"{unplanted}.{how}.share", ".1%") for how in ("by_passage", "by_recall")]
        notes = numbers.num(f"{unplanted}.notes", ",")
        rows.append([corpus.name, "0", notes, MISSING, flagged[0], MISSING, flagged[1]])
        for words in numbers.below(prefix):
            shares = ("located", "flagged_by_passage", "nearest_is_source", "flagged_by_recall")
            cells = [numbers.num(f"{prefix}.{words}.{share}", ".0%") for share in shares]
            rows.append([None, words, numbers.num(f"{prefix}.{words}.notes", ","), *cells])
    return rows


def one_sided_error(numbers: Numbers) -> Markdown:
    """How often one side of a verdict may err, from the confidence of its intervals."""
    key = "params.privacy.confidence"
    return numbers.computed((1 - numbers.value(key)) / 2, [key], f"(1 − {key}) / 2", ".1%")


def sign(numbers: Numbers, prefix: str) -> Markdown:
    """How many notes look like copies: a number, or what disclosure control tells of few."""
    key = f"{prefix}.notes_beyond"
    return numbers.num(key, None if isinstance(numbers.value(key), str) else ",")


def verdict(numbers: Numbers, key: str) -> Markdown:
    """A verdict with a link to its origin, in bold where it is a warning."""
    word = numbers.num(key)
    return Markdown(f"**{word}**") if numbers.value(key) in WARNINGS else word


def worst(numbers: Numbers, corpus: Corpus) -> Markdown:
    """The worst verdict of a corpus, over the measures and the comparison of members, in bold."""
    prefix = f"privacy.{corpus.key}"
    keys = [f"{prefix}.measures.{measure}.verdict" for measure in MEASURES] + [f"{prefix}.membership.verdict"]
    given = [key for key in keys if numbers.value(key) is not None]
    return Markdown(f"**{numbers.num(min(given, key=lambda key: VERDICTS.index(numbers.value(key))))}**")
