"""Published values against results, from files to files."""

import pytest
import yaml
from ruamel.yaml import YAML

from synthnotes.machinery.files import UserError, read_json, write_json
from synthnotes.stages import published

FIELDS = {"title": "T", "source": "S", "cite": "c", "demo": None, "not_comparable": {}, "labels": {}}
VALUES = {
    "corpora": ("cohort", {"mimic": {"notes": 10}, "sepr": {"notes": 20}}),
    "coder": ("utility", {"mimic": {"real_l": {"f1": "0.5", "auc": "0.9"}}}),
    "questionnaire": ("ratings.published", {"mimic": {"mean": 3.5}}),
}
RESULTS = {
    "cohort": {"notes": 10},
    "utility": {"real_l": {"f1": {"mean": 0.58, "sd": 0.01}, "auc": {"mean": None, "sd": None}}},
    "significance": {"coders": {"real_l": {"f1": {"low": 0.45, "high": 0.7}}}},
}


@pytest.fixture
def folder(tmp_path, monkeypatch, request):
    """Toy results of both corpora, and parameters that rebuild those named by the test."""
    text = (request.config.rootpath / "params.yaml").read_text(encoding="utf-8")
    for stage, of_stage in RESULTS.items():
        for corpus in ("mimic", "sepr"):
            write_json(tmp_path / "results" / stage / f"{corpus}.json", of_stage | {"computed_by": {"notes": 99}})
    write_json(tmp_path / "results/ratings/published.json", {"mimic": {"mean": 3.75}})
    for name, (rebuilt, values) in VALUES.items():
        demo = "artificial" if name == "corpora" else None
        content = FIELDS | {"rebuilt": [rebuilt], "values": values, "demo": demo}
        (tmp_path / "published").mkdir(exist_ok=True)
        (tmp_path / "published" / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    choose(tmp_path, text, ["mimic", "sepr"], False)
    return tmp_path, text


def choose(folder, text, corpora, demo):
    """Writes the parameters with these corpora, of the demo's data or of others."""
    values = YAML(typ="safe").load(text)
    values["corpora"] = {corpus: values["corpora"][corpus] for corpus in corpora}
    values["disclosure"]["demo"] = demo
    YAML().dump(values, folder / "params.yaml")


def compared(folder):
    paths = [folder / "results/published" / f"{name}.json" for name in VALUES]
    summary = published.main(folder / "published", folder / "results", paths)
    return summary, {path.stem: read_json(path)["values"] for path in paths}


def test_each_file_of_published_values_is_compared(folder):
    summary, found = compared(folder[0])
    assert summary == "1 equal, 1 within interval, 2 differs, 1 not comparable"
    assert {place: of["verdict"] for place, of in found["corpora"].items()} == {
        "mimic.notes": "equal", "sepr.notes": "differs",
    }  # fmt: skip
    f1 = found["coder"]["mimic.real_l.f1"]
    assert (f1["verdict"], f1["interval"]["low"], f1["rebuilt"]) == (
        "within interval", 0.45, "utility.mimic.real_l.f1.mean",
    )  # fmt: skip
    assert found["coder"]["mimic.real_l.auc"]["reason"] == "it does not exist in this run"  # suppressed
    assert found["questionnaire"]["mimic.mean"]["difference"] == 0.25
    written = read_json(folder[0] / "results/published/coder.json")
    assert written["computed_by"] == "significance.published_values.compare"
    assert written["counts"] == {"values": 2, "equal": 0, "within interval": 1, "differs": 0, "not comparable": 1}


def test_results_of_a_corpus_that_is_not_rebuilt_are_not_read(folder):
    choose(*folder, ["mimic"], False)  # what lies about of the other is of an earlier run
    _, found = compared(folder[0])
    assert found["corpora"]["sepr.notes"]["reason"] == "this run has no such result"
    assert found["corpora"]["mimic.notes"]["verdict"] == "equal"


def test_the_demo_s_corpora_are_not_compared_and_its_ratings_are(folder):
    choose(*folder, ["mimic", "sepr"], True)
    _, found = compared(folder[0])
    assert {of["reason"] for of in found["corpora"].values()} == {"artificial"}
    assert found["questionnaire"]["mimic.mean"]["verdict"] == "differs"


def test_what_a_result_tells_of_its_own_making_is_no_result(folder):
    path = folder[0] / "published/corpora.yaml"
    values = {"mimic": {"computed_by": {"notes": 99}}}
    path.write_text(yaml.safe_dump(FIELDS | {"rebuilt": ["cohort"], "values": values}), encoding="utf-8")
    _, found = compared(folder[0])
    assert found["corpora"]["mimic.computed_by.notes"]["reason"] == "this run has no such result"


@pytest.mark.parametrize("missing", ["results/significance/sepr.json", "published/coder.yaml"])
def test_a_file_that_is_missing_is_named(folder, missing):
    (folder[0] / missing).unlink()
    with pytest.raises(UserError, match=missing):
        compared(folder[0])
