"""Files are written whole or not at all."""

import pandas as pd
import pytest

from synthnotes import notes
from synthnotes.files import UserError, read_json, replacing, require, write_csv, write_json


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


def test_missing_and_empty_files_are_told(tmp_path):
    with pytest.raises(UserError, match=r"absent.csv: no such file"):
        require(tmp_path / "absent.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(UserError, match=r"empty.csv: the file is empty"):
        require(tmp_path / "empty.csv")


def test_csv_rounds_and_reads_back(tmp_path):
    write_csv(tmp_path / "t.csv", pd.DataFrame({"x": [1 / 3], "n": [7]}))
    assert (tmp_path / "t.csv").read_text() == "x,n\n0.333333,7\n"


def note_table(**changes):
    columns = {
        "note_id": ["1", "2"],
        "patient_id": ["p", "p"],
        "text": ["Åter frisk.", "Well."],
        "codes": [["I10"], ["0DTJ4ZZ", "E11.9"]],
        "descriptions": [["Hypertension"], []],
        "fold": ["train", "validation"],
    }
    return pd.DataFrame(columns | changes)


def test_a_note_table_reads_back_as_written(tmp_path):
    notes.write(tmp_path / "n.parquet", note_table())
    assert notes.read(tmp_path / "n.parquet").to_dict("list") == note_table().to_dict("list")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"note_id": ["1", "1"]}, "note 1: note_id must be present and unique"),
        ({"text": ["x", " \n"]}, "note 2: text must not be empty"),
        ({"codes": [[], ["I10"]]}, "note 1: codes must not be empty"),
        ({"fold": ["train", "test"]}, "note 2: fold must be one of"),
        ({"patient_id": [None, "p"]}, "note 1: patient_id must be present"),
    ],
)
def test_a_broken_note_table_is_refused_without_its_text(tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        notes.write(tmp_path / "n.parquet", note_table(**changes))
    assert not (tmp_path / "n.parquet").exists()


def test_a_file_that_is_no_table_is_refused(tmp_path):
    (tmp_path / "n.parquet").write_text("no parquet")
    with pytest.raises(UserError, match="not a parquet file"):
        notes.read(tmp_path / "n.parquet")
