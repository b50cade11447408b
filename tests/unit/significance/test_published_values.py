"""Published against rebuilt: verdicts by their rule, intervals, reasons and labels, and the files that are there."""

import copy
import json
from pathlib import Path

import pytest
import yaml

from synthnotes.machinery.files import UserError
from synthnotes.significance.published_values import compare, decimals, interval_of, judge, parse

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
        ("0.55", 0.5449, (0.55, 0.57), "within interval"),  # the ends belong to it
        ("0.55", 0.5449, (0.53, 0.55), "within interval"),
        ("0.55", 0.5449, (0.56, 0.57), "differs"),
        ("0.55", 0.5449, (0.53, 0.54), "differs"),
        ("0.55", 0.5449, (None, None), "differs"),
        ("0.55", 0.5449, (0.54, None), "differs"),
        ("0.55", 0.5501, (0.56, 0.57), "equal"),
        ("0", 0.4, None, "equal"),
        (0.5, 0.4, (0.3, 0.6), "within interval"),
        (0.2070430266226324, 0.2070430266226325, None, "equal"),
        (0.2070430266226324, 0.20704302, None, "differs"),
        (1234.5, 1234.5000000001, None, "equal"),  # by another order of the sums
        (1234.5, 1234.50000001, None, "differs"),
        (0.0, 0.0, None, "equal"),
        (0.0, 0.01, None, "differs"),
        (13378, 13378, None, "equal"),
        (13378, 13379, None, "differs"),
        (None, None, None, "equal"),
        (None, 0.5, None, "differs"),
        (0.5, None, None, "differs"),
    ],
)
def test_verdicts(published, rebuilt, interval, verdict):
    assert judge(published, rebuilt, interval) == verdict


@pytest.mark.parametrize(("printed", "digits"), [("0.550", 3), ("-1.5", 1), ("12", 0), ("1e2", 0), ("5e-2", 2)])
def test_decimals_are_those_that_were_printed(printed, digits):
    assert decimals(printed) == digits


CONTENT = {
    "title": "T", "source": "S", "cite": "c", "rebuilt": ["utility", "cohort"], "demo": None,
    "not_comparable": {"m.c": "another code set"}, "labels": {"m": "M,", "f1.x": "F1 of x", "map": ""},
    "values": {"m": {"f1": "0.58", "map": "0.62", "auc": "0.99", "gone": 5, "none": "0.1", "c": {"n": 7}, "cc": 7}},
}  # fmt: skip
RESULTS = {
    "cohort": {"m": {"f1": 0.5841, "map": 0.5, "none": None, "c": {"n": 7}, "cc": 9}},
    "utility": {"m": {"map": {"mean": 0.6, "sd": 0.02}, "auc": {"mean": 0.95, "sd": 0.01}}},
}


def compared(results=RESULTS, demo=False, **changes):
    return compare(parse(CONTENT | changes, "coder.yaml"), results, demo)


def test_each_value_has_its_verdict_or_a_reason():
    found = compared()
    assert {place: value["verdict"] for place, value in found["values"].items()} == {
        "m.f1": "equal", "m.map": "within interval", "m.auc": "differs", "m.gone": "not comparable",
        "m.none": "not comparable", "m.c.n": "not comparable", "m.cc": "differs",
    }  # fmt: skip
    assert {place: value["reason"] for place, value in found["values"].items() if value["reason"]} == {
        "m.gone": "this run has no such result", "m.none": "it does not exist in this run",
        "m.c.n": "another code set",
    }  # fmt: skip
    assert found["counts"] == {"values": 7, "equal": 1, "within interval": 1, "differs": 2, "not comparable": 3}
    assert list(found["counts"]) == ["values", "equal", "within interval", "differs", "not comparable"]
    json.dumps(found, allow_nan=False)
    assert compared(not_comparable=None)["values"]["m.c.n"]["verdict"] == "equal"


def test_a_value_is_set_beside_the_first_result_of_its_key():
    value = compared()["values"]["m.map"]  # the mean of utility, which is asked before cohort
    assert value["difference"] == pytest.approx(-0.02)
    ends = value["interval"]
    assert (ends["low"], ends["high"]) == pytest.approx((0.56, 0.64))
    assert (ends["keys"], ends["rule"]) == (["utility.m.map.mean", "utility.m.map.sd"], "seeds")
    assert (value["rebuilt"], value["decimals"]) == ("utility.m.map.mean", 2)
    assert compared(rebuilt=["cohort", "utility"])["values"]["m.map"]["rebuilt"] == "cohort.m.map"


def test_what_has_no_digits_is_in_full_precision_and_what_does_not_exist_is_none():
    found = compared()["values"]
    assert found["m.cc"] == {
        "label": "M, cc", "decimals": None, "rebuilt": "cohort.m.cc", "interval": None, "difference": 2,
        "verdict": "differs", "reason": None,
    }  # fmt: skip
    assert [found["m.gone"][of] for of in ("rebuilt", "interval", "difference")] == [None] * 3
    assert found["m.none"]["rebuilt"] == "cohort.m.none"
    assert [found[place]["difference"] for place in ("m.none", "m.c.n")] == [None, None]


