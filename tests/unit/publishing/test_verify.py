"""What is recorded is found again as DVC has recorded it; what has changed is named, and what is absent is not."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from synthnotes.machinery.files import UserError
from synthnotes.publishing import verify as command
from synthnotes.publishing.verify import ABSENT, CHANGED, SAME, summary, verify


def states(project):
    facts = verify(project, project / "build/report/provenance.json")
    return {fact.name: (fact.kind, fact.state) for fact in facts}


def test_what_dvc_has_recorded_is_found_again(project):
    assert states(project) == {
        "build/report/report.html": ("report", SAME),
        "code.txt": ("code", SAME),
        "coding.list": ("parameters", SAME),
        "coding.rate": ("parameters", SAME),
        "folder": ("code", SAME),
        "results/copy/x.json": ("results", SAME),
    }


@pytest.mark.parametrize(
    ("name", "content", "fact", "kind"),
    [
        ("folder/below/ä", "other", "folder", "code"),
        ("folder/new", "", "folder", "code"),
        ("code.txt", "x", "code.txt", "code"),
        ("results/copy/x.json", "{}", "results/copy/x.json", "results"),
        ("build/report/report.html", "y", "build/report/report.html", "report"),
        ("params.yaml", "coding:\n  rate: 5e-5\n  list: [1, {a: 0.6}]\n", "coding.list", "parameters"),
        ("params.yaml", "coding:\n  list: [1, {a: 0.5}]\n", "coding.rate", "parameters"),
    ],
)
def test_what_has_changed_is_named_and_nothing_else(project, name, content, fact, kind):
    (project / name).write_text(content)
    assert {n: s for n, s in states(project).items() if s[1] != SAME} == {fact: (kind, CHANGED)}


def test_what_is_absent_is_not_called_changed(project):
    shutil.rmtree(project / "build")
    facts = verify(project, project / "absent.json")
    assert [fact.name for fact in facts if fact.state == ABSENT] == ["build/report/report.html"]
    assert "report        1 not on this machine" in summary(facts)


def test_what_the_report_has_recorded_is_checked_too(project):
    digest = hashlib.sha256((project / "params.yaml").read_bytes()).hexdigest()
    (project / "data/mimic").mkdir(parents=True)
    (project / "data/mimic/notes.csv").write_text("note")
    told = {
        "params": {"sha256": digest, "values": {}},
        "data": {"mimic": {"notes.csv": hashlib.sha256(b"note").hexdigest(), "gone.csv": "0"}},
        "files": {"results/copy/x.json": {"md5": "0" * 32, "stage": "copy"}, "code.txt": {}},
        "packages": {"numpy": "0.1", "no-such-package": "1"},
        "later": ["unknown"],
    }
    (project / "build/report/provenance.json").write_text(json.dumps(told))
    found = states(project)
    assert found["params.yaml"] == ("parameters", SAME)
    assert found["data/mimic/notes.csv"] == ("data", SAME)
    assert found["data/mimic/gone.csv"] == ("data", ABSENT)
    assert found["numpy 0.1"] == ("packages", CHANGED)
    assert found["no-such-package 1"] == ("packages", ABSENT)


def test_a_lock_that_is_none_is_refused(project):
    (project / "dvc.lock").write_text("schema: '2.0'\n")
    with pytest.raises(UserError, match=r"dvc.lock: no stages in it"):
        states(project)


def add_to_lock(project, name):
    """Records a run of another stage, with a parameter that has changed since and an output that is no more."""
    lock = project / "dvc.lock"
    stage = {
        "cmd": "true",
        "outs": [{"path": "results/gone.json", "md5": "0" * 32, "size": 1}],
        "params": {"params.yaml": {"coding.rate": 1}},
    }
    lock.write_text(lock.read_text() + f"  {name}: {json.dumps(stage)}\n")


def test_a_stage_that_is_no_more_is_counted_and_passed_over(project, capsys, monkeypatch):
    add_to_lock(project, "gone")
    monkeypatch.setattr(sys, "argv", ["verify", "--provenance", "none.json"])
    assert command.main() == 0
    assert capsys.readouterr().out.splitlines() == [
        "code          2 as recorded",
        "parameters    2 as recorded",
        "report        1 as recorded",
        "results       1 as recorded",
        "stages        1 no longer in dvc.yaml, and passed over (`make tidy` removes them)",
    ]


def test_what_a_stage_that_is_there_recorded_still_counts(project, capsys, monkeypatch):
    add_to_lock(project, "again")
    pipeline = json.loads((project / "dvc.yaml").read_text())
    pipeline["stages"]["again"] = {"cmd": "true", "params": ["coding.rate"], "outs": ["results/gone.json"]}
    (project / "dvc.yaml").write_text(json.dumps(pipeline))
    monkeypatch.setattr(sys, "argv", ["verify", "--provenance", "none.json"])
    assert command.main() == 1
    assert "! parameters: coding.rate is not what dvc.lock, again recorded" in capsys.readouterr().out


def test_data_are_compared_with_their_pointer_and_hashed_anew(project):
    """Also where size and time are those that DVC remembers."""
    (project / "data").mkdir()
    notes = project / "data/notes.csv"
    notes.write_text("note")
    subprocess.run([sys.executable, "-m", "dvc", "add", "--quiet", "data"], cwd=project, check=True)
    assert states(project)["data"] == ("data", SAME)
    told = notes.stat()
    notes.chmod(0o644)
    notes.unlink()  # it may share its bytes with DVC's cache
    notes.write_text("nope")
    os.utime(notes, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert states(project)["data"] == ("data", CHANGED)
    shutil.rmtree(project / "data")
    assert states(project)["data"] == ("data", ABSENT)
