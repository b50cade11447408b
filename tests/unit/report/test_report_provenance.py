"""Every number that a reader sees leads to where it comes from."""

import hashlib
import json
import re

import pytest
from reading import read

from synthnotes.machinery.files import write_json

# Digits in the prose that are no results of this run: names of codes, measures, corpora and hypotheses, the scale of
# the ratings, and intervals by convention.
NAMES = re.compile(
    r"ICD-10(-\w+)?|LLaMA-[\w.]+([ -]\d+B)?|\b[FH][12]\b|[PR]@\d+|ROUGE-$|SHA-256|MD5|MIMIC-IV|"
    r"95 % intervals?|[Vv]ersion 9|\d+th percentile|(Table|Figure) \d+:|"
    r"(from|of|ratings of) 1 (to|and) [25]|of 4 and 5"
)
# Rows named by a number: pairs of notes, planted words, levels of noise, as in `H2, 20 %`, kinds of correlation.
NAME_OF_ROW = re.compile(r"\d+|[hH][12].*|.*\bpair \d.*|ICC\(2,[1k]\).*")
# What is not the run's prose: navigation, references to other places, sources, formulas, lists of names, contents.
ELSEWHERE = {
    "nav",
    "code",
    "math",
    "csl-entry",
    "header-section-number",
    "origins",
    "thead",
    "h1",
    "h2",
    "equation-number",
}
LISTS = ("parameters", "versions", "data", "repairs", "figures", "scores", "f1-changes")


@pytest.fixture(scope="module")
def page(whole):
    """The segments of the built page, its hover texts, and its provenance."""
    segments, titles = read((whole.out / "report.html").read_text(encoding="utf-8"))
    return segments, titles, json.loads((whole.out / "provenance.json").read_text(encoding="utf-8"))


def test_every_number_of_the_built_report_is_in_the_provenance(page):
    """Prose, captions and cells: a number is a link to its origin, and is printed as the provenance says."""
    segments, titles, told = page
    typed, linked = [], 0
    for segment in segments:
        if segment.link and segment.link.startswith("#origin-"):
            number = told["numbers"][segment.link.removeprefix("#origin-")]
            texts = {text.replace("\u00a0", " ") for text in number["printed"].values()}
            assert segment.text in texts, segment
            assert titles[segment.link], segment
            linked += 1
        elif not segment.link and not segment.inside & (ELSEWHERE | {f"#tbl-{name}" for name in LISTS}):
            typed += [(number, segment.text) for number in re.findall(r"\d[\d.,]*", NAMES.sub("", segment.text))]
    assert linked > 1500
    assert not [(number, text) for number, text in typed if not NAME_OF_ROW.fullmatch(text)]


def test_the_provenance_tells_data_parameters_packages_and_files(fill, run_of):
    file, results = run_of(corpora=["sepr"])
    _, told = fill((file, results))
    assert told["data"] == {"sepr": {"folder/a_file.csv.gz": "0123456789abcdef" * 4}}
    assert told["params"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert list(told["params"]["values"]["corpora"]) == ["sepr"]
    assert {"numpy", "pandas", "typst"} <= set(told["packages"])
    content = (results / "privacy" / "sepr.json").read_bytes()
    of_file = {"stage": "privacy", "seeds": {"seed": 1337}, "md5": hashlib.md5(content).hexdigest()}
    assert told["files"]["results/privacy/sepr.json"] == of_file
    number = told["numbers"]["privacy.sepr.rouge.recall.control.all.mean"]
    assert number["file"] == "results/privacy/sepr.json"
    assert (number["place"], number["value"]) == ("rouge.recall.control.all.mean", 0.25)
    assert number["function"] == "privacy.rouge.evaluate"
    assert number["printed"] == {".3f": "0.250"}
    assert (
        told["numbers"]["privacy.sepr.measures.rouge_recall.low"]["function"] == "stages.privacy.main"
    )  # no other told
    assert told["numbers"]["errors.sepr.codes.0.f1_real"]["place"] == "row 1, f1_real"
    assert any(
        number.get("formula") == "1 − params.significance.significance_level" for number in told["numbers"].values()
    )
    assert told["figures"]["recall"]["files"] == ["results/privacy/sepr-recall.csv"]
    assert told["files"]["results/utility/sepr.json"]["seeds"] == {"seeds": [1337, 1338], "larger_seeds": [1337]}
    assert told["files"]["results/errors/sepr.json"]["seeds"] == {"seed": 1337, "seeds.0": 1337}
    assert "generation.sepr.finetune.validation_loss" in told["figures"]["finetune"]["numbers"]


def test_a_changed_result_file_changes_exactly_the_places_that_use_it(fill, run_of):
    """Every number of one file is changed by hand: each place that leads to it changes, and no other."""
    run = run_of(corpora=["sepr"])
    before, told = fill(run)
    path = run[1] / "generation" / "sepr.json"
    write_json(path, changed(json.loads(path.read_text(encoding="utf-8"))))
    after, _ = fill(run)
    file = "results/generation/sepr.json"
    uses = {
        label
        for label, number in told["numbers"].items()
        if number["value"] is not None  # what does not exist stays as it is
        and file in (number.get("file"), *(told["numbers"].get(key, {}).get("file") for key in number.get("keys", ())))
    }
    assert len(uses) > 10
    old, new = (without_padding(text[: text.index("::: {.origins}")]) for text in (before, after))
    link = re.compile(r"\[((?:[^\[\]\\]|\\.)*)\]\[([\w.-]+)\]")
    assert link.sub("[]", old) == link.sub("[]", new)
    pairs = list(zip(link.findall(old), link.findall(new), strict=True))
    assert all(one[1] == other[1] for one, other in pairs)
    assert {one[1] for one, other in pairs if one[0] != other[0]} == uses
    assert all(one[0] != other[0] for one, other in pairs if one[1] in uses)


def without_padding(text):
    """Tables without the spaces and dashes that follow from the width of their cells."""
    return re.sub(r"-{3,}", "---", re.sub(r" {2,}", " ", text))


def changed(value):
    if isinstance(value, dict):
        return {name: changed(child) for name, child in value.items()}
    return value + 1.25 if isinstance(value, float) else value + 3 if isinstance(value, int) else value
