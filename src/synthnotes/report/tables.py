"""The rows of the report's tables; their captions and columns stand in the templates."""

from collections.abc import Sequence
from dataclasses import dataclass

from synthnotes.report.markup import Markdown, escape
from synthnotes.report.numbers import MISSING, Numbers

Row = list[object]


@dataclass(frozen=True)
class Corpus:
    """How the report speaks of a corpus."""

    key: str
    name: str
    language: str
    source: str


CORPORA = {
    "mimic": Corpus("mimic", "MIMIC", "English", "MIMIC-IV"),
    "sepr": Corpus("sepr", "SEPR", "Swedish", "the Stockholm Electronic Patient Records"),
}
COUNTED = ("notes", "patients", "codes")  # of each subset
SUBSETS = {"L": "tunes the generator", "S": "gives the prompts", "E": "evaluates the coder"}


def teaching(numbers: Numbers, corpus: Corpus, subset: str) -> dict[str, str]:
    """The keys of how many notes of a subset train the coder, and how many validate it; by what the flow chart says."""
    subsets = f"cohort.{corpus.key}.subsets"
    if subset == "E":
        return {}
    if subset == "L" and numbers.value("params.coding.real_l_validation") == "real_s":
        return {"notes train the coder": f"{subsets}.L.notes", "notes of S validate it": f"{subsets}.S.notes"}
    return {
        "notes train the coder": f"{subsets}.{subset}.train", "notes validate it": f"{subsets}.{subset}.validation"
    }  # fmt: skip


def by_corpus(numbers: Numbers, corpora: Sequence[Corpus], rows: Sequence[tuple[str, str, str]]) -> list[Row]:
    """One row per quantity, one column per corpus.

    Args:
        numbers: all numbers.
        corpora: the columns.
        rows: label, key (or several, printed with a slash between) with `{}` in the place of the corpus, and format.
    """

    def cell(keys: str | Sequence[str], corpus: Corpus, spec: str) -> Markdown:
        keys = [keys] if isinstance(keys, str) else keys
        return Markdown(" / ".join(numbers.num(key.format(corpus.key), spec) for key in keys))

    return [[label, *(cell(keys, corpus, spec) for corpus in corpora)] for label, keys, spec in rows]


def samples(
    numbers: Numbers,
    corpora: Sequence[Corpus],
    both: Sequence[tuple[str, str, str]],
    samples_only: Sequence[tuple[str, str, str]],
) -> list[Row]:
    """Label, then for each corpus a number of the real notes and that of the samples.

    Args:
        numbers: all numbers.
        corpora: the corpora.
        both: label, key below the quality of real notes and of samples, and format.
        samples_only: the same with a key below the results of sampling, for what real notes do not have.
    """
    rows: list[Row] = []
    for label, key, spec in both:
        prefixes = [f"generation.{c.key}.samples.quality.{notes}" for c in corpora for notes in ("real", "samples")]
        rows.append([label, *(numbers.num(f"{prefix}.{key}", spec) for prefix in prefixes)])
    for label, key, spec in samples_only:
        cells = [cell for c in corpora for cell in (None, numbers.num(f"generation.{c.key}.samples.{key}", spec))]
        rows.append([label, *cells])
    return rows


