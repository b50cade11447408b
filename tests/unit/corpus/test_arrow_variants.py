"""Feather files as polars, R, pandas and databases write them: the same table comes out, whatever the Arrow types."""

import uuid
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_data import SEPR

from synthnotes.corpus import sources
from synthnotes.corpus import table as tables
from synthnotes.machinery.files import UserError
from synthnotes.preflight import inventory

IDS = ["1234567890123456789", "2", None, "4"]
TEXTS = ["hemlig ett", None, "hemlig tre", "hemlig ett"]
CODES = [["I10.9", "E11.9"], None, [], ["E11.9", None]]
VIEW, LARGE, TEXT = pa.string_view(), pa.large_string(), pa.string()


def factor(values, index, of=TEXT, **options):
    """A dictionary column, as categories (pandas, polars) and factors (R) come."""
    names = list(dict.fromkeys(value for value in values if value is not None))
    places = pa.array([None if value is None else names.index(value) for value in values], index)
    return pa.DictionaryArray.from_arrays(places, pa.array(names, of), **options)


def with_null_among_names(values):
    names = [*dict.fromkeys(values)]
    return pa.DictionaryArray.from_arrays(pa.array([names.index(value) for value in values]), pa.array(names, TEXT))


def extension(storage, name="polars.object"):
    return pa.ExtensionArray.from_storage(pa.opaque(storage.type, name, "somebody"), storage)


def in_lists(elements):
    """CODES as a list column of elements of some array type."""
    flat = [code for codes in CODES for code in codes or []]
    return pa.ListArray.from_arrays(
        pa.array([0, 2, 2, 2, 4]), elements(flat), mask=pa.array([c is None for c in CODES])
    )


UNION = pa.UnionArray.from_sparse(pa.array([0, 0, 0, 1], pa.int8()), [pa.array(IDS), pa.array([1] * 4)])
NUMBERS = [None if value is None else int(value) for value in IDS]
AS_TEXT = {
    "text": lambda values: pa.array(values, TEXT),
    "polars: string view": lambda values: pa.array(values, VIEW),
    "large text": lambda values: pa.array(values, LARGE),
    "a slice of views": lambda values: pa.array(["x" * 20, *values, "y"], VIEW).slice(1, len(values)),
    "pandas: category": lambda values: factor(values, pa.int8()),
    "R: factor": lambda values: factor(values, pa.int32(), ordered=True),
    "polars: Categorical": lambda values: factor(values, pa.uint32(), VIEW),
    "polars: Enum": lambda values: factor(values, pa.uint8(), LARGE),
    "a null among the categories": with_null_among_names,
    "extension": lambda values: extension(pa.array(values, TEXT)),
    "extension of views": lambda values: extension(pa.array(values, VIEW)),
    "run ends": lambda values: pa.RunEndEncodedArray.from_arrays(pa.array([1, 2, 3, 4], pa.int32()), pa.array(values)),
}
AS_ID = AS_TEXT | {
    "int64": lambda _: pa.array(NUMBERS, pa.int64()),
    "uint64": lambda _: pa.array(NUMBERS, pa.uint64()),
    "decimal": lambda _: pa.array([n and Decimal(n) for n in NUMBERS], pa.decimal128(20, 0)),
    "category of integers": lambda _: factor(NUMBERS, pa.int8(), pa.int64()),
    "extension of integers": lambda _: extension(pa.array(NUMBERS, pa.int64())),
}
AS_LIST = {
    "list": lambda: pa.array(CODES, pa.list_(TEXT)),
    "polars: large list of views": lambda: pa.array(CODES, pa.large_list(VIEW)),
    "list view": lambda: pa.array(CODES, pa.list_view(TEXT)),
    "large list view": lambda: pa.array(CODES, pa.large_list_view(VIEW)),
    "a slice of list views": lambda: pa.array([["X"], *CODES], pa.list_view(LARGE)).slice(1),
    "list of categories": lambda: in_lists(lambda flat: factor(flat, pa.uint32(), LARGE)),
    "list of factors": lambda: in_lists(lambda flat: factor(flat, pa.int32())),
    "list of categories of views": lambda: in_lists(lambda flat: factor(flat, pa.uint32(), VIEW)),
    "list of extensions": lambda: in_lists(lambda flat: extension(pa.array(flat, TEXT))),
    "text": lambda: pa.array(["I10.9, E11.9", None, "", "['E11.9' None]"]),
    "category of texts": lambda: factor(["I10.9, E11.9", None, "", "['E11.9' None]"], pa.int8()),
}


