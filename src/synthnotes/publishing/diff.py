"""Diff: one page that sets two runs side by side: parameters, metrics with their intervals, figures (`make diff`).

Each side is read as git, or the workspace, holds it; nothing is checked out, and nothing is computed anew. The figures
are drawn by the report's own code from the results of each side.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from synthnotes.machinery import params, pipeline
from synthnotes.machinery.files import UserError, read_json, read_yaml, replacing
from synthnotes.machinery.makers import without_makers
from synthnotes.report.index import CHAPTERS
from synthnotes.report.kit import lint, markup, render, style
from synthnotes.report.kit.markup import Markdown, code, escape, join
from synthnotes.report.kit.numbers import MISSING, NBSP, Numbers, printed
from synthnotes.report.kit.tables import NoDataError, Tables
from synthnotes.report.paper import CORPORA, Paper

WORKSPACE, RESULTS = "workspace", "results"
PAGE = Path(__file__).with_name("diff_page")
STYLES = ("styles/report.css", "diff.css")
ABSENT = Markdown("*not there*")
MOST_SHOWN = 40  # rows of a table that is open when the page is
EXACT = 17  # digits that tell any two numbers apart
# What an interval, the entries `low` and `high`, belongs to: the first of these entries beside it.
ESTIMATES = ("value", "difference", "mean", "r", "delta", "odds_ratio", "single")
_PLAIN = re.compile(r"[\w./@~^+-]+( [\w./@~^+-]+)*")  # what is safe between backquotes in a line of a table
# What the figures are called on the page.
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
    "attrition": "Attrition of notes",
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
class Revision:
    """The parameters and results of a commit, an experiment or the workspace.

    Attributes:
        name: as the user calls it.
        commit: its hash, None of the workspace.
        subject: of the commit's message.
        folder: in which copies of its files lie: params.yaml, and results/ as in the project.
        files: the result files, relative to results/, in the order of its pipeline.
        lacking: those that its pipeline declares and it does not have.
    """

    name: str
    commit: str | None
    subject: str
    folder: Path
    files: list[str]
    lacking: list[str]

    def message_of(self, error: Exception) -> str:
        """What an error says, without the temporary place of the copies."""
        return str(error).replace(f"{self.folder}/", "")

    def read(self, reader: Callable[[Path], Any], file: str) -> Any:
        """What a file holds; an error names the revision."""
        try:
            return reader(self.folder / file)
        except UserError as error:
            raise UserError(f"{self.name}: {self.message_of(error)}") from None

    def by_key(self, kind: str) -> dict[str, str]:
        """The result files of a kind, by what the report's keys of them begin with: `utility.mimic`."""
        return {pipeline.key_of(file): file for file in self.files if file.endswith(kind)}


@dataclass(frozen=True)
class Quantity:
    """A number, text or truth value of a result, with its interval or, where it has none, its standard deviation."""

    value: Any
    low: float | None = None
    high: float | None = None
    sd: float | None = None


@dataclass(frozen=True)
class Change:
    """What differs between two sides; None is what a side does not have."""

    key: str
    a: Quantity | None
    b: Quantity | None

    @property
    def difference(self) -> float | None:
        """B minus A, where both are numbers."""
        values = [side.value for side in (self.a, self.b) if side and not isinstance(side.value, bool)]
        numbers = [value for value in values if isinstance(value, int | float)]
        return numbers[1] - numbers[0] if len(numbers) == 2 else None

    @property
    def inside(self) -> bool | None:
        """Whether B's value lies inside the interval of A; None where either is not there."""
        a, b = self.a, self.b
        if a is None or b is None or self.difference is None or a.low is None or a.high is None:
            return None
        return a.low <= b.value <= a.high

    @property
    def uncertain(self) -> bool:
        """Whether a side tells how uncertain it is."""
        return any(side and (side.low is not None or side.sd is not None) for side in (self.a, self.b))


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


