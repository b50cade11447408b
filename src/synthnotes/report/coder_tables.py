"""The rows of the tables of coders, by the notes from which they learnt; numbers are means over the seeds."""

from collections.abc import Sequence

from synthnotes.report.markup import Markdown
from synthnotes.report.numbers import Numbers
from synthnotes.report.tables import Corpus, Row

# With spaces that do not break, as in the headings of the templates: a narrow column stays readable.
TRAININGS = {
    "real_l": "real\u00a0L",
    "real_s": "real\u00a0S",
    "synthetic_s": "synthetic\u00a0S",
    "real_and_synthetic_s": "real and synthetic\u00a0S",
    "synthetic_s_all": "synthetic\u00a0S, all samples",
}
BASELINE = Markdown("*baseline*")


def utility(numbers: Numbers, corpora: Sequence[Corpus], metrics: Sequence[str], intervals: Sequence[str]) -> list[Row]:
    """Corpus, training set and notes, and the metrics of every coder, then of the baseline.

    Args:
        numbers: all numbers.
        corpora: the corpora, one group of rows each.
        metrics: keys below the coder's results, printed as mean ± standard deviation over the seeds.
        intervals: those of them of which the interval over resampled patients follows, in a cell of its own.
    """

    def cells(corpus: Corpus, training: str) -> list[Markdown]:
        found = []
        for metric in metrics:
            of_seeds = f"utility.{corpus.key}.{training}.{metric}"
            of_patients = f"significance.{corpus.key}.coders.{training}.{metric}"
            found.append(numbers.spread(f"{of_seeds}.mean", f"{of_seeds}.sd", ".3f"))
            if metric in intervals:
                found.append(numbers.interval(f"{of_patients}.low", f"{of_patients}.high", ".3f"))
        return found

    rows: list[Row] = []
    for corpus in corpora:
        for position, (training, label) in enumerate(TRAININGS.items()):
            notes = numbers.num(f"utility.{corpus.key}.{training}.training_notes.mean", ",.0f")
            rows.append([None if position else corpus.name, label, notes, *cells(corpus, training)])
        baseline: Row = [None, BASELINE, None]
        for metric in metrics:
            baseline.append(numbers.num(f"utility.{corpus.key}.real_s.baseline.{metric}.mean", ".3f"))
            baseline += [None] if metric in intervals else []
        rows.append(baseline)
    return rows


def coders(numbers: Numbers, corpora: Sequence[Corpus], metrics: Sequence[tuple[str, str]]) -> list[Row]:
    """Corpus, training set, and further metrics of every coder, then of the baseline where it has them.

    Args:
        numbers: all numbers.
        corpora: the corpora, one group of rows each.
        metrics: key below the coder's results, and format.
    """
    rows: list[Row] = []
    for corpus in corpora:
        for position, (training, label) in enumerate(TRAININGS.items()):
            cells = [numbers.num(f"utility.{corpus.key}.{training}.{metric}.mean", spec) for metric, spec in metrics]
            rows.append([None if position else corpus.name, label, *cells])
        keys = [(f"utility.{corpus.key}.real_s.baseline.{metric}.mean", spec) for metric, spec in metrics]
        rows.append([None, BASELINE, *(numbers.num(key, spec) if key in numbers else None for key, spec in keys)])
    return rows


def code_groups(numbers: Numbers, corpora: Sequence[Corpus], groups: Sequence[str], metric: str) -> list[Row]:
    """Corpus, training set, and the metric of every coder within each group of codes, with how many these are."""
    rows: list[Row] = []
    for corpus in corpora:
        for position, (training, label) in enumerate(TRAININGS.items()):
            prefix = f"utility.{corpus.key}.{training}.groups"
            counts = [numbers.num(f"{prefix}.{group}.codes_in_evaluation.mean", ",.0f") for group in groups]
            scores = [numbers.num(f"{prefix}.{group}.{metric}.mean", ".3f") for group in groups]
            exist = [numbers.value(f"{prefix}.{group}.{metric}.mean") is not None for group in groups]
            cells = [
                Markdown(f"{score} ({count})") if exists else score
                for score, count, exists in zip(scores, counts, exist, strict=True)
            ]
            rows.append([None if position else corpus.name, label, *cells])
    return rows
