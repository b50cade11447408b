"""The note table: what is written comes back, and a table that breaks the schema is neither written nor read."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthnotes.corpus import notes as note_table
from synthnotes.machinery.files import UserError


def table(**columns):
    """Three good notes, some columns replaced."""
    good = {
        "note_id": ["1", "2", "3"],
        "patient_id": ["a", "a", "b"],
        "text": ["secret one", "åter hemlig", "secret three"],
        "codes": [["I10"], ["0DTJ4ZZ", "I10"], ["E11.9"]],
        "descriptions": [["Hypertension"], ["Hypertension"], []],
        "fold": ["train", "validation", "train"],
    }
    return pd.DataFrame(good | columns)


def test_what_is_written_comes_back(tmp_path):
    path = tmp_path / "notes.parquet"
    note_table.write(path, table().assign(extra=1))
    assert note_table.read(path).to_dict("list") == table().to_dict("list")


BROKEN = [
    ({"note_id": ["1", "2", "2"]}, "note_id must be unique; broken by 2 of 3 notes, first: 2"),
    ({"note_id": ["1", None, "3"]}, "note_id must be present; broken by 1 of 3 notes"),
    ({"note_id": ["1", " ", "3"]}, "note_id must be present"),
    ({"patient_id": ["a", "", "b"]}, "patient_id must be present; .* first: 2"),
    ({"text": ["secret", None, "secret"]}, "text must not be empty; .* first: 2"),
    ({"text": ["", " \n\t ", "\u00a0"]}, "text must not be empty; broken by 3 of 3 notes, first: 1, 2, 3"),
    ({"codes": [["I10"], [], ["E11.9"]], "descriptions": [[], [], []]}, "codes must not be empty; .* first: 2"),
    ({"codes": [["I10"], ["A00", ""], ["E11.9"]]}, "codes must not be empty; .* first: 2"),
    ({"codes": [["I10"], ["A00", None], ["E11.9"]]}, "codes must not be empty; .* first: 2"),
    ({"codes": [["I10"], ["A00"], ["E11.9", "E11.9"]]}, "codes must not repeat; .* first: 3"),
    ({"descriptions": [["one", "two"], [], []]}, "descriptions must be those of the codes.* first: 1"),
    ({"fold": ["train", "E", "train"]}, "fold must be one of train, validation, evaluation; .* first: 2"),
    ({"fold": ["train", "evaluation", "train"]}, "evaluation for all notes or for none; broken by 1 .* first: 2"),
    ({"fold": ["evaluation", "evaluation", "train"]}, "evaluation for all notes or for none; broken by 1 .* first: 3"),
]


@pytest.mark.parametrize(("columns", "message"), BROKEN)
def test_a_table_that_breaks_the_schema_is_neither_written_nor_read(tmp_path, columns, message):
    path = tmp_path / "notes.parquet"
    with pytest.raises(UserError, match=message) as refused:
        note_table.write(path, table(**columns))
    assert not list(tmp_path.iterdir())
    assert "secret" not in str(refused.value)
    pq.write_table(pa.Table.from_pandas(table(**columns), schema=note_table.SCHEMA, preserve_index=False), path)
    with pytest.raises(UserError, match=message) as refused:
        note_table.read(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "secret" not in str(refused.value)


def test_no_notes_are_no_table(tmp_path):
    with pytest.raises(UserError, match="no notes"):
        note_table.write(tmp_path / "notes.parquet", table()[:0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (table().drop(columns="fold"), "column fold is missing"),
        (table(codes=["I10", "I10", "I10"]), r"a column of the wrong type \(.*codes (large_)?string"),
        (table(codes=np.arange(3)), r"a column of the wrong type \(.*codes int64"),
        (table(codes=[None, ["I10"], ["I10"]]), "codes must not be empty; .* first: 1"),
    ],
)
def test_another_table_is_refused(tmp_path, content, message):
    path = tmp_path / "notes.parquet"
    content.to_parquet(path)
    with pytest.raises(UserError, match=message):
        note_table.read(path)


def test_no_parquet_file_is_refused(tmp_path):
    path = tmp_path / "notes.parquet"
    note_table.write(path, table())
    path.write_bytes(path.read_bytes()[:-10])
    assert path.stat().st_size > 100
    with pytest.raises(UserError, match="not a parquet file"):
        note_table.read(path)