@pytest.fixture
def write(tmp_path):
    def write_table(metadata=None, names=("_id", "text", "target"), ids=None, text=None, target=None):
        columns = [pa.array(IDS) if ids is None else ids, pa.array(TEXTS) if text is None else text]
        columns.append(pa.array(CODES) if target is None else target)
        path = tmp_path / "notes.feather"
        feather.write_feather(pa.table(columns, names=list(names)).replace_schema_metadata(metadata), path)
        return path

    return write_table


def read(path):
    """The notes as the corpus's stage sees them: ids, texts and codes, None where there is none."""
    notes = tables.read_notes(path, SEPR.columns)
    as_none = [[None if pd.isna(value) else value for value in notes[name]] for name in ("note_id", "text")]
    return [*as_none, [tables.codes_in(target) for target in notes["codes"]]]


EXPECTED = [IDS, TEXTS, [["I10.9", "E11.9"], [], [], ["E11.9"]]]


@pytest.mark.parametrize("kind", AS_ID)
def test_ids(write, kind):
    assert read(write(ids=AS_ID[kind](IDS))) == EXPECTED


@pytest.mark.parametrize("kind", AS_TEXT)
def test_texts(write, kind):
    assert read(write(text=AS_TEXT[kind](TEXTS))) == EXPECTED


@pytest.mark.parametrize("kind", AS_LIST)
def test_codes(write, kind):
    assert read(write(target=AS_LIST[kind]())) == EXPECTED


def test_codes_of_fixed_number(write):
    codes = [["I10", None], None, ["E11", "I10"], ["I10", "E11"]]
    found = read(write(target=pa.array(codes, pa.list_(TEXT, 2))))
    assert found[2] == [["I10"], [], ["E11", "I10"], ["I10", "E11"]]


def test_the_check_tries_notes_behind_an_empty_batch(tmp_path):
    table = pa.table({"_id": ["1"], "text": ["hemlig"], "target": ["I10"]})
    with pa.ipc.new_file(tmp_path / SEPR.notes, table.schema) as writer:
        writer.write_batch(pa.RecordBatch.from_pylist([], table.schema))
        writer.write_table(table)
    assert inventory.first_notes(tmp_path, SEPR) == ["hemlig"]


def test_texts_that_are_not_utf_8(write):
    latin = pa.array([b"hemlig \xe5"] * 4)
    with pytest.raises(UserError, match=r"notes.feather: text that is not UTF-8. Convert it") as error:
        read(write(text=pa.Array.from_buffers(TEXT, 4, latin.buffers())))
    assert "hemlig" not in str(error.value)


def test_nothing_but_nulls_is_nothing(write):
    assert read(write(target=pa.nulls(4)))[2] == [[], [], [], []]
    assert read(write(text=pa.nulls(4)))[1] == [None] * 4
    assert read(write(target=pa.array([[None], None, [], [None]])))[2] == [[], [], [], []]


def test_pandas_notes_on_an_index_are_not_followed(tmp_path, write):
    frame = pd.DataFrame({"_id": IDS, "text": TEXTS, "target": CODES}).set_index("_id")
    assert read(write(metadata=pa.Table.from_pandas(frame).schema.metadata)) == EXPECTED


@pytest.mark.parametrize("names", [("_id", "text", "target", "text"), ("_id", "_id", "text", "target")])
def test_a_column_twice_is_refused_wherever_it_is_read(tmp_path, names):
    path = tmp_path / "notes.feather"
    feather.write_feather(pa.table([pa.array(["hemlig"])] * 4, names=list(names)), path)
    twice = max(names, key=names.count)
    with pytest.raises(UserError, match=f"column {twice} stands there 2 times"):
        tables.read_notes(path, SEPR.columns)
    with pytest.raises(UserError, match=f"column {twice} stands there 2 times"):
        inventory.describe_feather(path, ["_id", "text", "target"])
    path = tmp_path / "t.csv"
    path.write_text(",".join(names) + "\n1,2,3,4\n")
    with pytest.raises(UserError, match=f"column {twice} stands there 2 times"):
        sources.read_csv(path, ["_id", "text", "target"])


