"""What the contract tests know of the pipeline: its resolved stages, its modules and what they import."""

import ast
import re
import shlex
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from dvc.dvcfile import load_file
from dvc.repo import Repo
from ruamel.yaml import YAML

from synthnotes.machinery import dependencies

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "synthnotes"


@dataclass
class Output:
    """One output of a stage as dvc.yaml declares it."""

    path: str
    kind: str
    options: dict = field(default_factory=dict)

    @property
    def sensitivity(self):
        return (self.options.get("meta") or {}).get("sensitivity")


@dataclass
class Stage:
    """One stage with its matrix resolved, for instance coding@mimic-real_s-1337."""

    name: str
    cmd: str
    deps: list[str]
    params: list[str]
    outputs: list[Output]
    languages: dict[str, list[str]]  # the keys of a language file that decide its bytes, by the file

    @property
    def module(self):
        """The stage's module in stages/, whose name it bears or begins with."""
        return re.match(r"python -m synthnotes\.stages\.(\w+) ", self.cmd + " ")[1]

    @property
    def makes(self):
        """Whether it makes what others measure: it writes to build/ alone."""
        return all(output.path.startswith("build/") for output in self.outputs) and self.module != "report"

    @property
    def options(self):
        """The command's options with their values: {"--real": ["build/…"]}."""
        words, options = shlex.split(self.cmd)[3:], {}
        for word in words:
            if word.startswith("--"):
                current = options.setdefault(word, [])
            else:
                current.append(word)
        return options


@cache
def stages():
    """All stages of dvc.yaml, resolved by DVC's own parser."""
    dvcfile = load_file(Repo(str(ROOT)), str(ROOT / "dvc.yaml"))
    result = []
    for name, entry in dvcfile.resolver.resolve()["stages"].items():
        outputs = [
            Output(path, kind, options)
            for kind in ("outs", "metrics", "plots")
            for item in entry.get(kind, [])
            for path, options in (item.items() if isinstance(item, dict) else [(item, {})])
        ]
        own = entry.get("params", [])
        params = [item for item in own if isinstance(item, str)]
        languages = {file: keys for item in own if not isinstance(item, str) for file, keys in item.items()}
        result.append(Stage(name, " ".join(entry["cmd"].split()), entry.get("deps", []), params, outputs, languages))
    return result


def dvc_yaml():
    """dvc.yaml as written."""
    return YAML(typ="safe", pure=True).load(ROOT / "dvc.yaml")


def modules():
    """Every module of the package, as a path relative to the root."""
    return sorted(p.relative_to(ROOT) for p in SOURCE.rglob("*.py"))


@cache
def tree(path):
    """The syntax tree of a module."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imports(path):
    """The first-party modules that a module names in import statements anywhere in it."""
    return {Path("src") / module for module in dependencies.imports(path.relative_to("src"))}


def closure(path):
    """All first-party modules that a module needs, itself included."""
    return {Path("src") / module for module in dependencies.closure(path.relative_to("src"))}


def called(path, name):
    """The calls of a function or method of that name in a module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            function = node.func
            if (isinstance(function, ast.Attribute) and function.attr == name) or (
                isinstance(function, ast.Name) and function.id == name
            ):
                yield node


def looks_like_a_path(word):
    """Whether a word of a command is a path of the project."""
    return re.match(r"(data|build|results|paper|src|configs)(/|$)|(params|machine)\.yaml$|dvc\.lock$", word) is not None
