"""Every number that a reader sees leads to where it comes from."""

import hashlib
import json
import re
from collections import Counter

import pytest
from reading import read, words

from synthnotes.base.files import write_json
from synthnotes.report import style
from synthnotes.stages.report import main

# Digits in the prose that are no numbers of this run: names of codes, measures, corpora and hypotheses, the scale of
# the ratings, and intervals by convention.
NAMES = re.compile(
    r"ICD-10(-\w+)?|LLaMA-[\w.]+|\b[FH][12]\b|[PR]@\d+|SHA-256|MD5|[Vv]ersion 9|\d+th percentile|95 % intervals?|"
    r"MIMIC-IV|(from|of|ratings of) 1 (to|and) [25]|of 4 and 5|\bn = "
)
# What is not the run's prose: navigation, references to other places, sources, formulas, and lists of names.
ELSEWHERE = {"nav", "code", "math", "references", "header-section-number", "origins", "thead", "reference"}


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """Builds a report with squares in the place of the figures; gives the page and its provenance."""
    square = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'

    def draw(drawing, path):
        drawing()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(square, encoding="utf-8")

    def build(paper, run):
        folder = tmp_path_factory.mktemp("out")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(style, "draw", draw)
            main(paper, run[1], run[0], folder / "a.html", folder / "a.pdf", folder / "quarto", folder / "a.json")
        told = json.loads((folder / "a.json").read_text(encoding="utf-8"))
        return (folder / "a.html").read_text(encoding="utf-8"), told

    return build


def printed_in(told):
    return {text.replace("\u00a0", " ") for number in told["numbers"].values() for text in number["printed"].values()}


def test_every_number_in_the_prose_is_in_the_provenance(make, paper, run_of):
    html, told = make(paper, run_of())
    segments, titles = read(html)
    typed, linked = [], 0
    for segment in segments:
        if segment.link and segment.link.startswith("#origin-"):
            number = told["numbers"][segment.link.removeprefix("#origin-")]
            texts = {text.replace("\u00a0", " ") for text in number["printed"].values()}
            assert segment.text in texts, segment
            assert titles[segment.link]
            linked += 1
        elif not segment.link and not segment.inside & ELSEWHERE and "td" not in segment.inside:
            typed += re.findall(r"\d[\d.,]*", NAMES.sub("", segment.text))
    assert linked > 1000
    assert {text.rstrip(".,") for text in typed if "Table" not in text} - known(told) == set()


def known(told):
    """Numbers that are printed bare: in headings, which stand in the contents too, and captions' own numbers."""
    bare = {text for text in printed_in(told) if re.fullmatch(r"\d+", text)}
    return bare | {str(number) for number in range(1, 60)}


def test_numbers_in_the_tables_of_results_are_links(make, paper, run_of):
    html, told = make(paper, run_of(corpora=["sepr"]))
    for table in ("coding", "differences", "correlations", "losses", "rouge", "verdicts", "tests-published", "flow"):
        body = html[html.index(f'id="tbl-{table}"') :]
        cells, _ = read(body[body.index("<tbody>") : body.index("</tbody>")])
        numbers = [cell for cell in cells if re.fullmatch(r"[+−]?[\d.,]+( %)?", cell.text)]
        assert numbers, table
        assert all(cell.link in {f"#origin-{label}" for label in told["numbers"]} for cell in numbers), table


def test_the_provenance_tells_data_parameters_packages_and_files(make, paper, run_of):
    file, results = run_of(corpora=["sepr"])
    _, told = make(paper, (file, results))
    assert told["data"] == {"sepr": {"folder/a_file.csv.gz": "0123456789abcdef" * 4}}
    assert told["params"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert told["params"]["values"]["corpora"] == ["sepr"]
    assert {"numpy", "pandas", "typst"} <= set(told["packages"])
    content = (results / "privacy" / "sepr.json").read_bytes()
    of_file = {"stage": "privacy", "seeds": {"seed": 1337}, "md5": hashlib.md5(content).hexdigest()}
    assert told["files"]["results/privacy/sepr.json"] == of_file
    number = told["numbers"]["privacy.sepr.rouge.recall.control.all.mean"]
    assert number["file"] == "results/privacy/sepr.json"
    assert (number["place"], number["value"]) == ("rouge.recall.control.all.mean", 0.25)
    assert number["printed"] == {".3f": "0.250"}
    computed = [number for number in told["numbers"].values() if "formula" in number]
    assert all(key in json.dumps(told["numbers"]) for number in computed for key in number["keys"])
    assert told["figures"]["recall"] == {"files": ["results/privacy/sepr-recall.csv"], "numbers": []}
    assert "finetune.sepr.validation_loss" in told["figures"]["finetune"]["numbers"]


def pieces(html):
    """How often each text stands where, and the links of the texts that changed."""
    segments, _ = read(html)
    return Counter((segment.text, segment.link) for segment in segments if "origins" not in segment.inside)


def test_a_changed_result_file_changes_exactly_the_places_that_use_it(make, paper, run_of):
    """Every number of one file is changed by hand: each place that leads there changes, and no other."""
    file, results = run_of(corpora=["sepr"])
    before, told = make(paper, (file, results))
    path = results / "generate" / "sepr.json"
    write_json(path, changed(json.loads(path.read_text(encoding="utf-8"))))
    after, _ = make(paper, (file, results))
    of_file = {
        f"#origin-{label}"
        for label, number in told["numbers"].items()
        if number.get("file") == "results/generate/sepr.json"
    }
    assert len(of_file) > 10
    old, new = pieces(before), pieces(after)
    assert {link for _, link in (old - new) + (new - old)} == of_file
    assert all(text != other for text, link in old if link in of_file for other, target in new if target == link)
    assert len(words(before).split("Origins of the numbers")[0]) != 0


def changed(value):
    if isinstance(value, dict):
        return {name: changed(child) for name, child in value.items()}
    return value + 1.25 if isinstance(value, float) else value + 3 if isinstance(value, int) else value


def test_references_links_and_captions_are_whole(make, paper, run_of):
    html, _ = make(paper, run_of())
    assert not re.search(r"\?@|Unable to resolve|\]\[|\{\{|\}\}|>\s*:::", html.replace("{{&lt; meta title &gt;}}", ""))
    identifiers = re.findall(r'\bid="([^"]+)"', html)
    assert not [name for name, count in Counter(identifiers).items() if count > 1]
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(identifiers)
    captions = re.findall(
        r'<figcaption[^>]*>(.*?)</figcaption>|<div[^>]*class="table-caption">(.*?)</div>', html, re.DOTALL
    )
    assert len(captions) > 30
    for caption in map(words, map("".join, captions)):
        assert re.match(r"(Figure|Table) \d+: \w.{10,}", caption), caption
    assert all(text.strip() for text in re.findall(r'<img[^>]*alt="([^"]*)"', html))
