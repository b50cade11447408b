"""Diff: one page that sets two runs side by side: parameters, metrics with their intervals, figures (`make diff`).

Each side is read as git, or the workspace, holds it; nothing is checked out, and nothing is computed anew. The figures
are drawn by the report's own code from the results of each side.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from synthnotes.machinery import params
from synthnotes.machinery.files import UserError, replacing
from synthnotes.publishing import changes, figure_pairs, revisions
from synthnotes.publishing.changes import Change, Quantity
from synthnotes.publishing.revisions import Revision
from synthnotes.report.kit import lint, markup, render
from synthnotes.report.kit.markup import Markdown, code, escape, join
from synthnotes.report.kit.numbers import MISSING, NBSP, printed

PAGE = Path(__file__).with_name("diff_page")
STYLES = ("styles/report.css", "diff.css")
ABSENT = Markdown("*not there*")
MOST_SHOWN = 40  # rows of a table that is open when the page is
EXACT = 17  # digits that tell any two numbers apart
_PLAIN = re.compile(r"[\w./@~^+-]+( [\w./@~^+-]+)*")  # what is safe between backquotes in a line of a table


def write(a: Revision, b: Revision, results: str, params_file: str, paper: Path, to: Path) -> str:
    """Writes the page of two revisions and gives a summary of it."""
    sides = (a, b)
    settings = [_parameters(side, params_file) for side in sides]
    metrics = [side.metrics(results) for side in sides]
    shared = [key for key in metrics[0] if key in metrics[1]]
    measured = [{k: q for prefix in shared for k, q in changes.quantities(prefix, of[prefix])} for of in metrics]
    changed_parameters, changed_metrics = changes.between(*settings), changes.between(*measured)
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        figures = figure_pairs.draw(sides, results, params_file, project / "figures")
        context = {
            "sides": dict(zip("AB", sides, strict=True)),
            "side_rows": _side_rows(sides),
            "lacks": [side.lacking for side in sides],
            "only": [[f for f in one.files if f not in other.files] for one, other in (sides, sides[::-1])],
            "code": _name,
            "md": Markdown,
            "shown": MOST_SHOWN,
            "join": markup.join,
            "table": markup.table,
            "parameter_rows": [[_name(c.key), *map(_setting, (c.a, c.b))] for c in changed_parameters],
            "metric_rows": _by_stage([c for c in changed_metrics if _uncertain(c)], _uncertain_row),
            "other_rows": _by_stage([c for c in changed_metrics if not _uncertain(c)], _row),
            "measured": len(dict.fromkeys([*measured[0], *measured[1]])),
            "changed": len(changed_metrics),
            "figures": figures,
        }
        text = render.fill(PAGE, lambda _: context)
        page = _html(text, paper, project)
        differing = sum(pair.differs for pair in figures.pairs)
    with replacing(to) as temporary:
        temporary.write_bytes(page)
    return (
        f"{to}: {len(changed_parameters)} parameters, {len(changed_metrics)} metrics and {differing} figures differ "
        f"between {a.name} and {b.name}"
    )


def _html(text: str, paper: Path, project: Path) -> bytes:
    """Renders the page as one file, in the report's look."""
    for name, source in zip(STYLES, (paper / STYLES[0], PAGE / STYLES[1]), strict=True):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(source.read_bytes())
    how = ["--from=markdown", "--to=html5", "--standalone", "--output=diff.html", "--embed-resources"]
    look = [f"--template={(paper / 'styles' / 'template.html').resolve()}", *(f"--css={name}" for name in STYLES)]
    contents = ["--toc", "--toc-depth=2", "--metadata=lang:en", f"--lua-filter={render.FILTER}"]
    lint.pandoc(text, *how, *look, *contents, folder=project)
    return (project / "diff.html").read_bytes()


def _parameters(side: Revision, params_file: str) -> dict[str, Quantity]:
    """The parameters as they are written: those of an older version need not be valid today."""
    try:
        content = params.parse(side.folder / params_file, YAML(typ="safe", pure=True))
    except UserError as error:
        raise UserError(f"{side.name}: {side.without_folder(error)}") from None
    return dict(changes.parameters(content))


