"""Numbers: the one door through which a result enters the report.

A number's key is its stage, the member of the stage's matrix, and its place in the result file: micro-F1 of the coder
that was trained on real S of MIMIC, its mean over the seeds, is `seeds.mimic.real_s.micro.f1.mean`.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.base.files import UserError, read_csv, read_json
from synthnotes.base.section_types import TRAINING_SETS
from synthnotes.base.sections import Params
from synthnotes.report.markup import Markdown, escape

MISSING = Markdown("–")  # printed for a metric that does not exist (null in its file)


@dataclass(frozen=True)
class Number:
    """A value and the result file that holds it."""

    key: str
    value: Any
    file: Path


def result_files(params: Params) -> dict[str, str]:
    """The JSON result files that this run must have, by the prefix of their keys, from the lists in params.yaml."""
    stages = ("corpus", "records", "finetune", "merge", "generate", "ablation", "fidelity", "seeds", "significance")
    stages += ("errors", "privacy", "detection", "questionnaire")
    files = {f"{stage}.{corpus}": f"{stage}/{corpus}.json" for stage in stages for corpus in params.corpora}
    for corpus in noisy_corpora(params):
        files[f"hypotheses.{corpus}"] = f"hypotheses/{corpus}.json"
        for noise in noises(params):
            files[f"noise.{corpus}.{noise}"] = f"noise/{corpus}/{noise}.json"
    return files | {f"ratings.{study}": f"ratings/{study}.json" for study in params.ratings.studies}


def plot_files(params: Params) -> dict[str, str]:
    """The CSV files behind the figures, by name, likewise."""
    files = {}
    for corpus in params.corpora:
        files[f"corpus.{corpus}.flow"] = f"corpus/{corpus}-flow.csv"
        files[f"finetune.{corpus}"] = f"finetune/{corpus}-curve.csv"
        for run in (f"{training}-{seed}" for training in TRAINING_SETS for seed in params.seeds):
            files[f"coding.{corpus}.{run}"] = f"coding/{corpus}/{run}-curve.csv"
        files[f"significance.{corpus}"] = f"significance/{corpus}-differences.csv"
        for view in ("frequency", "length", "chapters", "confusion", "calibration", "codes"):
            files[f"errors.{corpus}.{view}"] = f"errors/{corpus}-{view}.csv"
        files[f"privacy.{corpus}"] = f"privacy/{corpus}-recall.csv"
        files[f"passages.{corpus}"] = f"privacy/{corpus}-passages.csv"
        files[f"detection.{corpus}"] = f"detection/{corpus}-curve.csv"
    files |= {f"hypotheses.{corpus}": f"hypotheses/{corpus}-curves.csv" for corpus in noisy_corpora(params)}
    for study in params.ratings.studies:
        files |= {f"ratings.{study}.{view}": f"ratings/{study}-{view}.csv" for view in ("answers", "differences")}
    return files


def noisy_corpora(params: Params) -> list[str]:
    """The corpora with coders trained on noisy notes."""
    return [corpus for corpus in params.corpora if corpus in params.noise.corpora]


def noises(params: Params) -> list[str]:
    """The kinds of noise, such as `h1-20`."""
    return [f"{hypothesis}-{level}" for hypothesis in params.noise.hypotheses for level in params.noise.levels]


class Numbers:
    """All numbers of a run, by key."""

    def __init__(self, results: Path, files: Mapping[str, str], source: str = "paper") -> None:
        """Reads the result files.

        Args:
            results: the folder of all results.
            files: path of each JSON file in that folder, by the prefix of its keys.
            source: the text that asks for the numbers, for messages.

        Raises:
            UserError: a file is missing or empty.
        """
        self.source = source
        self._numbers: dict[str, Number] = {}
        _require_results(results, files)
        for prefix, relative in files.items():
            self.include(prefix, results / relative, read_json(results / relative))

    def include(self, prefix: str, path: Path, values: Mapping[str, Any]) -> None:
        """Adds numbers that are no results of a stage, such as published values and parameters, with their file."""
        for key, value in _flatten(prefix, values):
            self._numbers[key] = Number(key, value, path)

    def __contains__(self, key: str) -> bool:
        return key in self._numbers

    def __getitem__(self, key: str) -> Number:
        """Gives a number, or a `UserError` that says which keys are near."""
        if key not in self._numbers:
            near = difflib.get_close_matches(key, self._numbers, n=4, cutoff=0.5)
            hint = f"Near: {', '.join(near)}." if near else "No key is near."
            raise UserError(f"{self.source}: no result file holds a number {key!r}. {hint}")
        return self._numbers[key]

    def value(self, key: str) -> Any:
        """The bare value, for comparisons in a template; what is printed goes through `num`."""
        return self[key].value

    def num(self, key: str, spec: str = ".2f") -> Markdown:
        """Prints a number.

        Args:
            key: which number.
            spec: a format of Python (`.3f`, `,`, `.1%`), or `p` for a p-value.
        """
        return printed(self[key].value, spec)

    def spread(self, mean: str, deviation: str, spec: str = ".2f") -> Markdown:
        """Prints a mean with its standard deviation, where there is one: 3.67 ± 0.92."""
        if self.value(deviation) is None:
            return self.num(mean, spec)
        return Markdown(f"{self.num(mean, spec)} ± {self.num(deviation, spec.lstrip('+'))}")

    def interval(self, low: str, high: str, spec: str = ".2f") -> Markdown:
        """Prints an interval: [−0.41, 0.12]."""
        return Markdown(rf"\[{self.num(low, spec)}, {self.num(high, spec)}\]")

    def quotient(self, part: str, whole: str, spec: str = ".0%") -> Markdown:
        """Prints one number divided by another; a quotient by nothing does not exist."""
        numerator, denominator = self.value(part), self.value(whole)
        return printed(numerator / denominator if numerator is not None and denominator else None, spec)

    def difference(self, first: str, second: str, spec: str = ".2f") -> Markdown:
        """Prints one number minus another."""
        values = self.value(first), self.value(second)
        return printed(None if None in values else values[0] - values[1], spec)

    def entries(self, prefix: str) -> dict[str, Any]:
        """All values below a prefix, by the rest of their keys, in the order of the file."""
        start = prefix + "."
        return {key.removeprefix(start): n.value for key, n in self._numbers.items() if key.startswith(start)}

    def below(self, prefix: str) -> list[str]:
        """The next parts of the keys below a prefix, in the order of the file: `below("corpus.mimic.flow")`."""
        parts = [rest.split(".")[0] for rest in self.entries(prefix)]
        if not parts:
            raise UserError(f"{self.source}: no number's key begins with {prefix + '.'!r}.")
        return list(dict.fromkeys(parts))


def printed(value: Any, spec: str = ".2f") -> Markdown:
    """Prints a value with a true minus sign; None prints as an en dash, text is escaped."""
    if value is None:
        return MISSING
    if isinstance(value, str | bool):
        return escape(value)
    if spec == "p":
        return Markdown("< 0.001".replace("<", r"\<")) if value < 0.001 else Markdown(f"{value:.3f}")
    if spec.endswith("%"):
        return Markdown(f"{value:{spec}}".replace("%", "\u00a0%").replace("-", "−"))
    return Markdown(f"{value:{spec}}".replace("-", "−"))


def read_plots(results: Path, files: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """Reads the CSV files behind the figures, by name."""
    _require_results(results, files)
    return {name: read_csv(results / relative) for name, relative in files.items()}


def _require_results(results: Path, files: Mapping[str, str]) -> None:
    missing = [relative for relative in files.values() if not (results / relative).is_file()]
    if missing:
        others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise UserError(f"{results / missing[0]}: this result is missing{others}. Run `dvc repro`, which makes it.")


def _flatten(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Gives every leaf of nested objects and lists with its dotted key; list items count from 0."""
    if isinstance(value, Mapping):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    else:
        yield prefix, value
        return
    for name, child in children:
        yield from _flatten(f"{prefix}.{name}", child)
