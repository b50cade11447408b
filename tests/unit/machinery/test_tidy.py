"""Tidy: what a member that has gone from a list in params.yaml leaves, and what must stay."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from synthnotes.machinery import pipeline

PARAMS = Path(__file__).parents[3] / "params.yaml"

PIPELINE = """
stages:
  coding:
    matrix: {seed: "${seeds}"}
    cmd: train ${item.seed}
    outs:
      - build/coding/coder-${item.seed}
      - results/coding/coder-${item.seed}.json: {cache: false}
  headline:
    cmd: headline
    outs: [results/headline: {cache: false}]
"""
LOCK = """
schema: '2.0'
stages:
  coding@1:
    cmd: train 1
    outs:
    - {path: build/coding/coder-1, md5: a}
    - {path: results/coding/coder-1.json, md5: b}
    - {path: results/coding/coder-1-curve.csv, md5: c}
  coding@2:
    cmd: train 2
    outs:
    - {path: build/coding/coder-2, md5: d}
    - {path: results/coding/coder-2.json, md5: e}
"""
FILES = (
    *(f"build/coding/coder-{seed}/weights" for seed in (1, 2)),
    *(f"results/coding/coder-{seed}.json" for seed in (1, 2)),
    "results/coding/coder-1-curve.csv",  # of a stage that is still there, and no longer makes it
    "results/headline/mimic.json",
    "results/mine.txt",
    "results/coding/.gitkeep",
)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text(re.sub("(?m)^seeds:.*", "seeds: [1]", PARAMS.read_text(encoding="utf-8")))
    (tmp_path / "dvc.lock").write_text(LOCK)
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def left(project):
    return {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}


def test_outputs_that_no_stage_makes_go_and_what_is_somebody_s_stays(project):
    found = pipeline.tidy(project, Path("results"), project / "dvc.lock")
    assert found.entries == ["coding@2"]
    assert [str(path) for path in found.strangers] == ["results/mine.txt"]
    gone = {"build/coding/coder-2/weights", "results/coding/coder-2.json", "results/coding/coder-1-curve.csv"}
    assert left(project) == {*FILES, "dvc.yaml", "params.yaml", "dvc.lock"} - gone
    lock = YAML(typ="safe").load(project / "dvc.lock")
    assert list(lock["stages"]) == ["coding@1"]
    assert lock["schema"] == "2.0"
    assert (project / "results/hypotheses").is_dir()  # which DVC would miss where no corpus has noisy coders


def test_a_second_time_there_is_nothing_to_do(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    monkeypatch.setattr("sys.argv", ["tidy", "--results", "results", "--lock", "dvc.lock"])
    pipeline.main()
    assert "tidy: build/coding/coder-2, which no stage makes any more, was removed" in capsys.readouterr().out
    (project / "results/mine.txt").unlink()
    pipeline.main()
    assert capsys.readouterr().out == "tidy: nothing to remove\n"


def test_a_dry_run_removes_nothing(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    monkeypatch.setattr("sys.argv", ["tidy", "--results", "results", "--lock", "dvc.lock", "--dry"])
    pipeline.main()
    assert "coding@2, an entry of dvc.lock whose stage is no more, would be removed" in capsys.readouterr().out
    assert left(project) == {*FILES, "dvc.yaml", "params.yaml", "dvc.lock"}


@pytest.mark.parametrize("corpora", ["[spr]", "sepr", "{}", "{sepr: {}}"])
def test_a_misspelled_list_takes_nothing_away(project, monkeypatch, corpora):
    """Of a corpus that does not exist no stage makes anything, and all that was made would go as nobody's."""
    text = (project / "params.yaml").read_text(encoding="utf-8")
    (project / "params.yaml").write_text(
        re.sub(r"(?m)^corpora:.*\n(?: .*\n)*", f"corpora: {corpora}\n", text), encoding="utf-8"
    )
    monkeypatch.chdir(project)
    monkeypatch.setattr("sys.argv", ["tidy", "--results", "results", "--lock", "dvc.lock"])
    with pytest.raises(SystemExit, match=r"tidy: error: params.yaml: corpora"):
        pipeline.main()
    assert left(project) == {*FILES, "dvc.yaml", "params.yaml", "dvc.lock"}


def test_where_no_stage_has_run_nothing_goes(project):
    (project / "dvc.lock").unlink()

    found = pipeline.tidy(project, Path("results"), project / "dvc.lock")
    assert (found.entries, found.paths) == ([], [])
