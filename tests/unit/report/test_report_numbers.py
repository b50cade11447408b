from pathlib import Path

import pytest
import yaml

from synthnotes.base import params
from synthnotes.base.files import UserError, write_json
from synthnotes.report.numbers import Numbers, plot_files, printed, result_files

ROOT = Path(__file__).parents[3]


@pytest.fixture
def numbers(tmp_path):
    content = {"micro": {"f1": 0.8244, "gap": -0.5}, "n": 12345, "none": None, "list": [{"p": 0.00012}, {"p": 0.034}]}
    write_json(tmp_path / "coding" / "x.json", content)
    return Numbers(tmp_path, {"coding.x": "coding/x.json"})


def test_a_number_knows_its_file(numbers, tmp_path):
    assert numbers["coding.x.micro.f1"].file == tmp_path / "coding" / "x.json"
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
    assert numbers.num(f"coding.x.{key}", spec) == expected


def test_an_unknown_key_names_those_near(numbers):
    with pytest.raises(UserError, match=r"'coding\.x\.micro\.f2'.*Near: coding\.x\.micro\.f1"):
        numbers.num("coding.x.micro.f2")


def test_combinations(numbers):
    assert numbers.spread("coding.x.micro.f1", "coding.x.micro.gap") == "0.82 ± −0.50"
    assert numbers.quotient("coding.x.micro.gap", "coding.x.micro.f1", ".2f") == "−0.61"
    assert numbers.quotient("coding.x.n", "coding.x.none") == "–"
    assert numbers.difference("coding.x.n", "coding.x.none") == "–"
    assert numbers.below("coding.x") == ["micro", "n", "none", "list"]
    assert numbers.entries("coding.x.list") == {"0.p": 0.00012, "1.p": 0.034}


def test_text_is_escaped_and_truth_values_are_words():
    assert printed("a|b") == r"a\|b"
    assert printed(True) == "True"


def test_a_missing_result_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"fidelity/mimic\.json"):
        Numbers(tmp_path, {"fidelity.mimic": "fidelity/mimic.json"})


def test_files_follow_from_the_lists_in_params():
    """Every file that the report reads is an output of dvc.yaml, and only rebuilt corpora are asked for."""
    settings = params.read(ROOT / "params.yaml")
    written = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    stages = set(yaml.safe_load(written)["stages"])
    files = result_files(settings) | plot_files(settings)
    assert {file.split("/")[0] for file in files.values()} == stages - {"report", "mixtures"}  # mixtures has none
    only_swedish = settings.model_copy(update={"corpora": ["sepr"]})
    assert not [key for key in result_files(only_swedish) | plot_files(only_swedish) if "mimic" in key]
    assert "noise.mimic.h2-20" in result_files(settings)
