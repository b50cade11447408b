"""Files are written whole or not at all."""

import resource
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from synthnotes.machinery.files import (
    UserError,
    disk_space_needed,
    fingerprint,
    read_json,
    replacing,
    require,
    write_csv,
    write_json,
)


def test_json_refuses_nan_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "results" / "metrics.json"
    write_json(path, {"f1": 0.5, "å": None})
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(path, {"f1": float("nan")})
    assert read_json(path) == {"f1": 0.5, "å": None}
    assert [p.name for p in path.parent.iterdir()] == ["metrics.json"]


def test_a_failing_write_leaves_nothing(tmp_path):
    def fail():
        with replacing(tmp_path / "model") as temporary:
            temporary.mkdir()
            (temporary / "weights").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_the_place_of_the_old_one(tmp_path):
    for content in ("old", "new"):
        with replacing(tmp_path / "model") as temporary:
            temporary.mkdir()
            (temporary / content).touch()
    assert [p.name for p in (tmp_path / "model").iterdir()] == ["new"]


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match=r"absent.csv: no such file"):
        require(tmp_path / "absent.csv")


def test_an_empty_file_is_told(tmp_path):
    (tmp_path / "empty.csv").touch()
    with pytest.raises(UserError, match=r"empty.csv: the file is empty"):
        require(tmp_path / "empty.csv")


def test_csv_rounds_and_reads_back(tmp_path):
    write_csv(tmp_path / "t.csv", pd.DataFrame({"x": [1 / 3], "n": [7]}))
    assert (tmp_path / "t.csv").read_text() == "x,n\n0.333333,7\n"


@contextmanager
def files_of_a_kilobyte_at_most():
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


WEIGHTS = {"weight": torch.rand(5000)}
WRITERS = {
    "text": lambda path: path.write_text("x" * 5000),
    "parquet": lambda path: pd.DataFrame({"x": np.random.default_rng(1).random(5000)}).to_parquet(path),
    "safetensors": lambda path: save_file(WEIGHTS, path),
    "torch": lambda path: torch.save(WEIGHTS, path),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_whatever_writes_a_full_disk_is_one_clear_error(tmp_path, writer):
    path = tmp_path / "file"
    refused = pytest.raises(UserError, match="file: no space left to write it")
    with refused, disk_space_needed(path), files_of_a_kilobyte_at_most():
        WRITERS[writer](path)
    with disk_space_needed(path):
        WRITERS[writer](path)


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), disk_space_needed(tmp_path):
        (tmp_path / "nowhere").read_text()
    with pytest.raises(ValueError, match="else"), disk_space_needed(tmp_path):
        raise ValueError("something else")


def test_a_fingerprint_changes_with_values_files_and_tokens(tmp_path):
    (tmp_path / "a").write_text("1")
    tokens = [np.array([1, 2], dtype=np.int32), np.array([3], dtype=np.int32)]
    key = fingerprint({"x": 1}, tmp_path, tokens)
    assert key == fingerprint({"x": 1}, tmp_path, [[1, 2], [3]])
    others = [
        fingerprint({"x": 2}, tmp_path, tokens),
        fingerprint({"x": 1}, tmp_path, [[1], [2, 3]]),
        fingerprint({"x": 1}, tmp_path),
    ]
    (tmp_path / "a").write_text("2")
    others.append(fingerprint({"x": 1}, tmp_path, tokens))
    (tmp_path / "a").rename(tmp_path / "b")
    others.append(fingerprint({"x": 1}, tmp_path, tokens))
    assert len({key, *others}) == 6
