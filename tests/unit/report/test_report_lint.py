from pathlib import Path

import pytest

from synthnotes.machinery.files import UserError, read_yaml
from synthnotes.report.kit.lint import check, typed_numbers

ROOT = Path(__file__).parents[3]
NAMES = read_yaml(ROOT / "paper" / "names.yaml")
BIBLIOGRAPHY = "@article{lin2004,\n  title = {ROUGE}\n}\n"
SOURCE = """---
title: "A title"
abstract: "See [5][n]."
---

# First {#sec-first}

See @fig-one, [-@tbl-one], [@fig-one; @tbl-one], @eq-one, @sec-first, @lin2004 and [0.8][n].

![What it *shows*.](one.svg){#fig-one fig-alt="A square" width=50%}

| A  |  B |
|:---|---:|
| x  |  1 |

: Some values. {#tbl-one .ruled}

$$ a = b $$ {#eq-one}

::: {.callout-note title="Mind"}
A callout.
:::

::: {.content-visible when-format="html"}
Only on the web.
:::

::: {.origins}
[n]{#origin-n} = 0.8
:::

{{< pagebreak >}}

# Last {.unnumbered}

[n]: #origin-n "n = 0.8"
"""


def test_the_portable_subset_passes():
    check(SOURCE, BIBLIOGRAPHY)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@eq-one,", "@tbl-two,", "@tbl-two leads nowhere"),
        ("@lin2004", "@nobody1900", "@nobody1900 leads nowhere"),
        ("@sec-first", "@thm-first", "@thm-first leads nowhere"),
        ("@lin2004", "[there](#nowhere)", "#nowhere, which does not exist"),
        ("[0.8][n]", "[0.8][m]", r"no target: \[0.8\]\[m\]"),
        ("#eq-one}", "#tbl-one}", "@eq-one leads nowhere"),
        ("# Last {.unnumbered}", "# Last {#sec-first}", "Duplicate identifier 'sec-first'"),
        ("{#tbl-one .ruled}", "{#fig-one}", "#fig-one"),
        (' fig-alt="A square"', "", r"one\.svg.*alternative text"),
        (": Some values. {#tbl-one .ruled}", "", "identifier must begin with tbl-"),
        ("Some values.", "", "no caption"),
        ("What it *shows*.", "", "no caption"),
        ("{#sec-first}", "", "identifier must begin with sec-: First"),
        ("{#sec-first}", "{#first}", "identifier must begin with sec-"),
        ("A callout.", "<b>raw</b>", "raw html"),
        ("A callout.", "`x`{=typst}", "raw typst"),
        ("{.callout-note title", "{#tip-x .callout-note title", "callout with an identifier"),
        (".callout-note", ".column-page", r"\.column-page"),
        (".callout-note", ".panel-tabset", r"\.panel-tabset"),
        ('title="Mind"', "layout-ncol=2", "layout-ncol="),
        (".ruled}", ".striped}", r"\.striped"),
    ],
)
def test_what_is_outside_or_leads_nowhere_is_refused(old, new, message):
    assert old in SOURCE
    with pytest.raises(UserError, match=message):
        check(SOURCE.replace(old, new, 1), BIBLIOGRAPHY)


@pytest.mark.parametrize(
    "line", ["{{< include x.qmd >}}", "```{python}", "```{=html}", "As in @fig-one: this.", "<!-- a comment -->"]
)
def test_what_pandoc_does_not_see_is_refused_with_its_line(line):
    with pytest.raises(UserError, match=r"line 3: .*outside the portable subset"):
        check(f"# Title\n\n{line}\n", "")


@pytest.mark.parametrize("template", sorted((ROOT / "paper").glob("*.j2")), ids=lambda path: path.name)
def test_no_number_is_typed_into_the_prose(template):
    assert not list(typed_numbers(template.read_text(encoding="utf-8"), NAMES))


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("It reaches\na micro-F1 of 0.63.", [(2, "0.63.")]),
        ("the 20 nearest, {{ num('a.b', '.2f') }}", [(1, "20 ")]),
        ("{{ fig('x', 'What falls by\n 5 %.', 'Words', 70) }}", [(2, "5 %")]),
        ("{{ table('tbl-x', 'ICD-10, 95 % intervals', ['P@5', '>F1'], rows('a.b-20', '.3f'), widths=[3, 4]) }}", []),
        ("# Heading 2 {#sec-2}\n$R_1 = 5$ `x 3` @lin2004 [@a2020; @b2021] ![a](b){width=50%}", []),
        ("{// 5 in a comment //}", []),
        ("LLaMA-3.1-8B, ICD-10-CM, H1, from 1 to 5", []),
    ],
)
def test_typed_numbers_are_told_from_names(template, found):
    typed = [(line, text.strip()) for line, text in typed_numbers(template, NAMES)]
    assert typed == [(line, text.strip()) for line, text in found]
