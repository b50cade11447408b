"""What is archived is whole, of a commit, of these results, and the same bytes again; licences are told."""

import json
import subprocess
import zipfile

import pytest

from noteguard.repository import git
from synthnotes.machinery.files import UserError
from synthnotes.publishing import archive, licences


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


def test_licences_are_read_and_copyleft_is_marked():
    table = licences.table(["numpy", "pypandoc-binary", "hypothesis", "no-such-package"])
    assert "| pypandoc-binary | 1.17 | MIT, with pandoc itself: GPL-2.0-or-later | copyleft |" in table
    assert "| MPL-2.0 | weak copyleft |" in table
    assert "not installed here (the other kind of machine): no-such-package." in table
    assert "1 copyleft, 1 weak copyleft" in table
