"""Files are written whole or not at all."""

import pandas as pd
import pytest

from synthnotes.machinery.files import UserError, read_json, replacing, require, write_csv, write_json


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
