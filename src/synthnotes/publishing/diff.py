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
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from synthnotes.machinery import params, pipeline
from synthnotes.machinery.files import UserError, read_json, read_yaml, replacing
from synthnotes.machinery.makers import without_makers
from synthnotes.report.index import CHAPTERS
from synthnotes.report.kit import lint, markup, render, style
from synthnotes.report.kit.markup import Markdown, code, escape, join
from synthnotes.report.kit.numbers import MISSING, NBSP, Numbers, printed
from synthnotes.report.kit.tables import NoDataError, Tables
from synthnotes.report.paper import Paper

WORKSPACE = "workspace"
RESULTS = "results"
REPEATED = "headline/"  # results that repeat numbers of others
PAGE = Path(__file__).with_name("diff_page")
ABSENT = Markdown("*not there*")
MOST_SHOWN = 40  # rows of a table that is open when the page is
EXACT = 17  # digits that tell any two numbers apart
# What an interval, the entries `low` and `high`, belongs to: the first of these entries beside it.
ESTIMATES = ("value", "difference", "mean", "r", "delta", "odds_ratio", "single")
_PLAIN = re.compile(r"[\w./@~^+-]+( [\w./@~^+-]+)*")  # what is safe between backquotes in a line of a table


@dataclass(frozen=True)
class Revision:
    """The parameters and results of a commit, an experiment or the workspace.

    Attributes:
        name: as the user calls it.
        commit: its hash, None of the workspace.
        subject: of the commit's message.
        folder: in which copies of its files lie: params.yaml and results/, as in the project.
    """

    name: str
    commit: str | None
    subject: str
    folder: Path

    def read(self, reader: Callable[[Path], Any], file: str) -> Any:
        """What a file holds; an error names the revision."""
        try:
            return reader(self.folder / file)
        except UserError as error:
            raise UserError(f"{self.name}: {self.message_of(error)}") from None

    def message_of(self, error: Exception) -> str:
        """What an error says, without the temporary place of the copies."""
        return str(error).replace(f"{self.folder}/", "")

    def files(self, kind: str) -> dict[str, str]:
        """The result files of a kind, by what the report's keys of them begin with: `utility.mimic`."""
        results = self.folder / RESULTS
        names = [path.relative_to(results).as_posix() for path in sorted(results.rglob(f"*{kind}"))]
        return {pipeline.key_of(name): name for name in names if not name.startswith(REPEATED)}


class Quantity(NamedTuple):
    """A number, text or truth value of a result, with its interval or, where it has none, its standard deviation."""

    value: Any
    low: float | None = None
    high: float | None = None
    sd: float | None = None


class Change(NamedTuple):
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
        if self.difference is None or self.a is None or self.b is None or self.a.low is None or self.a.high is None:
            return None
        return self.a.low <= self.b.value <= self.a.high

    @property
    def uncertain(self) -> bool:
        """Whether a side tells how uncertain it is."""
        return any(side and (side.low is not None or side.sd is not None) for side in (self.a, self.b))


class Picture(NamedTuple):
    """One figure of one side: its SVG, or None and why there is none. The same data give the same bytes."""

    svg: bytes | None
    reason: str = ""


