import hashlib
import re
from pathlib import Path

import pytest
from reading import shown

from synthnotes.machinery import params, pipeline
from synthnotes.machinery.files import UserError, write_json
from synthnotes.report.kit import origins
from synthnotes.report.kit.numbers import Numbers, printed
from synthnotes.report.paper import result_files, seeds

ROOT = Path(__file__).parents[3]


@pytest.fixture
def numbers(tmp_path):
    content = {"micro": {"f1": 0.8244, "gap": -0.5}, "n": 12345, "none": None, "list": [{"p": 0.00012}, {"p": 0.034}]}
    write_json(tmp_path / "coding" / "x.json", content | {"computed_by": {"micro": "coding.metrics.f1"}})
    return Numbers(tmp_path, {"coding.x": "coding/x.json"}, seeds={"coding": {"seed": 7}})


def test_a_number_knows_its_file(numbers, tmp_path):
    number = numbers["coding.x.micro.f1"]
    assert (number.value, number.place, number.source.path) == (0.8244, "micro.f1", tmp_path / "coding" / "x.json")
    assert number.source.md5 == hashlib.md5((tmp_path / "coding" / "x.json").read_bytes()).hexdigest()
    file = f"{tmp_path.name}/coding/x.json"
    assert number.origin == f"{file}: micro.f1 = 0.8244 (stage coding, seed 7; coding.metrics.f1)"
    assert numbers["coding.x.n"].origin == f"{file}: n = 12345 (stage coding, seed 7; stages.coding.main)"
    assert numbers.value("coding.x.micro.f1") == 0.8244


@pytest.mark.parametrize(
    ("key", "spec", "expected"),
    [
        ("micro.f1", ".2f", "0.82"),
        ("micro.f1", ".1%", "82.4\u00a0%"),
        ("micro.gap", ".1f", "−0.5"),
        ("n", ",", "12,345"),
        ("none", ".3f", "–"),
        ("list.0.p", "p", r"\< 0.001"),
        ("list.1.p", "p", "0.034"),
    ],
)
def test_formats(numbers, key, spec, expected):
    assert numbers.num(f"coding.x.{key}", spec) == f"[{expected}][coding.x.{key}]"
    assert numbers.bare(f"coding.x.{key}", spec) == expected