def test_two_columns_of_which_either_would_do_are_refused(tmp_path):
    feather.write_feather(pa.table({"_id": ["1"], "split": ["train"], "splits": ["test"]}), tmp_path / "s.feather")
    with pytest.raises(UserError, match=r"column split or splits stands there 2 times .split, splits."):
        sources.read_feather(tmp_path / "s.feather", ["_id", "split|splits"])


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("ids", pa.array([2.0**24, 1, 2, 3], pa.float32()), "row 1: column _id must be an integer or text"),
        ("ids", pa.array([2.0**53, 1, 2, 3]), "row 1: column _id must be an integer or text"),
        ("ids", pa.array([1, 2048, 2, 3], pa.float16()), "row 2: column _id must be an integer or text"),
        ("ids", pa.array([Decimal("1.5"), None, None, None]), "row 1: column _id must be an integer or text"),
        ("ids", pa.array([True, False, None, True]), "row 1: column _id must be"),
        ("ids", pa.array(["1", "2\n", "3", "4"]), "row 2: column _id must be without line breaks .1 such"),
        ("ids", pa.array(["1", "2", "3\u2028", "4\r"]), "row 3: column _id must be without line breaks .2 such"),
        ("ids", pa.array([b"1"] * 4, pa.binary_view()), "row 1: column _id must be an integer or text"),
        ("ids", pa.array([uuid.UUID(int=1)] * 4, pa.uuid()), "row 1: column _id must be an integer or text"),
        ("text", pa.array([b"hemlig"] * 4, pa.large_binary()), "row 1: column text must be text"),
        ("text", pa.array([["hemlig"]] * 4, pa.list_view(TEXT)), "row 1: column text must be text"),
        ("text", extension(pa.array([1, 2, 3, 4])), "row 1: column text must be text"),
        ("target", pa.array([[1], None, None, None]), "row 1: column target must be a list of codes"),
        ("target", pa.array([[["I10"]], None, None, None]), "row 1: column target must be a list of codes"),
        ("target", pa.array([[{"code": "I10"}]] * 4), "row 1: column target must be a list of codes"),
        ("target", pa.array([{"a": "I10"}] * 4), "row 1: column target must be a list of codes"),
        ("target", pa.array([["I10"], ["E11\n.9"], [], []]), "row 2: column target must be codes without line breaks"),
        ("target", in_lists(lambda flat: pa.array([uuid.UUID(int=1)] * len(flat), pa.uuid())), "cannot be read"),
        ("ids", UNION, "a column of a type that cannot be read"),
    ],
)  # fmt: skip
def test_what_is_none_of_these_is_refused(write, column, values, message):
    with pytest.raises(UserError, match=message) as error:
        read(write(**{column: values}))
    assert "hemlig" not in str(error.value)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.none() | st.lists(st.none() | st.text(max_size=14), max_size=3), min_size=1, max_size=8),
    st.sampled_from([pa.list_, pa.large_list, pa.list_view, pa.large_list_view]),
    st.sampled_from([TEXT, LARGE, VIEW]),
    st.integers(0, 3),
)
def test_no_cast_loses_a_value(values, lists, text, cut):
    """The casts are Arrow's own; one of them (of list views, in pyarrow 26) gives empty lists where there are codes."""
    column = pa.chunked_array([pa.array(values, lists(text)).slice(cut), pa.array(values, lists(text))])
    assert sources._canonical(column).to_pylist() == column.to_pylist()
    flat = [value for row in values for value in row or []]
    for array in (pa.array(flat, text).slice(cut), pa.array(flat, TEXT).dictionary_encode().slice(cut)):
        assert sources._canonical(pa.chunked_array([array])).to_pylist() == array.to_pylist()