def read_revision(root: Path, name: str, folder: Path) -> Revision:
    """Copies into a folder what a comparison needs: a revision's parameters, and its results.

    Raises:
        UserError: there is no such revision, or it holds no parameters or no results.
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
    with Repo(str(root), rev=commit) as repo:
        for place in ("params.yaml", RESULTS):
            source = repo.fs.join(repo.root_dir, place)
            found = [source] if repo.fs.isfile(source) else repo.fs.find(source)
            files = [file for file in found if file.endswith((".json", ".csv", ".yaml"))]
            if not files:
                raise UserError(f"{name}: holds no {place}. Give a revision that has parameters and results in git.")
            for file in files:
                copy = folder / repo.fs.relpath(file, repo.root_dir)
                copy.parent.mkdir(parents=True, exist_ok=True)
                repo.fs.get_file(file, str(copy))
    return Revision(name, commit, subject, folder)


def write(sides: tuple[Revision, Revision], paper: Path, to: Path) -> str:
    """Writes the page of two revisions, in the look of the report in `paper`, and gives a summary of it."""
    settings = compare(*map(_parameters, sides))
    measured = [_metrics(side) for side in sides]
    metrics = compare(*measured)
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        drawn = [_draw(side, project / "figures", letter) for side, letter in zip(sides, "ab", strict=True)]
        names = dict.fromkeys(name for of_side, _ in drawn for name in of_side)
        pictures = {name: [of_side.get(name, Picture(None, reason)) for of_side, reason in drawn] for name in names}
        differing = {name: both for name, both in pictures.items() if both[0] != both[1]}
        context = {
            "sides": dict(zip("AB", sides, strict=True)),
            "side_rows": [
                ["revision", *(_name(side.name) for side in sides)],
                ["commit", *(code(s.commit[:10]) if s.commit else "what lies in the folder now" for s in sides)],
                ["message", *(side.subject or MISSING for side in sides)],
                ["result files", *(printed(len(side.files(".*")), ",") for side in sides)],
            ],
            "md": Markdown,
            "code": _name,
            "shown": MOST_SHOWN,
            "join": join,
            "table": markup.table,
            "parameter_rows": [[_name(c.key), _setting(c.a), _setting(c.b)] for c in settings],
            "metric_rows": _by_stage([change for change in metrics if change.uncertain]),
            "other_rows": _by_stage([change for change in metrics if not change.uncertain]),
            "measured": len(measured[0] | measured[1]),
            "changed": len(metrics),
            "pictures": differing,
            "same": [name for name in pictures if name not in differing],
        }
        page = _html(render.fill(PAGE, lambda template: context), paper, project)
    with replacing(to) as temporary:
        temporary.write_bytes(page)
    return (
        f"{to}: {len(settings)} parameters, {len(metrics)} metrics and {len(differing)} figures differ "
        f"between {sides[0].name} and {sides[1].name}"
    )


def _parameters(side: Revision) -> dict[str, Quantity]:
    """The parameters as they are written, by their keys: those of an older version need not be valid today."""
    from dvc.utils.flatten import flatten

    return {key: Quantity(value) for key, value in flatten(side.read(read_yaml, "params.yaml")).items()}


def _metrics(side: Revision) -> dict[str, Quantity]:
    """All values of its JSON files."""
    contents = {key: side.read(read_json, f"{RESULTS}/{file}") for key, file in side.files(".json").items()}
    return {key: of for prefix, content in contents.items() for key, of in quantities(prefix, without_makers(content))}


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


def _draw(side: Revision, folder: Path, letter: str) -> tuple[dict[str, Picture], str]:
    """Draws the figures of a side, as far as its parameters are valid today; and says why there are no others."""
    try:
        settings, files = params.read(side.folder / "params.yaml"), side.files(".json")
        rated = {study: of for study, of in settings.ratings.studies.items() if f"ratings.{study}" in files}
        settings = settings.model_copy(update={"ratings": settings.ratings.model_copy(update={"studies": rated})})
        results = side.folder / RESULTS
        numbers, tables = Numbers(results, files, side.name), Tables(results, side.files(".csv"))
        drawings = Paper(settings, numbers, tables, CHAPTERS).drawings()
    except UserError as error:
        return {}, side.message_of(error)
    drawn = {name: _drawn(side, drawing, folder / f"{letter}.{name}.svg") for name, drawing in drawings.items()}
    return drawn, "this run has none"


def _drawn(side: Revision, drawing: Callable[[], Figure], path: Path) -> Picture:
    """Draws one figure."""
    try:
        style.draw(drawing, path)
    except (NoDataError, UserError) as error:
        return Picture(None, side.message_of(error))
    except Exception as error:  # results of an older version can have any form
        return Picture(None, f"its results are of another form ({type(error).__name__}: {side.message_of(error)})")
    return Picture(path.read_bytes())


def _html(text: str, paper: Path, project: Path) -> bytes:
    """Renders the page as one file, in the report's look."""
    styles = {"report.css": paper / "styles" / "report.css", "diff.css": PAGE / "diff.css"}
    for name, source in styles.items():
        (project / name).write_bytes(source.read_bytes())
    how = ["--from=markdown", "--to=html5", "--standalone", "--output=diff.html", "--embed-resources"]
    look = [f"--template={(paper / 'styles' / 'template.html').resolve()}", *(f"--css={name}" for name in styles)]
    filters = [f"--lua-filter={(paper / render.TABLES).resolve()}", f"--lua-filter={render.FILTER}"]
    lint.pandoc(text, *how, *look, "--toc", "--toc-depth=2", "--metadata=lang:en", *filters, folder=project)
    return (project / "diff.html").read_bytes()


def _by_stage(changes: Sequence[Change]) -> dict[str, list[list[object]]]:
    """The rows of each stage's table, in the order of the keys."""
    return {stage: [_row(c) for c in of_stage] for stage, of_stage in groupby(changes, lambda c: c.key.split(".")[0])}


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
    value, low, high, sd = (_number(of, decimals) for of in quantity)
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
        sides = [read_revision(Path.cwd(), name, Path(folder, of)) for of, name in (("a", options.a), ("b", options.b))]
        print(write((sides[0], sides[1]), options.paper, options.to))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"diff: error: {error}")
