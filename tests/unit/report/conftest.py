"""A whole set of artificial results, and the report's own sources."""

import json
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from synthnotes.machinery import params
from synthnotes.report.index import CHAPTERS
from synthnotes.report.kit import lint, render, style
from synthnotes.report.kit.numbers import Numbers
from synthnotes.report.kit.tables import Tables
from synthnotes.report.paper import Paper
from synthnotes.stages.report import main

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(Path(__file__).parent))

import artificial  # noqa: E402
from reading import outputs  # noqa: E402

LANGUAGES = ROOT / "languages"


@pytest.fixture(scope="session")
def paper():
    return ROOT / "paper"


@pytest.fixture
def run_of(tmp_path, paper):
    """Writes parameters, pipeline and results of a run with the given corpora; returns parameters and results."""

    def make(corpora=("mimic", "sepr"), **changes):
        values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        third = values["corpora"]["sepr"] | {"name": "CodiEsp", "description": "CodiEsp", "language": "es"}
        third |= {"source": {"reader": "codiesp", "text": "es", "official_parts": True}}
        declared = values["corpora"] | {"codiesp": third}
        values["corpora"] = {corpus: declared[corpus] for corpus in corpora}
        values["noise"]["corpora"] = [corpus for corpus in values["noise"]["corpora"] if corpus in corpora]
        for section, change in changes.items():
            values[section] = values[section] | change if isinstance(change, dict) else change
        file = tmp_path / "params.yaml"
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
        shutil.copyfile(ROOT / "dvc.yaml", tmp_path / "dvc.yaml")
        artificial.write(tmp_path / "results", file, paper / "published" / "ratings.csv")
        return file, tmp_path / "results"

    return make


SQUARE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'


def draw_square(drawing, path):
    """In the place of `style.draw`, which takes most of the time: reads what a figure is drawn from, and no more."""
    drawing()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SQUARE, encoding="utf-8")


@pytest.fixture
def fill(run_of, tmp_path, paper, monkeypatch):
    """Fills the templates, without rendering: gives the source, and the provenance."""
    monkeypatch.setattr(style, "draw", draw_square)
    monkeypatch.setattr(lint, "check", lambda text, bibliography: None)
    monkeypatch.setattr(render, "render", lambda project, engine: (b"", b""))

    def make(run=None, **arguments):
        file, results = run or run_of(**arguments)
        main(paper, results, file, LANGUAGES, *outputs(tmp_path / "out"))
        provenance = json.loads((tmp_path / "out" / "provenance.json").read_text(encoding="utf-8"))
        return (tmp_path / "out" / "quarto" / "report.qmd").read_text(encoding="utf-8"), provenance

    return make


@pytest.fixture
def paper_of(tmp_path):
    """A report of a few numbers alone: `results` is the content of files, by what their keys begin with."""

    def make(results, published=None, **changes):
        settings = params.read(ROOT / "params.yaml").model_copy(update=changes)
        numbers = Numbers(tmp_path, {})
        for prefix, content in ({"params": settings.model_dump()} | results).items():
            numbers.include(prefix, tmp_path, content)
        return Paper(
            settings, numbers, Tables(tmp_path, {}), CHAPTERS, published, languages={"en": "English", "sv": "Swedish"}
        )

    return make


@pytest.fixture
def said(tmp_path, paper, paper_of):
    """What a macro of a template says in a report of these numbers: `said("glance", "errors(corpora[0])", {…})`."""

    def render_call(template, call, results):
        source = (paper / f"{template}.qmd.j2").read_text(encoding="utf-8")
        for name in ("verdicts.j2", "names.yaml"):
            shutil.copyfile(paper / name, tmp_path / name)
        # The template itself would ask for all numbers.
        macros = re.findall(r"(?s)\{% from .*?%\}|\{% macro .*?endmacro %\}", source)
        (tmp_path / "index.qmd.j2").write_text("\n".join([*macros, f"{{{{ md({call}) }}}}"]), encoding="utf-8")
        of = paper_of(results)
        return render.fill(tmp_path, lambda _: of.context(template)).strip()

    return render_call


@pytest.fixture(scope="session")
def whole(tmp_path_factory, paper):
    """The whole report of an artificial run, with its figures: folder of the results, and of the outputs."""
    folder = tmp_path_factory.mktemp("whole")
    artificial.write(folder / "results", ROOT / "params.yaml", paper / "published" / "ratings.csv")
    summary = main(paper, folder / "results", ROOT / "params.yaml", LANGUAGES, *outputs(folder / "out"))
    return SimpleNamespace(results=folder / "results", out=folder / "out", summary=summary)
