import re

import pytest
from reading import words

from synthnotes.machinery.files import UserError
from synthnotes.report.kit import render

BODY = r"""---
title: "A title"
pagetitle: "A title"
author-plain: "Somebody"
subtitle: "Sub"
abstract: |
  See @tbl-one.
---

# First {#sec-first}

See @fig-one, [-@tbl-one], [@fig-one; @tbl-one], @eq-one, @sec-deep and @lin2004.

![What it *shows*.](one.svg){#fig-one fig-alt="A square" width=50%}

| A  |  B |
|:---|---:|
| x  |  1 |

: Some values. {#tbl-one}

$$ a = b $$ {#eq-one}

## Deep {#sec-deep}

::: {.callout-note title="Mind"}
A callout.
:::

::: {.content-visible when-format="html"}
Only on the web.
:::

::: {.content-hidden when-format="html"}
Only on paper.
:::

{{< pagebreak >}}

# Last {.unnumbered}
"""


@pytest.fixture
def project(tmp_path, paper):
    def make(body=BODY):
        folder = tmp_path / "project"
        render.write_project(folder, paper, body)
        square = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
        (folder / "one.svg").write_text(square, encoding="utf-8")
        return folder

    return make


def test_html_numbers_captions_and_references(project):
    html = render.render_html(project()).decode()
    shown = words(html)
    assert "See Figure 1, 1, Figure 1, Table 1, Equation 1, Section 1.1 and Lin" in shown
    assert "Figure 1: What it shows." in shown
    assert "Table 1: Some values." in shown
    assert 'alt="A square"' in html
    assert "Only on the web" in shown
    assert "Only on paper" not in shown
    assert "pagebreak" not in shown


def test_html_links_resolve_and_nothing_is_fetched(project):
    html = render.render_html(project()).decode()
    targets = set(re.findall(r'href="#([^"]+)"', html))
    assert {"fig-one", "tbl-one", "eq-one", "sec-deep", "ref-lin2004"} <= targets
    assert targets <= set(re.findall(r'id="([^"]+)"', html))
    assert not re.findall(r'(?:src|href)="(?!#|data:|https?://)[^"]*"', html)
    assert "<link" not in html


def test_typst_says_the_same(project):
    folder = project()
    pdf = render.render_pdf(folder)
    source = (folder / "report.typ").read_text(encoding="utf-8")
    assert pdf.startswith(b"%PDF")
    assert "#link(<sec-deep>)[Section~1.1]" in source
    assert "#strong[Table~1:] Some values." in source
    assert "Only on paper" in source
    assert "Only on the web" not in source
    assert "#pagebreak" in source


def test_builds_are_byte_identical(project):
    folder = project()
    assert render.render_html(folder) == render.render_html(folder)
    assert render.render_pdf(folder) == render.render_pdf(folder)


def test_templates_escape_what_is_data(tmp_path):
    (tmp_path / "index.qmd.j2").write_text("# T {#sec-t}\n{// a comment //}\n{{ data }}, {{ 'a' ~ '|b' }}\n", "utf-8")
    assert render.fill(tmp_path, lambda _: {"data": "{{< x >}}"}) == "# T {#sec-t}\n" + r"\{\{\< x \>\}\}, a\|b" + "\n"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{% if %}", r"index\.qmd\.j2, line 1"),
        ("{{ nothing }}", "nothing"),
        ("{% include 'no.qmd.j2' %}", r"no\.qmd\.j2"),
    ],
)
def test_faulty_templates_are_the_users_errors(tmp_path, template, message):
    (tmp_path / "index.qmd.j2").write_text(template, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        render.fill(tmp_path, lambda _: {})


def test_a_number_typed_into_a_template_is_refused_with_its_line(tmp_path):
    (tmp_path / "index.qmd.j2").write_text("# T\n\nIt reaches 0.63.\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"index\.qmd\.j2, line 3: the number '0\.63\.' is typed into the prose"):
        render.fill(tmp_path, lambda _: {})


def test_a_missing_part_of_the_project_is_named(tmp_path, paper):
    with pytest.raises(UserError, match=r"_quarto\.yml"):
        render.write_project(tmp_path / "out", tmp_path, "text")
    assert not (tmp_path / "out").exists()