def test_an_unknown_key_names_those_near_and_the_file_that_lacks_it(numbers):
    with pytest.raises(
        UserError, match=r"coding/x\.json holds no number 'coding\.x\.micro\.f2'.*Near: coding\.x\.micro\.f1"
    ):
        numbers.num("coding.x.micro.f2")
    with pytest.raises(UserError, match=r"no result file holds a number 'zebra'"):
        numbers.num("zebra")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"f1": NaN}', "not valid JSON"),
        ('{"f1": 0.', "not valid JSON"),
        ('{"f1": "0.8"}', "text '0.8' where a number"),
    ],
)
def test_a_broken_result_is_named(tmp_path, content, message):
    (tmp_path / "x.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=rf"x\.json: .*{message}"):
        Numbers(tmp_path, {"coding.x": "x.json"}).num("coding.x.f1", ".2f")


def test_what_is_printed_is_recorded(numbers):
    numbers.num("coding.x.n", ",")
    numbers.num("coding.x.micro.f1", ".1%")
    numbers.num("coding.x.micro.f1", ".2f")
    numbers.quotient("coding.x.micro.f1", "coding.x.n", ".2g")
    first, second, third = numbers.printed()
    assert (first.label, first.texts) == ("coding.x.n", {",": "12,345"})
    assert (second.label, second.unit, second.texts) == (
        "coding.x.micro.f1",
        "share of 1",
        {".1%": "82.4\u00a0%", ".2f": "0.82"},
    )
    assert third.formula == "coding.x.micro.f1 / coding.x.n"
    assert third.value == 0.8244 / 12345
    assert [number.key for number in third.numbers] == ["coding.x.micro.f1", "coding.x.n"]


def test_labels_differ_even_where_only_capitals_do(tmp_path):
    """Labels of markdown references do not tell capitals from small letters."""
    write_json(tmp_path / "x.json", {"l": 1, "L": 2, "a b": 3, "a]b": 4})
    numbers = Numbers(tmp_path, {"x.y": "x.json"})
    labels = {numbers.num(f"x.y.{key}", ",").partition("][")[2].casefold() for key in ("l", "L", "a b", "a]b")}
    assert len(labels) == 4


def test_the_appendix_puts_neighbours_together_whatever_their_keys_hold(tmp_path):
    write_json(tmp_path / "x.json", {"f": {"low": 1, "high": 2}, "n": 3, "row 1, p": 4, "two\nlines": {"n": 5}})
    numbers = Numbers(tmp_path, {"x": "x.json"})
    for key in numbers.entries("x"):
        numbers.num(f"x.{key}", ",")
    listed = re.sub(r"\[(.*?)\]\{.*?\}\u00a0", r"[\1] ", origins.listing(numbers.printed()))
    assert r"f\. [low] 1, [high] 2; [n] 3; row 1, [p] 4; two lines\. [n] 5" in listed


def test_combinations(numbers):
    f1, gap = "coding.x.micro.f1", "coding.x.micro.gap"
    assert numbers.spread(f1, gap) == f"[0.82][{f1}] ± [−0.50][{gap}]"
    assert shown(numbers.interval(gap, f1, "+.1f")) == "[−0.5, +0.8]"
    assert numbers.size(gap, ".1f") == f"[0.5][{gap}]"
    assert numbers.quotient(gap, f1, ".2f") == "[−0.61][computed-1]"
    assert numbers.quotient(gap, f1, ".0%") == "[−61\u00a0%][computed-1]"
    assert numbers.quotient("coding.x.n", "coding.x.none") == "[–][computed-2]"
    assert numbers.difference("coding.x.n", "coding.x.none") == "[–][computed-3]"
    assert numbers.below("coding.x") == ["micro", "n", "none", "list"]
    assert numbers.entries("coding.x.list") == {"0.p": 0.00012, "1.p": 0.034}


def test_a_verdict_leads_to_its_origin_like_a_number(tmp_path):
    write_json(tmp_path / "x.json", {"verdict": "undecided"})
    numbers = Numbers(tmp_path, {"x.y": "x.json"})
    assert numbers.word("x.y.verdict", {"undecided": "not shown"}) == "**[not shown][x.y.verdict]**"
    (printed,) = numbers.printed()
    assert (printed.value, printed.texts) == ("undecided", {"in words": "not shown"})
    with pytest.raises(UserError, match=r"x\.y\.verdict is 'undecided'; expected 'decided'"):
        numbers.word("x.y.verdict", {"decided": "yes"})


def test_text_is_escaped_and_truth_values_are_words():
    assert printed("a|b") == r"a\|b"
    assert printed(True) == "True"


def test_all_missing_results_are_named_with_their_stage(tmp_path):
    files = {"fidelity.mimic": "fidelity/mimic.json", "errors.mimic": "errors/mimic.json"}
    with pytest.raises(UserError, match=r"fidelity/mimic\.json.*stage 'fidelity'.*errors/mimic\.json"):
        Numbers(tmp_path, files)


def test_files_follow_from_the_pipeline():
    """Of every stage with results but the headline, and only of corpora that are rebuilt."""
    settings, made = params.read(ROOT / "params.yaml"), pipeline.stages(ROOT)
    files, tables = result_files(settings, made, "results")
    with_results = {name.split("@")[0] for name, paths in made.items() if any(p.startswith("results/") for p in paths)}
    assert {file.split("/")[0] for file in (files | tables).values()} == with_results - {"headline"}
    assert files["utility.mimic-runs"] == "utility/mimic-runs.json"
    assert tables["hypotheses.mimic.curves"] == "hypotheses/mimic-curves.csv"
    assert not files.keys() & tables.keys()


def test_noise_of_a_corpus_that_is_not_rebuilt_is_not_asked_for():
    made = {"hypotheses@mimic": ["results/hypotheses/mimic.json"], "ratings@mimic": ["results/ratings/mimic.json"]}
    settings = params.read(ROOT / "params.yaml")
    assert set(result_files(settings, made, "results")[0]) == {"hypotheses.mimic", "ratings.mimic"}
    only_swedish = settings.model_copy(update={"corpora": {"sepr": settings.corpora["sepr"]}})
    assert set(result_files(only_swedish, made, "results")[0]) == {"ratings.mimic"}  # a study may have any name


def test_each_stage_tells_the_seeds_that_its_results_rest_on():
    found = seeds(params.read(ROOT / "params.yaml"))
    assert found["utility"] == {"seeds": [1337, 1338], "larger_seeds": [1337]}
    assert found["ablation"] == {"generate.seed": 1337, "larger_seeds.0": 1337}
    assert found["hypotheses"] == {"seeds": [1337, 1338], "noise.seeds": [1337], "noise.seed": 1337}
    assert found["privacy"] == {"seed": 1337}
    assert found["cohort"] == {"corpus.seed": 1337}
