"""SEPR's files, whole and damaged: each error names file, row and remedy, and what is dropped is counted."""

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pytest
from own_data import describe, prepare

from synthnotes.corpus import notes as note_table
from synthnotes.machinery.files import UserError

TITLES = "code,transcription\ni109,Högt blodtryck\ne119,Diabetes\n"


def notes(**changed):
    return {
        "_id": list(range(40)),
        "text": [f"hemlig anteckning {n}" for n in range(40)],
        "target": [["I10.9", "E11.9"]] * 40,
    } | changed


@pytest.fixture
def project(project):
    put(project / "sepr", notes())
    (project / "sepr/descriptions.csv").write_text(TITLES, encoding="utf-8")
    return project


def put(folder, columns):
    folder.mkdir(exist_ok=True)
    feather.write_feather(pa.table(columns), folder / "notes.feather")


def refused(project, file, message):
    with pytest.raises(UserError, match=message) as error:
        prepare(project, "sepr")
    assert str(error.value).startswith(f"{project}/sepr/{file}: ")
    assert "hemlig" not in str(error.value)
    assert not (project / "out").exists()


@pytest.mark.parametrize("cut", [1, 60, 800])
def test_a_truncated_file_of_notes(project, cut):
    path = project / "sepr/notes.feather"
    path.write_bytes(path.read_bytes()[:-cut])
    refused(project, "notes.feather", "not a complete feather file. Copy it again")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": [1], "text": ["a"], "target": [["I10"]]}, "column _id is missing .found: id, text, target"),
        ({"_id": [1], "text": ["a"]}, "column target is missing"),
        ({"_id": [], "text": [], "target": []}, "no rows"),
        (notes(_id=[n + 0.5 * (n == 6) for n in range(40)]), r"row 7: column _id must be an integer or text \(1 such"),
        (notes(_id=[n % 2 > 0 for n in range(40)]), "row 1: column _id must be an integer or text"),
        (notes(text=list(range(40))), "row 1: column text must be text .40 such rows"),
        (notes(text=[b"hemlig"] * 40), "row 1: column text must be text"),
        (notes(target=[[109, 119]] * 40), "row 1: column target must be a list of codes, or text"),
        (notes(target=[None] + [{"code": "I10"}] * 39), "row 2: column target must be a list of codes, or text"),
    ],
)
def test_a_file_of_notes_of_another_shape(project, columns, message):
    put(project / "sepr", columns)
    refused(project, "notes.feather", message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TITLES.encode("latin-1"), r"row 2: text that is not UTF-8 .*Convert it"),
        (TITLES.replace(",", ";").encode(), "column code is missing .found: code;transcription.* comma-separated"),
        (TITLES.replace("transcription", "title").encode(), "column transcription is missing"),
        (TITLES.replace("Diabetes", "Diabetes, typ 2").encode(), "row 3 has 3 columns instead of 2"),
        (b"", "the file is empty"),
    ],
)
def test_a_damaged_file_of_descriptions(project, content, message):
    (project / "sepr/descriptions.csv").write_bytes(content)
    refused(project, "descriptions.csv", message)


@pytest.mark.parametrize("file", ["notes.feather", "descriptions.csv"])
def test_an_absent_file(project, file):
    (project / "sepr" / file).unlink()
    refused(project, file, "no such file or folder. `make check`")


def test_what_is_dropped_is_counted(project):
    texts = [" \n\t", None, "", *notes()["text"][3:]]
    targets = [["I10.9"]] * 37 + [["??", None], None, ["inga", "koder"]]
    put(project / "sepr", notes(_id=[*range(37), 37, None, 38], text=texts, target=targets))
    prepare(project, "sepr")
    results = describe(project, "sepr")
    dropped = {step: counts["dropped"] for step, counts in results["attrition"].items() if counts["dropped"]}
    assert dropped == {"with_text": 3, "with_id": 1, "with_icd10_codes": 2}
    assert results["code_rows"]["diagnosis"]["dropped_invalid"] == 3  # "??", "inga", "koder"


def test_a_note_of_five_megabytes(project):
    put(project / "sepr", notes(text=["å" * 2_500_000, *notes()["text"][1:]]))
    prepare(project, "sepr")
    written = pd.concat(note_table.read(path) for path in (project / "out/notes").glob("real_*.parquet"))
    assert written.set_index("note_id").loc["0", "text"] == "å" * 2_500_000


def split_file(project, ids, labels):
    feather.write_feather(pa.table({"_id": ids, "splits": labels}), project / "sepr/splits.feather")


def test_a_split_file_with_repeated_ids_is_resolved_and_counted(project):
    labels = ["train"] * 20 + ["test"] * 10 + ["val"] * 10
    split_file(project, [*range(40), 0, 1, 25, 900], [*labels, "val", "train", "train", "val"])  # 0: E; 25: S
    prepare(project, "sepr")
    found = describe(project, "sepr")["splits"]["file"]
    assert found == {
        "rows": 44, "ids": 41, "ids_repeated": 3, "ids_in_several_subsets": 2, "ids_unknown": 1, "notes_not_named": 0,
    }  # fmt: skip
    assert note_table.read(project / "out/notes/real_s.parquet")["note_id"].tolist() == [str(n) for n in range(20, 30)]
    assert "0" in note_table.read(project / "out/notes/real_e.parquet")["note_id"].tolist()


@pytest.mark.parametrize("name", ["splits.csv", "mimiciv_icd10_split.feather", "Splits.FEATHER", "split.feather.gz"])
def test_a_split_file_under_another_name_is_not_passed_over(project, name):
    (project / "sepr" / name).write_bytes(b"")
    refused(project, name, "must be called splits.feather")
    (project / "sepr" / name).rename(project / "sepr" / f"._{name}")
    prepare(project, "sepr")


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (range(900, 940), "none of the file's 40 ids is one of the corpus's 40 notes"),
        ([n + 0.25 for n in range(40)], "row 1: column _id must be an integer or text .40 such rows"),
        ([*range(39), None], "row 40: no id"),
    ],
)
def test_a_split_file_that_does_not_fit(project, ids, message):
    split_file(project, list(ids), ["train"] * 20 + ["test"] * 10 + ["val"] * 10)
    refused(project, "splits.feather", message)
