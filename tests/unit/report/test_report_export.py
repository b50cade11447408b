"""The numbers for other papers: by name, as they are printed, in a form that LaTeX and programs read."""

import json
import re
import shutil
import subprocess

import pytest

from synthnotes.machinery.files import write_json
from synthnotes.report.kit import provenance
from synthnotes.report.kit.numbers import Numbers

RESULT = {"f1": 0.8244, "gap": -0.512, "p": 0.0001, "none": None, "share": 0.5, "notes": 12345, "verdict": "a_b & 5 %"}


@pytest.fixture
def numbers(tmp_path):
    write_json(tmp_path / "coding" / "x.json", RESULT)
    found = Numbers(tmp_path, {"coding.x": "coding/x.json"})
    found.num("coding.x.f1", ".3f")
    found.num("coding.x.f1", ".1%")
    found.num("coding.x.gap", "+.2f")
    found.p("coding.x.p")
    found.num("coding.x.none", ".2f")
    found.num("coding.x.notes", ",")
    found.num("coding.x.verdict")
    found.quotient("coding.x.f1", "coding.x.share", ".1%")
    found.complement("coding.x.share")
    return found


def test_each_number_has_its_name_and_its_formats(numbers):
    told = provenance.as_json(numbers.printed())
    assert told["coding.x.f1"] == {
        "value": 0.8244,
        "unit": "share of 1",
        "printed": {".3f": "0.824", ".1%": "82.4\u00a0%"},
    }
    assert told["coding.x.none"]["printed"] == {".2f": "–"}
    assert told["coding.x.f1 / coding.x.share"]["printed"] == {".1%": "164.9\u00a0%"}
    assert list(told)[-1] == "1 - coding.x.share"  # in ASCII, as every name
    assert len(told) == 8
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_latex_prints_them_as_the_report_does(numbers):
    lines = provenance.as_tex(numbers.printed()).splitlines()
    assert r"\synthnotesnumber{}{coding.x.f1}{0.824}" in lines  # the first format stands for the number
    assert r"\synthnotesnumber{.1pc}{coding.x.f1}{82.4~\%}" in lines
    assert r"\synthnotesnumber{+.2f}{coding.x.gap}{\ensuremath{-}0.51}" in lines
    assert r"\synthnotesnumber{p}{coding.x.p}{\ensuremath{<} 0.001}" in lines
    assert r"\synthnotesnumber{}{coding.x.verdict}{a\_b \& 5 \%}" in lines


def test_the_reports_own_numbers_are_all_there(whole):
    told = json.loads((whole.out / "numbers.json").read_text(encoding="utf-8"))
    provenance = json.loads((whole.out / "provenance.json").read_text(encoding="utf-8"))["numbers"]
    assert len(told) == len(provenance) > 1000
    for name in told:
        assert name.isascii()
        assert not re.search(r"[\\{}#%~^$]", name)  # nothing that ends the name of a macro
    for number in provenance.values():
        assert told[number["key"]]["printed"] == number["printed"] if "key" in number else number["formula"]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="LaTeX is not installed")
def test_latex_reads_the_whole_file(whole, tmp_path):
    source = r"""\documentclass{article}
    \input{numbers.tex}
    \begin{document}
    \synthnotes{utility.mimic.synthetic_s.micro.f1.mean}; \synthnotes[p]{privacy.mimic.membership.p};
    \synthnotes{number of params.seeds}.
    \end{document}"""
    shutil.copyfile(whole.out / "numbers.tex", tmp_path / "numbers.tex")
    (tmp_path / "a.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    wrong = source.replace("synthetic_s", "nobody")
    (tmp_path / "a.tex").write_text(wrong, encoding="utf-8")
    failed = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert failed.returncode != 0
    assert "numbers.tex: no number" in failed.stdout
