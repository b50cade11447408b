"""A small report, word by word: in HTML with links and hovers, in the PDF, and beside Quarto's where there is one."""

import os
import shutil
from pathlib import Path
from textwrap import wrap

import pytest
from reading import lines, pdf_words, structure

from synthnotes.machinery.files import write_json
from synthnotes.report.kit import markup, origins, render
from synthnotes.report.kit.numbers import Numbers

GOLDEN = Path(__file__).parent / "golden"
RESULT = {"micro": {"f1": 0.8244, "low": 0.81, "high": 0.8366}, "notes": 12345, "gap": -0.5, "none": None, "p": 0.0001}
NASTY = "no text | {{< meta title >}} @tbl-none $x$ <b> ::: *a*"
TEMPLATE = """---
title: "A small report"
pagetitle: "A small report"
author-plain: "Somebody"
subtitle: "Of few numbers"
kicker: "Example"
running-title: "Small"
data-mark: "Invented"
byline: "By somebody [@lin2004]."
abstract: |
  Micro-F1 is {{ num("coding.x.micro.f1", ".3f") }} {{ interval("coding.x.micro.low", "coding.x.micro.high", ".3f") }}.
---

# First {#sec-first}

See @fig-one, @tbl-one, [-@tbl-one], [@fig-one; @tbl-one], @eq-one and @sec-deep.
Of {{ num("coding.x.notes", ",") }} notes, {{ quotient("coding.x.micro.f1", "coding.x.micro.high", ".1%") }},
{{ num("coding.x.gap", "+.1f") }}, p {{ num("coding.x.p", "p") }}.

{{ figure("fig-one", "one.svg", "What it *shows*: " ~ num("coding.x.micro.f1", ".2f") ~ ".", "A square") }}

{{ table("tbl-one", "Some values.", ["What", ">Value"], [
  ["a|b", num("coding.x.micro.f1", ".2f")], [nasty, num("coding.x.none")],
]) }}

$$ a = b $$ {#eq-one}

## Deep {#sec-deep}

::: {.callout-note title="Mind"}
A callout.
:::

{{ origins() }}
"""


@pytest.fixture(scope="module")
def small(paper, tmp_path_factory):
    """The folder of a small project, with its pages."""
    folder = tmp_path_factory.mktemp("small")
    write_json(folder / "results" / "coding" / "x.json", RESULT)
    numbers = Numbers(folder / "results", {"coding.x": "coding/x.json"}, seeds={"coding": {"seed": 7}})
    context = {name: getattr(numbers, name) for name in ("num", "interval", "quotient")}
    context |= {"figure": markup.figure, "table": markup.table, "nasty": NASTY}
    context["origins"] = lambda: markup.Markdown(
        origins.listing(numbers.printed()) + origins.references(numbers.printed())
    )
    (folder / "index.qmd.j2").write_text(TEMPLATE, encoding="utf-8")
    shutil.copyfile(paper / "names.yaml", folder / "names.yaml")
    project = folder / "project"
    render.write_project(project, paper, render.fill(folder, lambda _: context))
    square = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    (project / "one.svg").write_text(square, encoding="utf-8")
    for name, page in zip(("small.html", "small.pdf"), render.render(project, "embedded"), strict=True):
        (folder / name).write_bytes(page)
    return folder


def golden(name, text):
    """The text that was read and found good; after a change, `GOLDEN=write pytest` writes it anew, to be read again."""
    path = GOLDEN / name
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return path.read_text(encoding="utf-8").splitlines()


def test_the_text_of_the_html(small):
    text = list(lines((small / "small.html").read_text(encoding="utf-8")))
    assert text == golden("html.txt", text)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_the_text_of_the_pdf(small):
    """Word by word: versions of pdftotext break lines in other places."""
    words = pdf_words(small / "small.pdf")
    assert words == " ".join(golden("pdf.txt", wrap(" ".join(words), 100))).split()


def test_headings_captions_and_references_are_told(small):
    headings, captions, references = structure((small / "small.html").read_text(encoding="utf-8"))
    assert headings == ["1 First", "1.1 Deep", "References"]
    assert captions == ["Figure 1: What it shows: 0.82.", "Table 1: Some values."]
    assert [text for _, text in references] == [
        "Figure 1", "Table 1", "1", "Figure 1", "Table 1", "Equation 1", "Section 1.1",
    ]  # fmt: skip


@pytest.mark.skipif(shutil.which("quarto") is None, reason="Quarto is not installed")
def test_quarto_numbers_and_names_everything_alike(small, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(small / "project", project)
    html, _ = render.render(project, "quarto")  # which takes the nasty cell's ":::" for a fence
    assert structure(html.decode()) == structure((small / "small.html").read_text(encoding="utf-8"))
