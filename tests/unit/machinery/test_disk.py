"""A disk that is full, a folder that is read-only, a file that may not grow: one clear message, and nothing half."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from table import SAYS

from synthnotes.machinery.files import UserError, replacing, write_csv

ROOT = Path(__file__).parents[3]
IN_A_MOUNT = ["unshare", "--user", "--map-root-user", "--mount"]
MOUNT = 'mount -t tmpfs -o "$0" tmpfs place && "$@"; code=$?; ls -A place; exit $code'


def in_mount(folder, options, *words):
    """Runs a command while the folder `place` is a small file system of its own; its files are listed at the end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        [*IN_A_MOUNT, "sh", "-c", MOUNT, options, *words], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "place").mkdir()
    if in_mount(tmp_path, "size=4k", "true").returncode:
        pytest.skip("this host forbids mounts")
    own = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("demo: true", "demo: false")
    (tmp_path / "params.yaml").write_text(own, encoding="utf-8")
    rows = {"_id": range(300), "text": [f"Bröstsmärta, {i}." for i in range(300)], "target": [["I10.9"]] * 300}
    (tmp_path / "sepr").mkdir()
    pd.DataFrame(rows).to_feather(tmp_path / "sepr/notes.feather")
    (tmp_path / "sepr/descriptions.csv").write_text("code,transcription\ni109,Hypertoni\n")
    return tmp_path


def corpus(folder, options):
    outside = ("--data", "sepr", "--notes", "notes", "--codes", "codes.csv", "--facts", "facts")
    outside += ("--words", "words.txt", "--language", str(ROOT / "languages/sv.yaml"))
    words = ["-m", "synthnotes.stages.corpus", "--corpus", "sepr", *outside, "--records", "place/records"]
    return in_mount(folder, options, sys.executable, *words)


def test_a_full_disk_is_told_and_leaves_nothing(folder):
    done = corpus(folder, "size=8k")
    assert done.returncode == 1
    assert done.stderr.startswith("corpus: error: place/")
    assert "training.jsonl: no space left to write it. Free some." in done.stderr
    assert "\n" not in done.stderr.strip()
    assert done.stdout == ""  # nothing is left in the folder, and there is no summary
    assert not (folder / "facts").exists()


def test_a_read_only_folder_is_told(folder, record_property):
    done = corpus(folder, "ro")
    assert done.returncode == 1
    assert done.stderr.startswith("corpus: error: place/records: it may not be written there.")
    assert "\n" not in done.stderr.strip()
    record_property(SAYS, done.stderr)


def test_a_file_that_may_not_grow_keeps_the_old_one(tmp_path):
    path = tmp_path / "result.csv"
    write_csv(path, pd.DataFrame({"f1": [0.5]}))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(UserError, match=r"result\.csv: no space left"):
            write_csv(path, pd.DataFrame({"f1": range(10_000)}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "f1\n0.5\n"
    assert [p.name for p in tmp_path.iterdir()] == ["result.csv"]


def test_an_error_about_another_file_stays_what_it_is(tmp_path):
    def read_elsewhere():
        with replacing(tmp_path / "here" / "result.csv"):
            raise PermissionError(13, "Permission denied", "/elsewhere/input.csv")

    with pytest.raises(PermissionError):
        read_elsewhere()


def test_what_a_killed_process_has_left_is_removed_and_what_another_writes_is_not(tmp_path):
    gone = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True).stdout.strip()
    left, folder_left = tmp_path / f".notes.parquet.{gone}.tmp.parquet", tmp_path / f".model.{gone}.tmp"
    at_work, other = tmp_path / ".notes.parquet.1.tmp.parquet", tmp_path / f".codes.csv.{gone}.tmp.csv"
    for path in (left, at_work, other, folder_left / "weights"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    for name in ("notes.parquet", "model"):
        with replacing(tmp_path / name) as temporary:
            temporary.write_text("whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([at_work.name, other.name, "model", "notes.parquet"])
