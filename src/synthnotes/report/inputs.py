"""Inputs: the files that a report of this run is made of, from the lists in params.yaml, never from what lies about."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.machinery.files import UserError, read_csv
from synthnotes.machinery.sections import TRAINING_SETS, Params
from synthnotes.report.origins import Source

OF_CODERS = ("coding", "seeds", "noise", "significance", "errors", "hypotheses")  # stages that rest on trained coders


def result_files(params: Params) -> dict[str, str]:
    """The JSON result files that this run must have, by the prefix of their keys, from the lists in params.yaml."""
    stages = ("corpus", "records", "finetune", "merge", "generate", "ablation", "fidelity", "seeds", "significance")
    stages += ("errors", "privacy", "detection", "questionnaire")
    files = {f"{stage}.{corpus}": f"{stage}/{corpus}.json" for stage in stages for corpus in params.corpora}
    for corpus in noisy_corpora(params):
        files[f"hypotheses.{corpus}"] = f"hypotheses/{corpus}.json"
        for run in noise_runs(params):
            files[f"noise.{corpus}.{run}"] = f"noise/{corpus}/{run}.json"
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


def noise_runs(params: Params) -> list[str]:
    """The coders of noise by kind, level and seed, such as `h1-20-1337`."""
    noise = params.noise
    return ["-".join(map(str, run)) for run in product(noise.hypotheses, noise.levels, noise.seeds)]


def seeds(params: Params) -> dict[str, dict[str, Any]]:
    """What params.yaml says of seeds, by stage and name of the parameter."""
    sections = params.model_dump()
    found: dict[str, dict[str, Any]] = {stage: {"seeds": params.seeds} for stage in OF_CODERS}
    found["noise"] = {"seeds": params.noise.seeds}
    for stage, section in sections.items():
        if isinstance(section, Mapping) and "seed" in section:
            found[stage] = found.get(stage, {}) | {"seed": section["seed"]}
    return found


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
