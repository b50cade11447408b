"""Where the PDF's figures and tables stand."""

import json
import shutil

import pytest
import typst

from synthnotes.report.kit import render

# Headings and captions in the order of the source, and where they were printed; the links of the text.
PLACES = """
#context [#metadata((
  headings: query(heading.where(level: 1)).map(it => it.location().position()),
  owners: query(figure).map(it => query(selector(heading.where(level: 1)).before(it.location())).len()),
  captions: query(figure.caption).map(it => it.location().position()),
  links: query(link).filter(it => type(it.dest) == label and str(it.dest) == "sec-one").map(
    it => it.location().position()
  ),
)) <places>]
"""
LAST = (10_000, 0.0)
TALLEST = 730  # pt, from the header to the footer
# Sentences that a paragraph of each section has, and the floats behind its first one: heights of figures, in units
# of the page's width, and rows of tables.
SECTIONS = [(6, [0.5, 9]), (2, [12, 12]), (15, [0.5, 0.5, 14, 0.6, 0.3, 20]), (5, []), (6, [0.7, 0.4])]


def places(folder):
    """Positions, as page and height, in a project that was rendered."""
    file = folder / "places.typ"
    file.write_text((folder / "report.typ").read_text(encoding="utf-8") + PLACES, encoding="utf-8")
    found = json.loads(typst.query(file, "<places>", field="value", one=True, root=folder, ignore_system_fonts=True))
    for name in ("headings", "captions", "links"):
        found[name] = [(place["page"], float(place["y"].removesuffix("pt"))) for place in found[name]]
    return found


def strays(found):
    """The floats, by their number, that do not stand between the heading of their section and the next."""
    headings = [*found["headings"], LAST]
    floats = zip(found["owners"], found["captions"], strict=True)
    return [n for n, (owner, place) in enumerate(floats) if not headings[owner - 1] < place < headings[owner]]


@pytest.fixture
def project(tmp_path, paper):
    """A rendered report of five sections; each sentence begins and ends with a link."""

    def float_of(name, size):
        if size < 1:
            file = tmp_path / f"{size}.svg"
            file.parent.mkdir(exist_ok=True)
            height = round(100 * size)
            file.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="{height}"/>', "utf-8")
            return f'![A figure.]({size}.svg){{#fig-{name} fig-alt="Nothing" width=100%}}'
        return "\n".join(["| A | B |", "|:--|:--|", *["| x | y |"] * size, "", f": A table. {{#tbl-{name}}}"])

    def make(share):
        parts = ['---\ntitle: "T"\npagetitle: "T"\nauthor-plain: "A"\nsubtitle: "S"\nabstract: "Of floats."\n---']
        for number, (length, sizes) in enumerate(SECTIONS):
            paragraph = " ".join(["@sec-one " + "word " * 30 + "@sec-one."] * round(share * length))
            parts.append(f"# Section {{#sec-{'one' if number == 0 else number}}}")
            parts += [paragraph, *(float_of(f"{number}-{n}", size) for n, size in enumerate(sizes)), *[paragraph] * 3]
        render.write_project(tmp_path, paper, "\n\n".join(parts) + "\n")
        render.render_pdf(tmp_path)
        return tmp_path

    return make


@pytest.mark.parametrize("share", [0.3, 1, 1.7])
def test_floats_keep_to_their_section_and_pages_are_full(project, share):
    found = places(project(share))
    assert len(found["captions"]) == sum(len(sizes) for _, sizes in SECTIONS)
    assert strays(found) == []
    sentences = list(zip(found["links"][::2], found["links"][1::2], strict=True))
    assert [sentence for sentence in sentences if sentence[1][0] - sentence[0][0] > 1] == []
    # A page ends early only where what comes next is a figure that has no room there: the tallest takes half a page.
    ends = [*found["headings"], *found["captions"], *found["links"]]
    lowest = [max(y for page, y in ends if page == number) for number in range(1, max(ends)[0])]
    assert [y for y in lowest if y < 0.4 * TALLEST] == []


def test_floats_of_the_report_keep_to_their_section(whole, tmp_path):
    folder = shutil.copytree(whole.out / "quarto", tmp_path / "quarto")
    render.render_pdf(folder)
    found = places(folder)
    assert len(found["captions"]) > 40
    assert strays(found) == []
