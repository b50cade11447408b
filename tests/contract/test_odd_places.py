"""The project in folders that people have: with spaces, umlauts and what the shell reads; saved by git on Windows."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from pipeline import ROOT
from synthnotes.machinery import disclosure, pipeline
from synthnotes.machinery.files import DROPPINGS, UserError, fingerprint, is_dropping

# A Python whose `-m venv` copies it to the new environment, and a uv beside it: they note what they are called with.
FAKE = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$(basename "$0"): $word" >>"$NOTED"; done
if [ "$1" = -m ] && [ "$2" = venv ]; then
    mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; cp "$0" "$3/bin/uv"
fi
"""
PLACES = ["my project", "Müllers Übung", "two  spaces and a 'mark'", "$HOME & (more)", "a#b", "100%"]


@pytest.fixture
def make(tmp_path):
    """Copies what `make` needs into a folder of that name, and runs it there without touching anything else."""
    fake = tmp_path / "fake-python"
    fake.write_text(FAKE)
    fake.chmod(0o755)

    def run(place, *words, **variables):
        project = tmp_path / place / "synthnotes"
        if not project.exists():
            shutil.copytree(ROOT / "requirements", project / "requirements")
            for name in ("Makefile", "pyproject.toml"):
                shutil.copy(ROOT / name, project)
        known = {name: value for name, value in os.environ.items() if name not in ("VENV", "MAKEFLAGS", "WHEELS")}
        environment = known | {"PYTHON": str(fake), "NOTED": str(tmp_path / "noted"), **variables}
        done = subprocess.run(
            ["make", "--no-print-directory", *words],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        noted = tmp_path / "noted"
        return project, done, noted.read_text().splitlines() if noted.exists() else []

    return run


@pytest.mark.parametrize(("place", "kind"), [*((place, "cpu") for place in PLACES), (PLACES[0], "gpu")])
def test_the_environment_is_made_by_the_project_s_own_installer(make, place, kind):
    project, done, noted = make(place, "setup", f"KIND={kind}")
    assert done.returncode == 0, done.stderr
    assert (project / ".venv/.ready").exists()
    assert f"uv: {project / 'requirements'}/.." in noted  # the package itself
    assert f"uv: {project / '.venv/bin/python'}" in noted  # into this environment
    paths = [line.partition(": ")[2] for line in noted if "/" in line]
    assert paths
    assert all(path.startswith(f"{project}/") for path in paths)
    requirements = [line for line in noted if line.endswith(".txt")]
    assert requirements
    assert all(Path(line.partition(": ")[2]).is_file() for line in requirements)
    assert {path.name for path in project.parent.iterdir()} == {"synthnotes"}
    _, again, _ = make(place, "setup", f"KIND={kind}")
    assert "requirements/install" not in again.stdout  # it is there


def test_an_environment_elsewhere_with_a_space(make, tmp_path):
    elsewhere = tmp_path / "all environments" / "one"
    project, done, noted = make("my project", "setup", VENV=str(elsewhere))
    assert done.returncode == 0, done.stderr
    assert (elsewhere / ".ready").exists()
    assert not (project / ".venv").exists()
    assert f"uv: {elsewhere}/bin/python" in noted
    assert "requirements/install" not in make("my project", "setup", VENV=str(elsewhere))[1].stdout


@pytest.mark.parametrize("place", PLACES)
def test_no_recipe_is_parted_by_a_folder_s_name(make, place):
    """Each line that make would run is parsed by the shell, and names no piece of the folder's name."""
    project, done, _ = make(place, "-n", "repro", "test", "check", "diff", "help", CACHE="/a b/it's", A="v 1")
    assert done.returncode == 0, done.stderr
    assert str(project) not in done.stdout  # the shell's variables stand for it
    checked = subprocess.run(["bash", "-n"], input=done.stdout, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_cache_s_folder_arrives_whole(make):
    """Run by the shell, not only parsed: the words that the command gets."""
    _, done, _ = make("my project", "-n", "data", CACHE="/a b/it's")
    line = next(line for line in done.stdout.splitlines() if "noteguard cache" in line)
    shown = "import sys; print(sys.argv)"
    line = line.replace("python -m noteguard", f'"{sys.executable}" -c "{shown}"')
    told = subprocess.run(
        ["bash", "-c", line], env=os.environ | {"CACHE": "/a b/it's"}, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == str(["-c", "cache", "/a b/it's"])


def git(root, *words, **options):
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=True, **options).stdout


def test_line_ends_stay_whatever_core_autocrlf_says(tmp_path):
    """In a checkout as Git for Windows makes it, and in what is committed from there."""
    root = tmp_path / "project"
    root.mkdir()
    names = (".gitattributes", "Makefile", "requirements/install", "params.yaml", "docs/report.png", "dvc.lock")
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    git(root, "init", "--quiet")
    for key, value in {"core.autocrlf": "true", "user.name": "Test", "user.email": "test@example.org"}.items():
        git(root, "config", key, value)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "x")
    for name in names:
        (root / name).unlink()
    git(root, "checkout", "--quiet", ".")
    assert all((root / name).read_bytes() == (ROOT / name).read_bytes() for name in names)
    (root / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes().replace(b"\n", b"\r\n"))
    git(root, "add", "params.yaml")
    assert git(root, "show", ":params.yaml") == (ROOT / "params.yaml").read_bytes()


LEFT = [name.replace("?", "p").replace("*", "notes.feather") for name in DROPPINGS]


def leave(folder):
    """Leaves every dropping there, as a file."""
    for name in LEFT:
        (folder / name).write_bytes(b"\0\5\26\7 left")


def test_what_file_managers_leave_is_nobody_s_and_changes_nothing(tmp_path):
    """Neither DVC's hash of data/, nor whose data they are, nor the name of unfinished work."""
    assert set(DROPPINGS) <= set((ROOT / ".dvcignore").read_text().splitlines())
    root, data = tmp_path / "project", tmp_path / "project/data"
    (data / "sepr").mkdir(parents=True)
    shutil.copy(ROOT / ".dvcignore", root)
    (data / "sepr/notes.feather").write_bytes(b"notes")
    files = {"sepr/notes.feather": hashlib.sha256(b"notes").hexdigest()}
    (data / "DEMO.json").write_text(json.dumps({"files": files}))
    Repo.init(str(root), no_scm=True).close()

    def seen():
        with Repo(str(root)) as repo:
            repo.add(str(data))
        (out,) = YAML(typ="safe", pure=True).load(root / "data.dvc")["outs"]
        return out["md5"], out["nfiles"], disclosure.foreign_files(data), fingerprint(1, data)

    before = seen()
    leave(data)
    leave(data / "sepr")
    assert seen() == before
    (data / "sepr/splits.feather").write_bytes(b"mine")
    assert disclosure.foreign_files(data) == [data / "sepr/splits.feather"]


@pytest.mark.parametrize(
    "name", ["notes.feather", "mimic/hosp/d_icd_diagnoses.csv.gz", ".demo-x/a", "a~b", "Thumbs.db.csv"]
)
def test_what_people_bring_is_no_dropping(name):
    assert not is_dropping(Path(name))


@pytest.mark.parametrize("value", ["sepr", "3", "null", "[mimic, sepr]", "{sepr}"])
def test_a_list_that_is_none_is_told_by_its_name(tmp_path, value):
    """Of which DVC says "'Value' object is not iterable": `make repro` reads params.yaml before."""
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    changed = re.sub(r"(?m)^corpora:.*\n(?: .*\n)*", f"corpora: {value}\n", text)
    (tmp_path / "params.yaml").write_text(changed, encoding="utf-8")
    with pytest.raises(UserError, match=r"params.yaml: corpora.*valid dictionary"):
        pipeline.stages(tmp_path)
    for repeated in ("seeds: 1337", "larger_seeds: 7"):
        name = repeated.split(":")[0]
        again = "\n".join(repeated if line.startswith(f"{name}:") else line for line in text.splitlines())
        (tmp_path / "params.yaml").write_text(again, encoding="utf-8")
        with pytest.raises(UserError, match=f"params.yaml: {name}: Input should be a valid list"):
            pipeline.stages(tmp_path)