def read_revision(root: Path, name: str, folder: Path) -> Revision:
    """Copies into a folder what a comparison needs: a revision's parameters, and the results its pipeline declares.

    Raises:
        UserError: there is no such revision, DVC cannot read its pipeline, or it holds no parameters or no results.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import resolve_rev

    commit, subject = None, ""
    try:
        if name != WORKSPACE:
            with Repo(str(root)) as here:
                commit = resolve_rev(here.scm, name or " ")  # git takes "" for HEAD
                subject = here.scm.resolve_commit(commit).message.partition("\n")[0]
    except DvcException:
        raise UserError(
            f"{name!r}: no such revision. Give a commit, a branch, a tag, an experiment, or {WORKSPACE!r}."
        ) from None
    copied = []
    try:
        with Repo(str(root), rev=commit) as repo:
            # A pipeline of another time may name any path; only result files, which lie inside, are copied.
            declared = pipeline.result_files(pipeline.declared(repo, repo.root_dir))
            for file in ("params.yaml", *(f"{RESULTS}/{file}" for file in declared)):
                if repo.fs.isfile(repo.fs.join(repo.root_dir, file)):
                    (folder / file).parent.mkdir(parents=True, exist_ok=True)
                    repo.fs.get_file(repo.fs.join(repo.root_dir, file), str(folder / file))
                    copied.append(file.removeprefix(f"{RESULTS}/"))
    except DvcException as error:
        raise UserError(f"{name}: DVC cannot read its pipeline: {error}") from None
    there = [file for file in declared if file in copied]
    has_parameters = "params.yaml" in copied
    if not (has_parameters and there):
        kind, where = ("results", f"{RESULTS}/") if has_parameters else ("parameters", "params.yaml")
        raise UserError(f"{name}: holds no {kind} ({where}). Give a revision in which they are in git.")
    return Revision(name, commit, subject, folder, there, [file for file in declared if file not in copied])


def write(sides: tuple[Revision, Revision], paper: Path, to: Path) -> str:
    """Writes the page of two revisions, in the look of the report in `paper`, and gives a summary of it."""
    settings = compare(*map(_parameters, sides))
    files = [side.by_key(".json") for side in sides]
    measured = [_metrics(side, [key for key in files[0] if key in files[1]]) for side in sides]
    metrics = compare(*measured)
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        pairs, refusals = _draw(sides, project / "figures")
        context = {
            "sides": dict(zip("AB", sides, strict=True)),
            "side_rows": [
                ["revision", *(_name(side.name) for side in sides)],
                ["commit", *(code(s.commit[:10]) if s.commit else "what lies in the folder now" for s in sides)],
                ["message", *(side.subject or MISSING for side in sides)],
                ["result files", *(printed(len(side.files), ",") for side in sides)],
            ],
            "only": [[f for f in one.files if f not in other.files] for one, other in (sides, sides[::-1])],
            "code": _name,
            "md": Markdown,
            "shown": MOST_SHOWN,
            "join": markup.join,
            "table": markup.table,
            "parameter_rows": [[_name(c.key), _setting(c.a), _setting(c.b)] for c in settings],
            "metric_rows": _by_stage([change for change in metrics if change.uncertain]),
            "other_rows": _by_stage([change for change in metrics if not change.uncertain]),
            "measured": len(measured[0] | measured[1]),
            "changed": len(metrics),
            "pairs": pairs,
            "refusals": refusals,
        }
        page = _html(render.fill(PAGE, lambda template: context), paper, project)
        differing = sum(pair.differs for pair in pairs)
    with replacing(to) as temporary:
        temporary.write_bytes(page)
    return (
        f"{to}: {len(settings)} parameters, {len(metrics)} metrics and {differing} figures differ "
        f"between {sides[0].name} and {sides[1].name}"
    )


def _parameters(side: Revision) -> dict[str, Quantity]:
    """The parameters as they are written, by their keys: those of an older version need not be valid today."""
    from dvc.utils.flatten import flatten

    return {key: Quantity(value) for key, value in flatten(side.read(read_yaml, "params.yaml")).items()}


def _metrics(side: Revision, prefixes: Sequence[str]) -> dict[str, Quantity]:
    """The values of some of its JSON files."""
    files = side.by_key(".json")
    found: dict[str, Quantity] = {}
    for prefix in prefixes:
        content = side.read(read_json, f"{RESULTS}/{files[prefix]}")
        found |= dict(quantities(prefix, without_makers(content)))
    return found


def quantities(prefix: str, content: Any) -> Iterator[tuple[str, Quantity]]:
    """Gives all values of a result by their keys, as the report names them; an interval goes with its estimate."""
    if not isinstance(content, Mapping | list):
        yield prefix, Quantity(content)
        return
    children = dict(content if isinstance(content, Mapping) else enumerate(content))
    estimate = next((name for name in ESTIMATES if name in children), None)
    if estimate and {"low", "high"} <= children.keys():
        yield f"{prefix}.{estimate}", Quantity(*(children.pop(name) for name in (estimate, "low", "high")))
    elif {"mean", "sd"} <= children.keys():
        yield f"{prefix}.mean", Quantity(children.pop("mean"), sd=children.pop("sd"))
    for name, child in children.items():
        yield from quantities(f"{prefix}.{name}", child)


def compare(a: Mapping[str, Quantity], b: Mapping[str, Quantity]) -> list[Change]:
    """What differs, in the order of A, then what only B has."""
    return [Change(key, a.get(key), b.get(key)) for key in {**a, **b} if a.get(key) != b.get(key)]


class _Present(Tables):
    """The tables of a revision, which may lack some."""

    def __init__(self, side: Revision) -> None:
        super().__init__(side.folder / RESULTS, side.by_key(".csv"))
        self.lacking = {pipeline.key_of(file): file for file in side.lacking}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self.sources:
            raise NoDataError(f"{self.lacking.get(name, name)} is not there")
        return super().__getitem__(name)


def _draw(sides: Sequence[Revision], folder: Path) -> tuple[list[Pair], list[str]]:
    """Draws every figure of both sides, as a.<name>.svg and b.<name>.svg; tells of each side why it has none at all."""
    drawings, refusals = [], []
    for side in sides:
        try:
            drawings.append(_drawings(side))
            refusals.append("")
        except UserError as error:
            drawings.append({})
            refusals.append(side.message_of(error))
    pairs = []
    for name in drawings[0] | drawings[1]:
        drawn = [
            _drawn(side, of_side[name], folder / f"{letter}.{name}.svg")
            if name in of_side
            else (None, "see above" if refusal else "this run has none")
            for side, of_side, letter, refusal in zip(sides, drawings, "ab", refusals, strict=True)
        ]
        pairs.append(Pair(name, *zip(*drawn, strict=True)))
    return pairs, refusals


def _drawings(side: Revision) -> dict[str, Callable[[], Figure]]:
    """What draws the figures of a revision, as far as its parameters are valid today."""
    settings, files = params.read(side.folder / "params.yaml"), side.by_key(".json")
    rated = {study: of for study, of in settings.ratings.studies.items() if f"ratings.{study}" in files}
    settings = settings.model_copy(update={"ratings": settings.ratings.model_copy(update={"studies": rated})})
    return Paper(settings, Numbers(side.folder / RESULTS, files, side.name), _Present(side), CHAPTERS).drawings()


def _drawn(side: Revision, drawing: Callable[[], Figure], path: Path) -> tuple[Path | None, str]:
    """Draws one figure; gives the file, or why there is none."""
    try:
        style.draw(drawing, path)
    except (NoDataError, UserError) as error:
        return None, side.message_of(error)
    except Exception as error:  # results of an older version can have any form
        return None, f"its results are of another form ({type(error).__name__}: {side.message_of(error)})"
    return path, ""


def _html(text: str, paper: Path, project: Path) -> bytes:
    """Renders the page as one file, in the report's look."""
    for name, source in zip(STYLES, (paper / STYLES[0], PAGE / STYLES[1]), strict=True):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(source.read_bytes())
    how = ["--from=markdown", "--to=html5", "--standalone", "--output=diff.html", "--embed-resources"]
    look = [f"--template={(paper / 'styles' / 'template.html').resolve()}", *(f"--css={name}" for name in STYLES)]
    filters = [f"--lua-filter={(paper / render.TABLES).resolve()}", f"--lua-filter={render.FILTER}"]
    contents = ["--toc", "--toc-depth=2", "--metadata=lang:en", *filters]
    lint.pandoc(text, *how, *look, *contents, folder=project)
    return (project / "diff.html").read_bytes()


