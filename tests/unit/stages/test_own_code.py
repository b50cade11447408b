"""Code, data and record come from one folder: a stage runs the code of the folder that it is started in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from table import SAYS

from noteguard.repository import git

ROOT = Path(__file__).parents[3]
# A stage that writes which code it is, and of which code the processes are that it starts.
STAGE = """
import subprocess, sys
from pathlib import Path
from synthnotes import VALUE
CHILD = "import synthnotes; print(synthnotes.VALUE)"
child = subprocess.run([sys.executable, "-c", CHILD], cwd="/", capture_output=True, text=True, check=True).stdout
Path("out.txt").write_text(f"{VALUE} {child.strip()}")
"""
DVC_YAML = "stages: {toy: {cmd: python -m synthnotes.stages.toy, deps: [src], params: [rate], outs: [out.txt]}}\n"


@pytest.fixture
def installed(tmp_path):
    """A package in its repository, called through PYTHONPATH as an installed one is; gives folder and environment."""
    root = tmp_path / "checkout"
    for part in ("__init__.py", "machinery", "stages/__init__.py"):
        source, target = ROOT / "src/synthnotes" / part, root / "src/synthnotes" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    (root / "src/synthnotes/stages/toy.py").write_text(STAGE)
    say(root, "installed")
    (root / "dvc.yaml").write_text(DVC_YAML)
    (root / "params.yaml").write_text("rate: 1\n")
    (root / ".gitignore").write_text("__pycache__/\n/out.txt\n")
    git("init", "--quiet", "--initial-branch=main", root=root)
    for key, value in {"user.name": "Test", "user.email": "test@example.org", "commit.gpgsign": "false"}.items():
        git("config", key, value, root=root)
    environment = os.environ | {
        "PYTHONPATH": str(root / "src"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
    }
    run(root, environment, "dvc", "init", "--quiet")
    run(root, environment, "dvc", "config", "core.analytics", "false")
    git("add", "--all", root=root)
    git("commit", "--quiet", "-m", "First", root=root)
    return root, environment


def say(root, value):
    """Lets the code of a folder have a value of its own."""
    source = (ROOT / "src/synthnotes/__init__.py").read_text(encoding="utf-8")
    (root / "src/synthnotes/__init__.py").write_text(f"{source}\nVALUE = {value!r}\n", encoding="utf-8")


def run(folder, environment, *words):
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def recorded(root, environment):
    """What the newest experiment holds: its code's value, and what the stage has written."""
    name = run(root, environment, "dvc", "exp", "list", "--name-only").split()[0]
    ref = git("for-each-ref", "--format=%(objectname)", f"refs/exps/**/{name}", root=root).decode().split()[0]
    code = git("show", f"{ref}:src/synthnotes/__init__.py", root=root).decode()
    run(root, environment, "dvc", "exp", "apply", name)
    return code.rpartition("VALUE = ")[2].strip(), (root / "out.txt").read_text()


@pytest.mark.parametrize("way", ["--temp", "--queue", "here"])
def test_an_experiment_records_what_its_own_code_has_made(installed, way):
    root, environment = installed
    say(root, "changed")
    run(root, environment, "dvc", "exp", "run", *["-S", "rate=2"], *[way] * (way != "here"))
    if way == "--queue":
        say(root, "changed again, while it waits")
        run(root, environment, "dvc", "exp", "run", "--run-all")
    git("checkout", "--quiet", "--force", ".", root=root)
    assert recorded(root, environment) == ("'changed'", "changed changed")


def test_a_worktree_runs_its_own_code_and_says_so(installed, tmp_path, record_property):
    root, environment = installed
    tree = tmp_path / "a worktree"
    git("worktree", "add", "--quiet", "--detach", str(tree), root=root)
    say(tree, "of the tree")
    told = run(tree, environment, "dvc", "repro")
    assert (tree / "out.txt").read_text() == "of the tree of the tree"
    assert f"with the code of {tree / 'src'}, not of {root / 'src'}" in told
    record_property(SAYS, next(line for line in told.splitlines() if line.startswith("with the code")))


@pytest.mark.parametrize("place", ["itself", "by a link", "where there is no code", "where the code is gone"])
def test_elsewhere_it_starts_once(installed, tmp_path, place):
    root, environment = installed
    folder = tmp_path / "elsewhere"
    if place == "itself":
        folder = root
    elif place == "by a link":
        folder.symlink_to(root)
    else:
        folder.mkdir()
        if place == "where the code is gone":
            (folder / "src/synthnotes/__pycache__").mkdir(parents=True)
    assert run(folder, environment, sys.executable, "-m", "synthnotes.stages.toy") == ""
    assert (folder / "out.txt").read_text() == "installed installed"


def test_where_it_cannot_be_had_the_stage_refuses(installed, tmp_path, record_property):
    """Python that ignores the environment, and finds the package in a folder of its own, as an installed one."""
    root, environment = installed
    tree = tmp_path / "tree"
    git("worktree", "add", "--quiet", "--detach", str(tree), root=root)
    start = f"import sys; sys.path.insert(0, {str(root / 'src')!r}); sys.argv = ['-m']; import synthnotes.stages"
    words = [sys.executable, "-E", "-c", start]
    done = subprocess.run(words, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "code of another folder than this one" in done.stderr
    assert not (tree / "out.txt").exists()
    record_property(SAYS, done.stderr.splitlines()[-1])
