"""What dvc.lock records of stages that are no more says nothing of this run."""

import json
import sys

import pytest

from synthnotes.publishing import verify
from synthnotes.publishing.hashes import digest


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A stage for each member of a list, one of which has left it since both ran."""
    stages = {"of": {"matrix": {"corpus": "${corpora}"}, "cmd": "true", "outs": ["results/${item.corpus}.json"]}}
    (tmp_path / "dvc.yaml").write_text(json.dumps({"stages": stages}), encoding="utf-8")
    (tmp_path / "params.yaml").write_text("corpora: [here]\nrate: 2\n", encoding="utf-8")
    (tmp_path / "results").mkdir()
    recorded = {}
    for name in ("here", "gone"):
        path = tmp_path / "results" / f"{name}.json"
        path.write_text(name, encoding="utf-8")
        outs = [{"path": f"results/{name}.json", "md5": digest(path)}]
        recorded[f"of@{name}"] = {"cmd": "true", "outs": outs, "params": {"params.yaml": {"rate": 2}}}
    recorded["of@gone"]["params"]["params.yaml"]["rate"] = 1
    (tmp_path / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": recorded}), encoding="utf-8")
    (tmp_path / "results" / "gone.json").unlink()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["verify", "--provenance", "none.json"])
    return tmp_path


def test_a_stage_that_is_no_more_is_counted_and_passed_over(project, capsys):
    assert verify.main() == 0
    assert capsys.readouterr().out.splitlines() == [
        "parameters    1 as recorded",
        "results       1 as recorded",
        "stages        1 no longer in dvc.yaml, and passed over (`make tidy` removes them)",
    ]


def test_what_a_stage_that_is_there_recorded_still_counts(project, capsys):
    (project / "params.yaml").write_text("corpora: [here]\nrate: 3\n", encoding="utf-8")
    assert verify.main() == 1
    assert "! parameters: rate is not what dvc.lock, of@here recorded" in capsys.readouterr().out
    (project / "params.yaml").write_text("corpora: [here, gone]\nrate: 2\n", encoding="utf-8")
    assert verify.main() == 1
    assert "! parameters: rate is not what dvc.lock, of@gone recorded" in capsys.readouterr().out
