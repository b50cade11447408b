"""What is recorded is checked; what is archived is whole, of a commit, of these results, and the same bytes again."""

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile

import pytest

from noteguard.repository import git
from synthnotes.machinery.files import UserError
from synthnotes.publishing import archive, hashes, licences
from synthnotes.publishing.verify import ABSENT, CHANGED, SAME, summary, verify

COPY = "mkdir -p build/report results/copy && cp code.txt results/copy/x.json && cp code.txt build/report/report.html"
STAGES = {
    "copy": {
        "cmd": COPY,
        "deps": ["code.txt", "folder"],
        "params": ["coding.rate", "coding.list"],
        "metrics": [{"results/copy/x.json": {"cache": False, "meta": {"sensitivity": "aggregate"}}}],
        "outs": [{"build/report/report.html": {"meta": {"sensitivity": "aggregate"}}}],
    }
}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A project that DVC has really run, so that the hashes compared are DVC's own."""
    root = tmp_path_factory.mktemp("published") / "project"
    (root / "folder/below").mkdir(parents=True)
    files = {"folder/b": "1", "folder/below/ä": "2", "folder/below.x": "3", "folder/a.b": "3", "code.txt": '{"f1": 1}'}
    for name, content in files.items():
        (root / name).write_text(content)
    (root / "params.yaml").write_text("coding:\n  rate: 5e-5\n  list: [1, {a: 0.5}]\n")
    (root / "dvc.yaml").write_text(json.dumps({"stages": STAGES}))
    (root / ".gitignore").write_text("/build\n/data\n")
    git("init", "--quiet", root=root)
    for key, value in {"user.name": "Test", "user.email": "test@example.org", "commit.gpgsign": "false"}.items():
        git("config", key, value, root=root)
    for words in (["init", "--quiet"], ["config", "core.analytics", "false"], ["repro", "--quiet"]):
        subprocess.run([sys.executable, "-m", "dvc", *words], cwd=root, check=True)
    git("add", ".", root=root)
    git("commit", "--quiet", "-m", "All", root=root)
    return root


@pytest.fixture
def project(template, tmp_path, monkeypatch):
    root = shutil.copytree(template, tmp_path / "project", symlinks=True)
    monkeypatch.chdir(root)
    return root


def states(project):
    facts = verify(project, project / "dvc.lock", project / "build/report/provenance.json")
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
    facts = verify(project, project / "dvc.lock", project / "absent.json")
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


def run_archive(project, monkeypatch):
    words = ["archive", "--to", "build/deposit.zip", "--provenance", "build/report/provenance.json"]
    monkeypatch.setattr("sys.argv", words)
    archive.main()
    return (project / "build/deposit.zip").read_bytes()


def test_an_archive_is_whole_and_the_same_twice(project, monkeypatch, tmp_path):
    first = run_archive(project, monkeypatch)
    for path in project.rglob("*"):
        path.touch()
    assert run_archive(project, monkeypatch) == first
    with zipfile.ZipFile(project / "build/deposit.zip") as packed:
        packed.extractall(tmp_path / "unpacked")
    folder = tmp_path / "unpacked/deposit"
    subprocess.run(["sha256sum", "--check", "--quiet", archive.SUMS], cwd=folder, check=True)
    manifest = json.loads((folder / archive.MANIFEST).read_text())
    assert manifest["commit"] == git("rev-parse", "HEAD", root=project).decode().strip()
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {*manifest["files"], archive.SUMS, archive.MANIFEST}
    assert {"code.txt", "folder/below/ä", "results/copy/x.json", "build/report/report.html", "dvc.lock"} <= names
    assert not any(name.startswith(("data", ".dvc/cache", ".dvc/tmp")) for name in names)


def test_what_is_not_committed_is_not_archived(project, monkeypatch):
    (project / "code.txt").write_text("newer")
    with pytest.raises(UserError, match=r"1 change\(s\) not committed .*code.txt"):
        run_archive(project, monkeypatch)


def test_a_stale_report_is_not_archived(project, monkeypatch):
    (project / "code.txt").write_text("newer")
    git("commit", "--quiet", "-am", "Newer", root=project)
    with pytest.raises(UserError, match=r"1 thing\(s\) not as recorded .code.txt.*make verify"):
        run_archive(project, monkeypatch)


def test_the_hash_of_nothing_is_none(tmp_path):
    assert hashes.recomputed(tmp_path / "absent") is None


def test_licences_are_read_and_copyleft_is_marked():
    table = licences.table(["numpy", "pypandoc-binary", "hypothesis", "no-such-package"])
    assert "| pypandoc-binary | 1.17 | MIT, with pandoc itself: GPL-2.0-or-later | copyleft |" in table
    assert "| MPL-2.0 | weak copyleft |" in table
    assert "not installed here (the other kind of machine): no-such-package." in table
    assert "1 copyleft, 1 weak copyleft" in table
