"""A project that DVC has run."""

import json
import shutil
import subprocess
import sys

import pytest

from noteguard.repository import git

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