def flow(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, step, notes, admissions, patients, codes, dropped, reason."""
    rows: list[Row] = []
    for corpus in corpora:
        prefix = f"cohort.{corpus.key}.flow"
        for position, step in enumerate(numbers.below(prefix)):
            counts = [numbers.num(f"{prefix}.{step}.{of}", ",") for of in ("notes", "admissions", "patients", "codes")]
            why = numbers.value(f"{prefix}.{step}.why")
            dropped = numbers.num(f"{prefix}.{step}.dropped", ",") if why else None
            rows.append(
                [
                    None if position else corpus.name,
                    step.replace("_", " ").replace("icd10", "ICD-10"),
                    *counts,
                    dropped,
                    why,
                ]
            )
    return rows


def subsets(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Subset, use, notes, patients, codes, the coder's training and validation notes, published size."""
    rows: list[Row] = []
    for corpus in corpora:
        for subset, use in SUBSETS.items():
            prefix = f"cohort.{corpus.key}.subsets.{subset}"
            folds = teaching(numbers, corpus, subset).values()
            cells = [numbers.num(key, ",") for key in (*(f"{prefix}.{of}" for of in COUNTED), *folds)]
            published = numbers.num(f"published.corpora.{corpus.key}.subsets.{subset}.notes", ",")
            rows.append([f"{corpus.name}-{subset}", use, *cells, *[None] * (2 - len(folds)), published])
    return rows


def subset_boxes(numbers: Numbers, corpus: Corpus) -> dict[str, dict[str, str]]:
    """For each subset, headed by its name, the counts that its box in the flow chart holds, by what they count."""
    boxes = {}
    for subset, use in SUBSETS.items():
        keys = {of: f"cohort.{corpus.key}.subsets.{subset}.{of}" for of in COUNTED} | teaching(numbers, corpus, subset)
        counts = {label: numbers.text(key, ",") for label, key in keys.items()}
        boxes[f"{subset}: {use}"] = {label: text for label, text in counts.items() if text}
    return boxes


def code_rows(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, kind of code, rows released, dropped as null, repeated, of version 9 and invalid, and kept."""
    rows: list[Row] = []
    for corpus in corpora:
        prefix = f"cohort.{corpus.key}.code_rows"
        for position, kind in enumerate(numbers.below(prefix)):
            columns = ("released", *(f"dropped_{why}" for why in ("null", "repeated", "version_9", "invalid")), "kept")
            keys = [f"{prefix}.{kind}.{column}" for column in columns]
            cells = [numbers.num(key, ",") if key in numbers else MISSING for key in keys]
            rows.append([None if position else corpus.name, kind, *cells])
    return rows


def split_quality(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Part, notes, share and wanted share of the notes, share of the codes that it lacks, divergence in nats."""
    rows: list[Row] = []
    for corpus in corpora:
        prefix = f"cohort.{corpus.key}.subsets"
        parts = {f"{corpus.name}-{subset}": f"quality.{subset}" for subset in SUBSETS}
        parts |= {
            f"{corpus.name}-{subset}, {fold}": f"folds.{subset}.{fold}"
            for subset in "LS"
            for fold in ("train", "validation")
            if f"{prefix}.{subset}.{fold}" in teaching(numbers, corpus, subset).values()
        }
        for label, key in parts.items():
            prefix = f"cohort.{corpus.key}.splits.{key}"
            specs = {"notes": ",", "share_of_notes": ".2%", "share_wanted": ".2%", "share_of_codes_missing": ".1%"}
            cells = [numbers.num(f"{prefix}.{of}", spec) for of, spec in specs.items()]
            rows.append([label, *cells, numbers.num(f"{prefix}.kl_divergence", ".4f")])
    return rows


def ablation(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, penalty, temperature, codes found again, title words, looping, ended by themselves, words; real notes."""
    rows: list[Row] = []
    for corpus in corpora:
        prefix = f"ablation.{corpus.key}"
        found = [numbers.num(f"{prefix}.real.{of}", ".1%") for of in ("share_found", "share_of_title_words")]
        rows.append([corpus.name, "real notes", None, *found, None, None, None])
        for name in numbers.below(f"{prefix}.settings"):
            of = f"{prefix}.settings.{name}"
            values = [numbers.num(f"{of}.{key}", ".2f") for key in ("repetition_penalty", "temperature")]
            shares = ("share_found", "share_of_title_words", "share_looping", "share_stopped")
            cells = [numbers.num(f"{of}.{key}", ".1%") for key in shares]
            rows.append([None, *values, *cells, numbers.num(f"{of}.mean_words", ".1f")])
    return rows


def fidelity(numbers: Numbers, corpora: Sequence[Corpus], rows: Sequence[tuple[str, str, str]]) -> list[Row]:
    """Label, then for each corpus the number of real S, that of synthetic S, and synthetic minus real."""
    return [
        [
            label,
            *(
                numbers.num(f"fidelity.{corpus.key}.{notes}.{key}", spec if notes != "difference" else f"+{spec}")
                for corpus in corpora
                for notes in ("real", "synthetic", "difference")
            ),
        ]
        for label, key, spec in rows
    ]


def code(text: str) -> Markdown:
    """A name in typewriter letters; it breaks after dots and underscores where a cell is narrow."""
    if "`" in text or "|" in text:
        return escape(text)
    return Markdown(f"`{text}`")


def shorten(title: str, length: int) -> str:
    """A title cut at a word, with an ellipsis, where it is longer than `length` characters."""
    if len(title) <= length:
        return title
    return title[:length].rsplit(" ", 1)[0].rstrip(",;") + "\u00a0…"