def test_a_value_that_exists_neither_here_nor_there_is_equal():
    both = compared(values={"m": {"none": None, "f1": None, "gone": None}})["values"]
    assert [both[f"m.{name}"]["verdict"] for name in ("none", "f1", "gone")] == ["equal", "differs", "not comparable"]
    assert {value["difference"] for value in both.values()} == {None}


def test_the_demo_compares_nothing_that_needs_the_data():
    assert compared(demo=True) == compared()  # ratings are the published ones in the demo too
    of = parse(CONTENT | {"demo": "artificial"}, "coder.yaml")
    assert compare(of, RESULTS, demo=False) == compared()
    found = compare(of, RESULTS, demo=True)
    assert found["counts"]["not comparable"] == found["counts"]["values"] == 7
    assert {value["reason"] for value in found["values"].values()} == {"artificial"}
    assert {value["difference"] for value in found["values"].values()} == {None}


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("m.f1", "M, f1"),
        ("m.f1.x.some_thing", "M, F1 of x some thing"),
        ("am.f1.xy", "am f1 xy"),  # parts are whole ones
        ("m.map", "M,"),
        ("m.m", "M, m"),
    ],
)
def test_labels(place, words):
    assert parse(CONTENT, "").label(place) == words


SIGNIFICANCE = {
    "significance.mimic.coders.real_l.micro.f1.low": 0.5,
    "significance.mimic.coders.real_l.micro.f1.high": 0.7,
    "utility.mimic.real_l.micro.f1.mean": 0.6,
    "utility.mimic.real_l.micro.f1.sd": 0.01,
}
BESIDE = {"ratings.a.r": 0.3, "ratings.a.low": 0.25, "ratings.a.high": 0.5, "ratings.a.t": 2.0}
FROM_SEEDS = {"utility.mimic.real_l.share.mean": 0.5, "utility.mimic.real_l.share.sd": 0.125}


def test_the_interval_over_patients_comes_before_that_over_seeds():
    key = "utility.mimic.real_l.micro.f1.mean"
    low, high = list(SIGNIFICANCE)[:2]
    assert interval_of(SIGNIFICANCE, key) == {"low": 0.5, "high": 0.7, "keys": [low, high], "rule": "interval"}
    hidden = SIGNIFICANCE | {low: None, high: None}
    assert interval_of(hidden, key) == {"low": None, "high": None, "keys": [low, high], "rule": "interval"}
    others = {name: value for name, value in SIGNIFICANCE.items() if name not in (low, high)}
    assert interval_of(others, key)["rule"] == "seeds"


def test_the_interval_of_a_result_is_beside_it():
    ends = ["ratings.a.low", "ratings.a.high"]
    assert interval_of(BESIDE, "ratings.a.r") == {"low": 0.25, "high": 0.5, "keys": ends, "rule": "interval"}
    assert interval_of(BESIDE, "ratings.a.t") is None  # it is that of the correlation, not of the statistic


def test_the_interval_over_seeds_is_two_standard_deviations_on_either_side():
    mean, sd = FROM_SEEDS
    assert interval_of(FROM_SEEDS, mean) == {"low": 0.25, "high": 0.75, "keys": [mean, sd], "rule": "seeds"}
    assert interval_of(FROM_SEEDS | {sd: None}, mean) is None  # of one seed
    assert interval_of(FROM_SEEDS | {mean: None}, mean) is None
    assert interval_of({"ratings.a.mean": 4.0, "ratings.a.sd": 1.0}, "ratings.a.mean") is None  # over raters


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CONTENT | {"surprise": 1}, r"^coder\.yaml: expected exactly the fields cite, demo, labels, not_comparable"),
        ({name: value for name, value in CONTENT.items() if name != "cite"}, r"^coder\.yaml: expected exactly"),
        ([], r"^coder\.yaml: expected exactly"),
        (CONTENT | {"values": {"m": {"f1": "half"}}}, r"^coder\.yaml: a published value is no number: .*'half'"),
        (CONTENT | {"values": {"m": {"f1": "nan"}}}, r"^coder\.yaml: m\.f1 is nan\. A metric that does not exist"),
        (CONTENT | {"values": {"m": {"f1": float("inf")}}}, r"^coder\.yaml: m\.f1 is inf\."),
    ],
)
def test_a_file_of_another_form_is_refused(content, message):
    with pytest.raises(UserError, match=message):
        parse(content, "coder.yaml")


def test_a_stage_whose_results_are_not_read_is_refused():
    with pytest.raises(UserError, match=r"coder\.yaml: rebuilt: 'privacy\.m' is of none of the stages cohort, utility"):
        compared(rebuilt=["utility", "privacy.m"])


def test_nothing_that_is_given_is_changed():
    content, results = copy.deepcopy((CONTENT, RESULTS))
    compare(parse(content, ""), results, False)
    assert (content, results) == (CONTENT, RESULTS)


@pytest.mark.parametrize("name", ["coder", "corpora", "questionnaire"])
def test_the_files_that_are_there(name):
    path = ROOT / "paper" / "published" / f"{name}.yaml"
    of = parse(yaml.safe_load(path.read_text(encoding="utf-8")), path.name)
    assert of.numbers
    assert f"{{{of.cite}," in (ROOT / "paper" / "references.bib").read_text(encoding="utf-8")
    labels = [of.label(place) for place in of.printed]
    assert len(set(labels)) == len(labels)
