"""Published against rebuilt: the verdicts by their rule, and the values by their file."""

from pathlib import Path

import pytest
import yaml
from reading import shown

from synthnotes.machinery.files import UserError
from synthnotes.report.kit.numbers import Numbers
from synthnotes.report.published import Published, counted, judge, row

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("published", "rebuilt", "interval", "verdict"),
    [
        ("3.666667", 11 / 3, None, "equal"),
        ("3.666667", 3.666668, None, "differs"),
        ("0.550", 0.5504, None, "equal"),
        ("0.550", 0.5506, None, "differs"),
        ("0.55", 0.5551, None, "differs"),
        ("0.55", 0.5449, (0.54, 0.56), "within interval"),
        ("0.55", 0.5449, (0.56, 0.57), "differs"),
        ("0.55", 0.5449, (None, None), "differs"),
        (0.2070430266226324, 0.2070430266226325, None, "equal"),
        (0.2070430266226324, 0.20704302, None, "differs"),
        (0.0, 0.0, None, "equal"),
        (0.0, 0.01, None, "differs"),
        (13378, 13378, None, "equal"),
        (13378, 13379, None, "differs"),
        (None, None, None, "equal"),
        (0.5, None, None, "differs"),
    ],
)
def test_verdicts(published, rebuilt, interval, verdict):
    assert judge(published, rebuilt, interval) == verdict


CONTENT = {
    "title": "T", "source": "S", "cite": "c", "rebuilt": ["utility", "coding"], "demo": None,
    "not_comparable": {"m.c": "another code set"}, "labels": {"m": "M,"},
    "values": {"m": {"f1": "0.58", "map": "0.62", "auc": "0.99", "gone": 5, "none": "0.1", "c": {"n": 7}}},
}  # fmt: skip


@pytest.fixture
def values(tmp_path):
    def make(demo=False, reason=None, **changes):
        path = tmp_path / "coder.yaml"
        path.write_text(yaml.safe_dump(CONTENT | {"demo": reason} | changes), encoding="utf-8")
        of, numbers = Published(path), Numbers(tmp_path, {})
        numbers.include("published.coder", path, of.numbers)
        numbers.include("coding", path, {"m": {"f1": 0.5841, "map": 0.60, "none": None, "c": {"n": 7}}})
        seeds = {"m": {"map": {"mean": 0.6, "sd": 0.02}, "auc": {"mean": 0.95, "sd": 0.01}}}
        numbers.include("utility", path, seeds)
        return numbers, {value.key.removeprefix("published.coder.m."): value for value in of.values(numbers, demo)}

    return make


def test_each_value_has_its_verdict_or_a_reason(values):
    _, found = values()
    assert {key: value.verdict for key, value in found.items()} == {
        "f1": "equal", "map": "within interval", "auc": "differs",
        "gone": "not comparable", "none": "not comparable", "c.n": "not comparable",
    }  # fmt: skip
    reasons = {key: value.reason for key, value in found.items() if value.reason}
    assert reasons == {"gone": "this run has no such result", "none": "it does not exist in this run",
                       "c.n": "another code set"}  # fmt: skip


def test_rows_set_everything_beside_the_published_value(values):
    numbers, found = values()
    cells = [shown(str(cell)) for cell in row(numbers, found["map"])]
    assert cells == ["M, map", "0.62", "0.60", "[0.56, 0.64]", "−0.02", "within interval"]
    assert [shown(str(cell)) for cell in row(numbers, found["auc"])][3:] == ["[0.93, 0.97]", "−0.04", "**differs**"]
    assert shown(counted(numbers, list(found.values()), ["not comparable"])) == "3"
    assert shown(counted(numbers, list(found.values()))) == "6"


def test_the_demo_compares_nothing_that_needs_the_data(values):
    _, found = values(demo=True)
    assert found["f1"].verdict == "equal"  # ratings are the published ones in the demo too
    numbers, found = values(True, reason="artificial")
    assert {value.verdict for value in found.values()} == {"not comparable"}
    assert shown(row(numbers, found["f1"])[-1]) == "not comparable: artificial"


def test_a_file_of_another_form_is_refused(values):
    with pytest.raises(UserError, match=r"coder\.yaml: expected exactly the fields"):
        values(surprise=1)
    with pytest.raises(UserError, match=r"coder\.yaml: a published value is no number"):
        values(values={"m": {"f1": "half"}})


@pytest.mark.parametrize("name", ["coder", "corpora", "questionnaire"])
def test_the_files_that_are_there(name):
    of = Published(ROOT / "paper" / "published" / f"{name}.yaml")
    assert of.numbers
    assert f"{{{of.cite}," in (ROOT / "paper" / "references.bib").read_text(encoding="utf-8")
    labels = [of.label(place) for place in of.printed]
    assert len(set(labels)) == len(labels)