def _by_stage(found: Sequence[Change]) -> dict[str, list[list[object]]]:
    """The rows of each stage's table, in the order of the keys."""
    return {stage: [_row(c) for c in of_stage] for stage, of_stage in groupby(found, lambda c: c.key.split(".")[0])}


def _row(change: Change) -> list[object]:
    """Key, both sides, the difference and, of what is uncertain, whether B lies inside A's interval."""
    decimals = next((n for n in (3, 5, 8) if _shown(change.a, n) != _shown(change.b, n)), EXACT)
    values = [_shown(side, decimals) for side in (change.a, change.b)]
    difference = MISSING if change.difference is None else _number(change.difference, decimals, "+")
    inside = {None: MISSING, True: "yes", False: "no"}[change.inside]
    return [_name(change.key), *values, difference, *([inside] if change.uncertain else [])]


def _shown(quantity: Quantity | None, decimals: int) -> Markdown:
    """A value with its interval or standard deviation."""
    if quantity is None:
        return ABSENT
    value, low, high, sd = (_number(of, decimals) for of in (quantity.value, quantity.low, quantity.high, quantity.sd))
    if quantity.low is not None and quantity.high is not None:
        return Markdown(rf"{value} \[{low},{NBSP}{high}\]")
    return value if quantity.sd is None else Markdown(f"{value}{NBSP}±{NBSP}{sd}")