def _side_rows(sides: Sequence[Revision]) -> list[list[object]]:
    return [
        ["revision", *(_name(side.name) for side in sides)],
        ["commit", *(code(side.commit[:10]) if side.commit else "what lies in the folder now" for side in sides)],
        ["message", *(side.subject or MISSING for side in sides)],
        ["result files", *(printed(len(side.files), ",") for side in sides)],
    ]


def _by_stage(found: Sequence[Change], row: Any) -> dict[str, list[list[object]]]:
    """The rows of each stage's table, in the order of the keys."""
    return {stage: [row(c) for c in of_stage] for stage, of_stage in groupby(found, lambda c: c.key.split(".")[0])}


def _uncertain(change: Change) -> bool:
    return any(side is not None and side.uncertain for side in (change.a, change.b))


def _uncertain_row(change: Change) -> list[object]:
    """Key, both sides, difference, and whether B lies inside A's interval."""
    inside = MISSING if change.inside is None else "yes" if change.inside else "no"
    return [*_row(change), inside]


def _row(change: Change) -> list[object]:
    """Key, both sides, and the difference."""
    decimals = next((n for n in (3, 5, 8) if _shown(change.a, n) != _shown(change.b, n)), EXACT)
    values = [_shown(side, decimals) for side in (change.a, change.b)]
    difference = MISSING if change.difference is None else _number(change.difference, decimals, "+")
    return [_name(change.key), *values, difference]


def _shown(quantity: Quantity | None, decimals: int) -> Markdown:
    """A value with its interval or standard deviation."""
    if quantity is None:
        return ABSENT
    value, low, high, sd = (_number(of, decimals) for of in (quantity.value, quantity.low, quantity.high, quantity.sd))
    if quantity.low is not None and quantity.high is not None:
        return Markdown(rf"{value} \[{low},{NBSP}{high}\]")
    return value if quantity.sd is None else Markdown(f"{value}{NBSP}±{NBSP}{sd}")


def _name(text: str) -> Markdown:
    """A name in typewriter letters, if it is a usual one."""
    return code(text) if _PLAIN.fullmatch(text) else escape(text)


def _number(value: Any, decimals: int, sign: str = "") -> Markdown:
    """A number with as many decimals, or significant digits where those would show nothing of it."""
    if isinstance(value, float) and not value.is_integer():
        small = 0 < abs(value) < 10**-decimals
        spec = ".17g" if decimals == EXACT else ".2g" if small else f",.{decimals}f"
        return printed(value, f"{sign}{spec}")
    return printed(value, f"{sign},.0f") if isinstance(value, int | float) else printed(value)


def _setting(quantity: Quantity | None) -> Markdown:
    """A parameter's value, as YAML writes it in one line."""
    if quantity is None:
        return ABSENT
    return join(quantity.value if isinstance(quantity.value, str) else json.dumps(quantity.value, ensure_ascii=False))


def main() -> None:
    """Compares two revisions, or says why it cannot."""
    parser = argparse.ArgumentParser(prog="python -m synthnotes.publishing.diff", description=__doc__)
    parser.add_argument("--a", default="HEAD", help="the first revision")
    parser.add_argument("--b", default=revisions.WORKSPACE, help="the second revision")
    parser.add_argument("--results", default="results", help="the folder of the results")
    parser.add_argument("--params-file", default="params.yaml")
    parser.add_argument("--paper", type=Path, default=Path("paper"), help="the report's source, for its look")
    parser.add_argument("--to", type=Path, required=True, help="the page, an .html")
    options: Mapping[str, Any] = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as folder:
        a, b = (
            revisions.copy(Path.cwd(), options[side], options["results"], options["params_file"], Path(folder, side))
            for side in "ab"
        )
        print(write(a, b, options["results"], options["params_file"], options["paper"], options["to"]))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"diff: error: {error}")
