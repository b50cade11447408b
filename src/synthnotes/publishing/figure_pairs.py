"""Figure pairs: the report's figures, drawn by its own code from the results of two revisions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from synthnotes.machinery import params, pipeline
from synthnotes.machinery.files import UserError
from synthnotes.publishing.revisions import Revision
from synthnotes.report.index import CHAPTERS
from synthnotes.report.kit import style
from synthnotes.report.kit.numbers import Numbers
from synthnotes.report.kit.tables import NoDataError, Tables
from synthnotes.report.paper import CORPORA, Paper

TITLES = {
    "finetune": "Loss of fine-tuning",
    "coding": "Training of the coders",
    "differences": "Differences between coders",
    "frequency": "F1 by frequency of the code",
    "length": "F1 by length of the note",
    "families": "Families of codes",
    "pies": "Families of codes as pies",
    "calibration": "Calibration of the coders",
    "recall": "ROUGE recall of the nearest training note",
    "passages": "Longest shared passages",
    "detection": "Planted passages found",
    "flow": "Flow of notes",
    "confusion": "Families of wrong codes",
    "noise": "Coders trained on noisy notes",
}
RATING_TITLES = {
    "boxes": "Ratings",
    "answers": "Answers",
    "differences": "Ratings of synthetic minus real notes",
    "correlation": "Coherence by readability",
}


@dataclass(frozen=True)
class Pair:
    """One figure of both sides: the files, or None and why there is none."""

    name: str
    paths: tuple[Path | None, Path | None]
    reasons: tuple[str, str]

    @property
    def title(self) -> str:
        """What the figure is called on the page."""
        first, _, rest = self.name.partition("-")
        study, _, last = self.name.rpartition("-")
        if first in TITLES:
            return f"{TITLES[first]}, {CORPORA[rest].name}" if rest in CORPORA else TITLES[first]
        return f"{RATING_TITLES[last]}, study {study}" if last in RATING_TITLES else self.name

    @property
    def differs(self) -> bool:
        """Whether the sides do not show the same: the same data give the same bytes."""
        contents = [path.read_bytes() if path else None for path in self.paths]
        return contents[0] != contents[1] or self.reasons[0] != self.reasons[1]


@dataclass(frozen=True)
class Figures:
    """All figures, and why a side has none at all."""

    pairs: list[Pair]
    refusals: tuple[str, str]


def draw(sides: Sequence[Revision], results: str, params_file: str, folder: Path) -> Figures:
    """Draws every figure of both sides into `folder`, as a.<name>.svg and b.<name>.svg."""
    drawings, refusals = [], []
    for side in sides:
        try:
            drawings.append(_drawings(side, results, params_file))
            refusals.append("")
        except UserError as error:
            drawings.append({})
            refusals.append(side.without_folder(error))
    absences = ["see above" if refusal else "this run has none" for refusal in refusals]
    pairs = []
    for name in dict.fromkeys([*drawings[0], *drawings[1]]):
        drawn = [
            _drawn(side, of_side[name], folder / f"{letter}.{name}.svg") if name in of_side else (None, absence)
            for side, of_side, letter, absence in zip(sides, drawings, "ab", absences, strict=True)
        ]
        paths, reasons = zip(*drawn, strict=True)
        pairs.append(Pair(name, paths, reasons))
    return Figures(pairs, (refusals[0], refusals[1]))


class _Present(Tables):
    """The tables of a revision, which may lack some."""

    def __init__(self, folder: Path, side: Revision) -> None:
        super().__init__(folder, _by_key(side.files, ".csv"))
        self.lacking = _by_key(side.lacking, ".csv")

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self.sources:
            raise NoDataError(f"{self.lacking.get(name, name)} is not there")
        return super().__getitem__(name)


def _by_key(files: Sequence[str], kind: str) -> dict[str, str]:
    """The result files of a kind, by what their keys begin with."""
    return {pipeline.key_of(file): file for file in files if file.endswith(kind)}


def _drawings(side: Revision, results: str, params_file: str) -> dict[str, Callable[[], Figure]]:
    """What draws the figures of a revision, as far as its parameters are valid today."""
    settings = params.read(side.folder / params_file)
    files = _by_key(side.files, ".json")
    numbers = Numbers(side.folder / results, files, side.name)
    tables = _Present(side.folder / results, side)
    rated = {study: of for study, of in settings.ratings.studies.items() if f"ratings.{study}" in files}
    settings = settings.model_copy(update={"ratings": settings.ratings.model_copy(update={"studies": rated})})
    return Paper(settings, numbers, tables, CHAPTERS).drawings()


def _drawn(side: Revision, drawing: Callable[[], Figure], path: Path) -> tuple[Path | None, str]:
    """Draws one figure; gives the file, or why there is none."""
    try:
        style.draw(drawing, path)
    except (NoDataError, UserError) as error:
        return None, side.without_folder(error)
    except Exception as error:  # results of an older version can have any form
        return None, f"its results are of another form ({type(error).__name__}: {side.without_folder(error)})"
    return path, ""
