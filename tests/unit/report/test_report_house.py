"""How the report's own house is kept: a module per template, a kit apart, and nothing that no template uses."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from synthnotes.report.index import CHAPTERS

ROOT = Path(__file__).parents[3]
REPORT = ROOT / "src" / "synthnotes" / "report"
KIT = sorted(path for path in (REPORT / "kit").iterdir() if path.suffix in (".py", ".lua"))
OF_THE_PAPER = re.compile(r"mimic|sepr|llama|rouge|\bicd", re.IGNORECASE)


def imports(module):
    """What a module imports, with the names that it takes from there."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def names_used(template):
    """The names in the expressions and statements of a template."""
    text = (ROOT / "paper" / f"{template}.qmd.j2").read_text(encoding="utf-8")
    return set(re.findall(r"\w+", " ".join(re.findall(r"(?s)\{\{.*?\}\}|\{%.*?%\}", text))))


def test_every_module_has_a_template_of_its_name():
    modules = {path.stem for path in REPORT.glob("*.py")} - {"__init__", "paper", "index"}
    assert modules == {module.__name__.rpartition(".")[2] for module in CHAPTERS.values()}
    assert modules <= CHAPTERS.keys()
    assert [name for name in CHAPTERS if not (ROOT / "paper" / f"{name}.qmd.j2").is_file()] == []


@pytest.mark.parametrize("module", KIT, ids=lambda path: path.name)
def test_the_kit_knows_nothing_of_the_paper(module):
    """It fills the templates of any report: no chapter, and no name of data, model or measure."""
    assert OF_THE_PAPER.findall(module.read_text(encoding="utf-8")) == []
    if module.suffix == ".py":
        own = ("synthnotes.report.kit", "synthnotes.machinery")
        assert [name for name in imports(module) if name.startswith("synthnotes") and not name.startswith(own)] == []


def test_templates_use_every_function_that_they_are_given():
    used = {module: set().union(*map(names_used, _templates(module))) for module in CHAPTERS.values()}
    assert {module.__name__: missing for module, names in used.items() if (missing := {*module.__all__} - names)} == {}


def _templates(module):
    return [name for name, of in CHAPTERS.items() if of is module]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_a_template_may_use_takes_the_paper_first(chapter):
    module = CHAPTERS[chapter]
    first = {name: next(iter(inspect.signature(getattr(module, name)).parameters), None) for name in module.__all__}
    assert {name: argument for name, argument in first.items() if argument != "paper"} == {}
