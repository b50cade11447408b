"""Source files, whole and broken: errors name file and remedy and never a row's content."""

import gzip

import pandas as pd
import pytest

from synthnotes.corpus import sources
from synthnotes.machinery.files import UserError

ROWS = b"id,text,code\n" + b"".join(b'%d,"secret, line\nnext ""%d""",00%d\n' % (i, i, i) for i in range(3000))


@pytest.fixture
def write(tmp_path):
    def write_bytes(content, name="table.csv.gz"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write_bytes


@pytest.mark.parametrize("name", ["table.csv.gz", "table.csv"])
def test_columns_come_as_text(write, name):
    table = sources.read_csv(write(gzip.compress(ROWS) if name.endswith("gz") else ROWS, name), ["code", "text"])
    assert list(table.columns) == ["code", "text"]
    assert table.iloc[7].tolist() == ["007", 'secret, line\nnext "7"']
    assert len(table) == 3000


def test_empty_fields_stay_empty_strings(write):
    assert sources.read_csv(write(b'a,b\n,""\nNA,x\n', "t.csv"), ["a", "b"]).values.tolist() == [["", ""], ["NA", "x"]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (gzip.compress(ROWS)[:2000], "truncated"),
        (ROWS, "it is plain text, where a gzip-compressed file is expected. .*rename it to table.csv."),
        (gzip.compress(b"id,text\n1,secret\n"), "column code is missing .found: id, text"),
        (gzip.compress(ROWS.replace(b",", b";")), "column id is missing .*comma-separated"),
        (gzip.compress(b"id,text,code\n"), "no rows"),
        (gzip.compress(ROWS + b"1,secret\n"), "row 3002 has 2 columns instead of 3"),
        (gzip.compress(ROWS + b"1,secret \xff,x\n"), "not UTF-8"),
        (gzip.compress(b"\xff\xfe" + ROWS), "it holds text in UTF-16, where plain text is expected. Save it as UTF-8"),
        (gzip.compress(b"\xe5" + ROWS), "no line of column names in UTF-8"),
    ],
    ids=lambda part: part if isinstance(part, str) else "file",  # gzip writes the time, and workers collect at two
)
def test_broken_files(write, content, message):
    path = write(content)
    with pytest.raises(UserError, match=message) as error:
        sources.read_csv(path, ["id", "text", "code"])
    assert str(error.value).startswith(f"{path}: ")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "headless",
    [b'1,"secret, note",I10\n', b"secret note of one,1,2\n", b'[{"id": "secret"}]\n', b"secret,-,10\n"],
    ids=str,
)
def test_a_row_of_data_in_the_place_of_names_is_not_quoted(write, headless):
    with pytest.raises(UserError, match=r"column id is missing .found: what may be a row of data") as error:
        sources.read_csv(write(headless * 2, "t.csv"), ["id", "text"])
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_lines_of_an_old_mac_end_in_returns(write, pack):
    path = write(pack(b'id,text\r1,"a, b"\r2,c\r'), "t.csv" if pack is bytes else "t.csv.gz")
    assert sources.read_csv(path, ["id", "text"]).values.tolist() == [["1", "a, b"], ["2", "c"]]


def test_feather(tmp_path):
    path = tmp_path / "t.feather"
    pd.DataFrame({"_id": [1, 2], "splits": ["a", "b"], "other": [0, 0]}).to_feather(path)
    assert sources.read_feather(path, ["_id", "split|splits"]).columns.tolist() == ["_id", "split"]
    with pytest.raises(UserError, match=r"column text is missing .found: _id, splits, other"):
        sources.read_feather(path, ["_id", "text"])
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UserError, match="not a complete feather file"):
        sources.read_feather(path, ["_id"])


@pytest.mark.parametrize("values", [[1, 23], [1.0, 23.0], ["1", " 23 "], [1, "23"], pd.array([1, 23], "Int64")])
def test_ids(values):
    assert sources.as_ids(pd.Series(values), "file").tolist() == ["1", "23"]


def test_missing_ids_stay_missing():
    assert sources.as_ids(pd.Series([1.0, None]), "file").isna().tolist() == [False, True]


@pytest.mark.parametrize("wrong", [0.5, float("inf"), 2.0**53, True, b"1", [1]])
def test_what_is_no_id_is_refused(wrong):
    values = pd.Series([1, None, wrong, wrong], dtype=object, name="_id")
    with pytest.raises(UserError, match=r"^file: row 3: column _id must be an integer or text .2 such rows."):
        sources.as_ids(values, "file")


def test_sha256(write):
    # FIPS 180-2, appendix B.1
    assert sources.sha256(write(b"abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
