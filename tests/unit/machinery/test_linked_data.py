"""Data behind links: what DVC would not hash is refused, by `make check` and by the stages; the rest is hashed.

What DVC does is tried with DVC itself: where a change behind a link is not seen, and only there, the link is refused.
"""

import inspect
import subprocess
import sys
from contextlib import chdir
from importlib import import_module

import pytest
from dvc.repo import Repo
from table import SAYS

from noteguard.repository import git
from synthnotes.machinery.files import UserError, refuse_linked_folders

FILE = "note/discharge.csv"
LINKS = {  # what is a link, and whether DVC is blind for what lies behind it
    "nothing": (None, False),
    "a file": (f"data/mimic/{FILE}", False),
    "the folder of notes": ("data/mimic/note", True),
    "the folder of a corpus": ("data/mimic", True),
    "all models": ("data/models", True),
    "a model": ("data/models/mimic/encoder", True),
    "a file of a model": ("data/models/mimic/encoder/config.json", False),
    "data/ itself": ("data", False),
}


@pytest.fixture
def project(tmp_path):
    """A project with data that DVC has taken in."""
    root = tmp_path / "project"
    for name in (f"mimic/{FILE}", "mimic/hosp/codes.csv", "models/mimic/encoder/config.json"):
        path = root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("first")
    git("init", "--quiet", str(root))
    with chdir(root), Repo.init() as repo:
        repo.add("data")
    return root


def put_behind_a_link(root, name):
    """Moves a file or folder of a project to another disk, and gives where it lies there."""
    disk = root.parent / "disk"
    if name:
        (root / name).rename(disk)
        (root / name).symlink_to(disk)
    return disk


def refused(root):
    try:
        refuse_linked_folders(root / "data", root / "data")
    except UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize("link", LINKS)
def test_what_dvc_does_not_see_is_refused(project, link):
    name, blind = LINKS[link]
    disk = put_behind_a_link(project, name)
    assert bool(refused(project)) == blind
    with chdir(project), Repo() as repo:
        repo.reproduce("data.dvc")
    recorded = (project / "data.dvc").read_text()
    files = [path for path in (disk if name else project / "data").rglob("*") if path.is_file()] or [disk]
    for path in files:
        path.chmod(0o644)
        path.write_text("second")
    copied = name is not None and not (project / name).is_symlink()  # then the change is none of the project's
    with chdir(project), Repo() as repo:
        status = str(repo.status())
    assert ("modified" in status) == (not blind and not copied)
    if copied:
        assert (project / name).read_text() == "first"
    assert ("nfiles: 3" in recorded) == (not blind)


@pytest.mark.parametrize(
    ("name", "stage", "option"),
    [
        ("data/mimic/note", "corpus", "--data data/mimic"),
        ("data/mimic", "corpus", "--data data/mimic"),
        ("data/models", "merge", "--base data/models/mimic/generator"),
        ("data/models/mimic/encoder", "merge", "--base data/models/mimic/encoder"),
    ],
)
def test_a_stage_refuses_before_it_begins(project, name, stage, option, record_property):
    put_behind_a_link(project, name)
    words = [sys.executable, "-m", f"synthnotes.stages.{stage}"]
    parameters = inspect.signature(import_module(f"synthnotes.stages.{stage}").main).parameters
    options = {f"--{parameter.replace('_', '-')}": "1" for parameter in parameters} | dict([option.split()])
    given = [word for pair in options.items() for word in pair]
    done = subprocess.run([*words, *given], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{stage}: error: {name}: a link to a folder. DVC hashes nothing behind it")
    record_property(SAYS, done.stderr)