def _number(value: Any, decimals: int, sign: str = "") -> Markdown:
    """A number with as many decimals, or significant digits where those would show nothing of it."""
    if isinstance(value, float) and not value.is_integer():
        small = 0 < abs(value) < 10**-decimals
        return printed(value, sign + (".17g" if decimals == EXACT else ".2g" if small else f",.{decimals}f"))
    return printed(value, f"{sign},.0f") if isinstance(value, int | float) else printed(value)


def _name(text: str) -> Markdown:
    """A name in typewriter letters, if it is a usual one."""
    return code(text) if _PLAIN.fullmatch(text) else escape(text)


def _setting(quantity: Quantity | None) -> Markdown:
    """A parameter's value, as YAML writes it in one line."""
    if quantity is None:
        return ABSENT
    return join(quantity.value if isinstance(quantity.value, str) else json.dumps(quantity.value, ensure_ascii=False))


def main() -> None:
    """Compares two revisions, or says why it cannot."""
    parser = argparse.ArgumentParser(prog="python -m synthnotes.publishing.diff", description=__doc__)
    parser.add_argument("--a", default="HEAD", help="the first revision")
    parser.add_argument("--b", default=WORKSPACE, help="the second revision")
    parser.add_argument("--paper", type=Path, default=Path("paper"), help="the report's source, for its look")
    parser.add_argument("--to", type=Path, required=True, help="the page, an .html")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        a = read_revision(Path.cwd(), options.a, Path(folder, "a"))
        b = read_revision(Path.cwd(), options.b, Path(folder, "b"))
        print(write((a, b), options.paper, options.to))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"diff: error: {error}")
