"""Whatever a table of notes holds, its patients are read, or one clear error names it: never another exception."""

import gzip
import io

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from noteguard import NoteguardError
from noteguard.settings import Columns, Settings
from noteguard.tables import patients

CSV = b'subject_id,hadm_id,note_seq,text\n1,2,1,"one, ""two"""\n1,,2,"three\nfour"\n2,3,1,five\n'
TABLE = pd.read_csv(io.BytesIO(CSV), dtype=str).fillna("")
COLUMNS = Columns(text=["text"], ids=["subject_id", "hadm_id"], owner=["subject_id"])


def written(write):
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


GOOD = {
    "n.csv": CSV,
    "n.csv.gz": gzip.compress(CSV, mtime=0),
    "n.parquet": written(TABLE.to_parquet),
    "n.feather": written(TABLE.to_feather),
}


def read(folder, name, content):
    (folder / name).write_bytes(content)
    return list(patients(Settings(root=folder, notes={"a": ["n.*"]}, columns=COLUMNS), folder / name))


def refusal(folder, name, content):
    try:
        read(folder, name, content)
    except NoteguardError as error:
        return str(error)


@pytest.mark.parametrize("name", GOOD)
def test_each_kind_of_table_gives_the_same(tmp_path, name):
    found = read(tmp_path, name, GOOD[name])
    assert [patient.texts for patient in found] == [['one, "two"', "three\nfour"], ["five"]]
    assert [set(patient.ids) for patient in found] == [{"1", "2", ""}, {"2", "3"}]


@pytest.mark.parametrize("name", GOOD)
@given(places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), st.binary(max_size=4)), max_size=3))
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_any_bytes_give_patients_or_one_clear_error(tmp_path, name, places):
    content = GOOD[name]
    for place, length, piece in places:
        start = int(place * len(content))
        content = content[:start] + piece + content[start + length :]
    told = refusal(tmp_path, name, content)
    assert told is None or told.startswith(f"{tmp_path / name}: ")
    assert "three" not in (told or "")


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        (pa.array([10000001, None]), ["10000001", ""]),
        (pa.array([10000001.0, float("nan")]), ["10000001", ""]),
        (pa.array(["10000001", "10000002"]).cast(pa.string_view()), ["10000001", "10000002"]),
        (pa.array(["10000001", "10000002"]).dictionary_encode(), ["10000001", "10000002"]),
        (pa.array([2**63, None], pa.uint64()), [str(2**63), ""]),
    ],
)
def test_ids_of_any_type_are_text(tmp_path, values, ids):
    table = pa.table({"hadm_id": values, "text": ["one", "two"]})
    found = read(tmp_path, "n.feather", written(lambda buffer: feather.write_feather(table, buffer)))
    assert [one for patient in found for one in patient.ids] == ids


@pytest.mark.parametrize(
    ("name", "content"), [("n.csv", b"subject_id,text\n"), ("n.csv", b"a,b\n1,2\n"), ("n.txt", b"a")]
)
def test_a_table_without_notes_is_no_table_of_notes(tmp_path, name, content):
    with pytest.raises(NoteguardError, match=r"n\.\w+: (no rows|none of the columns|no table of a kind)"):
        read(tmp_path, name, content)


def test_a_parquet_that_says_that_it_has_no_rows_is_whole(tmp_path):
    """A pipeline's table of texts of which a source has none."""
    table = pa.table({"note_id": pa.array([], pa.string()), "text": pa.array([], pa.string())})
    content = written(lambda buffer: pq.write_table(table, buffer))
    assert read(tmp_path, "n.parquet", content) == []
    with pytest.raises(NoteguardError, match="another kind of file"):
        read(tmp_path, "n.parquet", content[:-1])
