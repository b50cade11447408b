"""Inputs: the files that a report of this run is made of, as dvc.yaml declares them, never from what lies about."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.machinery import pipeline
from synthnotes.machinery.files import UserError, read_csv
from synthnotes.machinery.sections import Params
from synthnotes.report.origins import Source

# What a stage's results rest on besides a seed of its own: parameters of the stages whose outputs it reads.
SEEDS = {
    "cohort": ("corpus.seed",),
    "generation": ("finetune.seed", "generate.seed"),
    "ablation": ("generate.seed", "larger_seeds.0"),
    "utility": ("seeds", "larger_seeds"),
    "significance": ("seeds", "larger_seeds"),
    "errors": ("seeds.0",),
    "hypotheses": ("seeds", "noise.seeds", "noise.seed"),
}


def result_files(
    params: Params, made: Mapping[str, Sequence[str]], results: str
) -> tuple[dict[str, str], dict[str, str]]:
    """The result files that this run must have: the JSON files and the tables, by what their keys begin with.

    Args:
        params: the parameters of this run.
        made: what each stage of the pipeline makes.
        results: the folder of results, in the project.
    """
    others = {f"hypotheses.{corpus}" for corpus in params.noise.corpora if corpus not in params.corpora}
    files = {pipeline.key_of(file): file for file in pipeline.result_files(made, results)}
    files = {key: file for key, file in files.items() if ".".join(key.split(".")[:2]) not in others}
    tables = {key: file for key, file in files.items() if file.endswith(".csv")}
    return {key: file for key, file in files.items() if key not in tables}, tables


def noisy_corpora(params: Params) -> list[str]:
    """The corpora with coders trained on noisy notes."""
    return [corpus for corpus in params.corpora if corpus in params.noise.corpora]


def seeds(params: Params) -> dict[str, dict[str, Any]]:
    """What params.yaml says of seeds, by stage and name of the parameter; a stage's own is called `seed`."""
    sections = params.model_dump()
    own = {
        stage: {"seed": section["seed"]}
        for stage, section in sections.items()
        if isinstance(section, Mapping) and "seed" in section
    }
    found = {stage: {name: _at(sections, name) for name in names} for stage, names in SEEDS.items()}
    return {stage: own.get(stage, {}) | found.get(stage, {}) for stage in own.keys() | found.keys()}


def _at(values: Any, name: str) -> Any:
    """A parameter by its dotted name; items of lists count from 0."""
    for part in name.split("."):
        values = values[int(part)] if isinstance(values, list) else values[part]
    return values


class NoDataError(Exception):
    """A table has no rows: its message names the file, and is shown in the place of what was to be drawn from it."""


class Plots(Mapping[str, pd.DataFrame]):
    """The CSV files behind the figures, by name.

    Attributes:
        sources: the file of each table.
        read: names of the tables that were asked for since it was last emptied.
    """

    def __init__(
        self, results: Path, files: Mapping[str, str], seeds: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """Reads the files.

        Raises:
            UserError: a file is missing or is no table.
        """
        require_results(results, files)
        self._tables = {name: read_csv(results / relative) for name, relative in files.items()}
        self.sources = {}
        for name, relative in files.items():
            stage = relative.split("/")[0]
            of_stage = (seeds or {}).get(stage, {})
            self.sources[name] = Source(results / relative, f"{results.name}/{relative}", stage, of_stage)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Gives a table, or raises `NoDataError` where it has no rows."""
        self.read.add(name)
        if self._tables[name].empty:
            raise NoDataError(f"{self.sources[name].name} has no rows")
        return self._tables[name]

    def table(self, name: str) -> tuple[pd.DataFrame, Source]:
        """Gives a table, which may have no rows, and the file that holds it."""
        return self._tables[name], self.sources[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


def require_results(results: Path, files: Mapping[str, str]) -> None:
    """Raises a `UserError` that names the results that are missing."""
    missing = [relative for relative in files.values() if not (results / relative).is_file()]
    if missing:
        others = f" So are {_listed(missing[1:])}." if len(missing) > 1 else ""
        raise UserError(
            f"{results / missing[0]}: this result is missing; the stage {missing[0].split('/')[0]!r} writes it."
            f"{others} Run `dvc repro`, which makes what is missing, or says why it cannot."
        )


def _listed(names: Iterable[str], most: int = 4) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
