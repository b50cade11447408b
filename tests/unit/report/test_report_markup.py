import json
import re
import subprocess

import pypandoc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthnotes.report.kit.markup import Markdown, escape, figure, grouped, join, table

NASTY = [
    "{{< meta title >}}", "@tbl-x [@key]", "a|b", "$x$ and \\(y\\)", "<b>&amp;</b>", "::: {.note}", "# title", "- item",
    "1. one", "(a) two", "a) b", "i. x", "--- and ... and \"it's\"", "`code`{=html}", "*x* _y_ ~z~ ^w^", "![i](j)",
    "\\newpage", "a\nb\r\n\tc", ": definition", "+ plus", "=== rule", "[^1]: note", "% title", "http://a.b/c_d?e=f",
]  # fmt: skip


def texts_of(paragraphs):
    """What pandoc reads of each paragraph, without any formatting; None for what is no plain paragraph."""
    return [text(block["c"]) if block["t"] == "Para" else None for block in parsed("\n\n".join(paragraphs))]


def parsed(source):
    """The blocks that pandoc reads."""
    command = [pypandoc.get_pandoc_path(), "--from=markdown+autolink_bare_uris", "--to=json"]
    return json.loads(subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout)[
        "blocks"
    ]


def text(inlines):
    parts = {"Space": " ", "SoftBreak": "\n"}
    plain = [i["c"] if i["t"] == "Str" else text(i["c"][1]) if i["t"] == "Link" else parts.get(i["t"]) for i in inlines]
    return None if None in plain else "".join(plain)


def spaced(value):
    return re.sub("[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", value).strip(" ")


@given(st.lists(st.text(min_size=1, max_size=40) | st.sampled_from(NASTY), min_size=150, max_size=150))
@settings(max_examples=12, deadline=None)
def test_any_string_comes_out_as_itself(values):
    values = [value for value in [*values, *NASTY] if spaced(value)]
    assert texts_of(map(escape, values)) == [spaced(value) for value in values]


STRINGS = st.lists(st.text(min_size=1, max_size=40) | st.sampled_from(NASTY), min_size=80, max_size=80)


@given(STRINGS)
@settings(max_examples=6, deadline=None)
def test_any_string_comes_out_of_a_cell_as_itself(values):
    """Pipes and newlines included; the number beside it stays in its own column."""
    values = [value for value in [*values, *NASTY] if spaced(value)]
    source = table("tbl-a", "Caption", ["Text", ">Number"], [[value, n] for n, value in enumerate(values)])
    (block,) = parsed(source)
    (body,) = block["c"][4]
    cells = [[text(cell[4][0]["c"]) for cell in row[1]] for row in body[3]]
    assert cells == [[spaced(value), str(n)] for n, value in enumerate(values)]


@given(STRINGS)
@settings(max_examples=6, deadline=None)
def test_any_string_comes_out_of_a_hover_as_itself(values):
    values = [f"x.json: key = {value} (stage x)" for value in [*values, *NASTY]]  # as in `origins.Number.origin`
    links = "\n\n".join(f"[x][k{n}]" for n in range(len(values)))
    definitions = "\n".join(f'[k{n}]: #origin-{n} "{escape(value)}"' for n, value in enumerate(values))
    found = [block["c"][0]["c"][2] for block in parsed(f"{links}\n\n{definitions}\n")]
    assert [target for target, _ in found] == [f"#origin-{n}" for n in range(len(values))]
    # Pandoc makes one space of any spaces in a title, those of Unicode included.
    assert [title.split() for _, title in found] == [spaced(value).split() for value in values]


def test_markdown_passes_and_data_between_it_does_not():
    assert escape(Markdown("**bold**")) == "**bold**"
    assert join(Markdown("*a*"), " & ", "*b*") == r"*a* \& \*b\*"


def test_numbers_and_words_stay_readable():
    assert escape("ROUGE-5, 0.5; note/discharge.csv.gz (E11.9)") == "ROUGE-5, 0.5; note/discharge.csv.gz (E11.9)"


def test_table_aligns_columns_and_escapes_cells():
    lines = table("tbl-a", "What it\n shows.", ["Name", ">Value"], [["a|b", 1], [None, Markdown("**2**")]]).split("\n")
    assert lines[1:] == [
        "| Name | Value |",
        "|:---|----:|",
        r"| a\|b |     1 |",
        "|      | **2** |",
        "",
        ": What it shows. {#tbl-a .natural}",
        "",
    ]


def test_table_widths_become_dashes():
    rule = table("tbl-a", "Caption", ["A", ">B"], [["x", "y"]], widths=[20, 10]).split("\n")[2]
    assert [len(part) for part in rule.strip("|").split("|")] == [60, 30]


@pytest.mark.parametrize(("columns", "caption"), [(["A"], "Caption"), (["A", "B"], " ")])
def test_table_refuses_a_row_that_does_not_fit_and_an_empty_caption(columns, caption):
    with pytest.raises(ValueError, match="tbl-a"):
        table("tbl-a", caption, columns, [["x", "y"]])


def test_figure_needs_words_for_those_who_cannot_see_it():
    assert figure("fig-a", "a.svg", "Cap", 'An "x"') == '\n![Cap](a.svg){#fig-a fig-alt="An \\"x\\"" width=100%}\n'
    with pytest.raises(ValueError, match="alternative"):
        figure("fig-a", "a.svg", "Cap", "")


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (1, [["a", "x", 1], [None, "x", 2], [None, "y", 3], ["b", "y", 4], ["a", "y", 5]]),
        (2, [["a", "x", 1], [None, None, 2], [None, "y", 3], ["b", "y", 4], ["a", "y", 5]]),
    ],
)
def test_the_rows_of_a_group_stand_under_its_name(columns, told):
    rows = [["a", "x", 1], ["a", "x", 2], ["a", "y", 3], ["b", "y", 4], ["a", "y", 5]]
    assert grouped(rows, columns) == told
    assert grouped([], columns) == []
