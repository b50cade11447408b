"""Every case of the bad-input table names a test that exists: a test that is renamed takes its case along."""

import ast

import pytest
from cases import CASES

from pipeline import ROOT


@pytest.mark.parametrize("part", CASES)
def test_every_case_names_a_test(part):
    for case, (test, *_) in CASES[part].items():
        file, _, name = test.partition("::")
        module = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        functions = [node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
        wanted = name.rpartition("::")[2]
        assert any(function.startswith(wanted) for function in functions), f"{case}: no {test}"
