"""Both corpora from source tables to notes with codes, every kind of dirt once; then both stages on files."""

import gzip

import pandas as pd
import pytest
from own_data import ROOT, describe, mimic_files, parameters_of_own_data, prepare, put_release

from synthnotes.corpus import mimic, table
from synthnotes.corpus import notes as note_table
from synthnotes.corpus.attrition import Attrition, Corpus, add_descriptions, list_codes
from synthnotes.corpus.splits import divide
from synthnotes.generation.records import read_records
from synthnotes.machinery.files import UserError, read_json
from synthnotes.machinery.language import read_language
from synthnotes.machinery.params import CorpusParams

SETTINGS = {
    "minimum_notes_per_code": 2,
    "prompts_share": 0.25,
    "evaluation_share": 0.25,
    "validation_share": 0.2,
    "published_subsets": {"L": "train", "S": "val", "E": "test"},
    "seed": 3,
}
ENGLISH = read_language(ROOT / "languages/en.yaml")
DISCLOSED = ("r.json", "attrition.csv")  # what `cohort` writes


def coded(*rows):
    return pd.DataFrame(rows, columns=["hadm_id", "icd_code", "icd_version"], dtype=str)


def test_codes_of_admissions():
    procedures = coded(("1", "02703ZZ", "10"), ("1", "0066", "9"), ("2", " ", "10"))
    diagnoses = coded(
        ("1", "I10", "10"), ("1", "E119", "10"), ("1", "I10", "10"), ("1", "i10", "10"), ("2", "4019", "9"),
        ("2", "", "10"), ("3", "no code", "10"), ("3", "A00", "10"),
    )  # fmt: skip
    attrition = Attrition(names_patients=True)
    codes = mimic.collect_codes({"procedure": procedures, "diagnosis": diagnoses}, attrition)
    assert codes.to_dict() == {"1": ["02703ZZ", "E11.9", "I10"], "3": ["A00"]}
    assert attrition.code_rows["procedure"] == {
        "released": 3, "kept": 1,
        "dropped_null": 1, "dropped_repeated": 0, "dropped_version_9": 1, "dropped_invalid": 0,
    }  # fmt: skip
    assert attrition.code_rows["diagnosis"] == {
        "released": 8, "kept": 3,
        "dropped_null": 1, "dropped_repeated": 2, "dropped_version_9": 1, "dropped_invalid": 1,
    }  # fmt: skip


def test_mimic_notes_and_their_attrition():
    rows = [
        ("p1", "1", "1", "early"), ("p1", "1", "10", "Facility: x\nChief Complaint:\nlast"), ("p1", "1", "9", "middle"),
        ("p1", "2", "3", ""), ("p2", "3", "2", "same"), ("p2", "3", "3", "same"), ("p2", "", "4", "nowhere"),
        ("p3", "4", "1", "no codes"), ("p4", "5", "1", "rare code"), ("p5", "6", "1", "Discharge Condition: ok"),
    ]  # fmt: skip
    notes = pd.DataFrame(rows, columns=["subject_id", "hadm_id", "note_seq", "digest"])
    codes = pd.Series({"1": ["I10", "A00"], "3": ["I10"], "5": ["A01"], "6": ["I10"]})
    attrition = Attrition(names_patients=True)
    selected = mimic.select_notes(notes, codes, 2, attrition)
    assert selected.reset_index().values.tolist() == [
        [1, "1", "p1", ["I10"]], [4, "3", "p2", ["I10"]], [9, "6", "p5", ["I10"]],
    ]  # fmt: skip
    assert {step: counts["dropped"] for step, counts in attrition.steps.items()} == {
        "released": 0, "with_text": 1, "with_admission": 1, "without_duplicates": 1, "one_per_admission": 2,
        "with_icd10_codes": 1, "without_rare_codes": 1,
    }  # fmt: skip
    assert sum(counts["dropped"] for counts in attrition.steps.values()) == len(notes) - len(selected)
    assert attrition.steps["with_icd10_codes"] == {
        "notes": 4, "admissions": 4, "patients": 4, "codes": 3, "dropped": 1, "dropped_admissions": 1,
        "dropped_patients": 1, "dropped_codes": None, "why": "no ICD-10 code",
    }  # fmt: skip
    assert attrition.steps["without_rare_codes"]["codes"] == 1


def test_titles_are_those_of_version_10(tmp_path):
    path = tmp_path / "d_icd_diagnoses.csv"
    path.write_text("icd_code,icd_version,long_title\nE119,9,old\nE119,10, Type 2 \nE119,10,again\nI10,10,\n")
    assert mimic.read_titles(path, "diagnosis") == {"E11.9": "Type 2"}


def test_rare_codes_descriptions_and_code_set():
    notes = pd.DataFrame({"codes": [["0DTJ4ZZ", "I10"], ["I10", "E11.9"], ["A00"]]})
    frequent = Attrition(names_patients=False).keep_frequent_codes(notes, 2)
    assert frequent["codes"].tolist() == [["I10"], ["I10"]]
    titles = {"E11.9": "Type 2", "0DTJ4ZZ": "Resection", "Z99.9": "unused"}
    assert add_descriptions(notes, titles)["descriptions"].tolist() == [["Resection"], ["Type 2"], []]
    assert list_codes(notes, titles).values.tolist() == [
        ["0DTJ4ZZ", "Resection", "procedure"], ["A00", "", "diagnosis"],
        ["E11.9", "Type 2", "diagnosis"], ["I10", "", "diagnosis"],
    ]  # fmt: skip


def test_sepr_notes_and_their_attrition():
    rows = [
        ("1", "äldre", ["A00"]), ("2", None, ["A00"]), ("1", "senare", ["I10.9", "I109", "??"]), ("3", "kodlös", None),
    ]  # fmt: skip
    attrition = Attrition(names_patients=False)
    notes = pd.DataFrame(rows, columns=["note_id", "text", "codes"])
    notes = notes.assign(patient_id=notes["note_id"], assigned=notes.pop("codes").map(table.codes_in))
    prepared = table.prepare_notes(notes, ["diagnosis"], 1, attrition)
    assert prepared.values.tolist() == [["1", "1", "senare", ["I10.9"]]]
    assert {step: counts["dropped"] for step, counts in attrition.steps.items() if counts["dropped"]} == {
        "with_text": 1, "one_per_id": 1, "with_icd10_codes": 1,
    }  # fmt: skip
    rows = {"released": 3, "dropped_repeated": 1, "dropped_invalid": 1, "kept": 1}
    assert attrition.code_rows == {"diagnosis": rows}
    assert attrition.steps["released"]["patients"] is None


def test_division_follows_a_published_split_and_counts_what_it_leaves_out():
    notes = pd.DataFrame({"note_id": list("12345"), "patient_id": list("aabcd"), "text": ["x y"] * 5})
    notes["codes"] = [["I10"], ["A00"], ["I10"], ["A00"], ["I10"]]
    attrition = Attrition(names_patients=True)
    attrition.keep("cleaned", notes)
    corpus = Corpus(notes, {"I10": "Hypertension"}, {}, attrition, [])
    published = pd.Series(["L", "S", "E", "L", None], dtype="str")
    subsets = divide(corpus, CorpusParams(**SETTINGS), published)
    assert {name: table["note_id"].tolist() for name, table in subsets.tables.items()} == {
        "L": ["1", "4"], "S": ["2"], "E": ["3"],
    }  # fmt: skip
    assert attrition.steps["in_split_file"]["dropped"] == 1
    assert subsets.groups["groups"] == 1  # one text: nobody could have been parted
    assert subsets.codes["title"].tolist() == ["", "Hypertension"]
    assert subsets.tables["L"]["descriptions"].tolist() == [["Hypertension"], []]
    assert subsets.tables["E"]["fold"].tolist() == ["evaluation"]


@pytest.fixture
def project(project):
    put_release(project / "mimic", mimic_files())
    return project


def test_the_stages(project):
    assert prepare(project, "mimic").startswith("mimic: 40 notes")
    tables = [note_table.read(project / f"out/notes/real_{subset}.parquet") for subset in "lse"]
    assert sum(map(len, tables)) == 40
    assert sum(table["patient_id"].nunique() for table in tables) == 20
    assert tables[0].iloc[0]["codes"] == ["0DTJ4ZZ", "E11.9", "I10"]
    assert tables[0].iloc[0]["descriptions"] == ["Hypertension"]
    assert (project / "out/codes.csv").read_text() == (
        "code,title,kind\n0DTJ4ZZ,,procedure\nE11.9,,diagnosis\nI10,Hypertension,diagnosis\n"
    )
    results = describe(project, "mimic")
    assert results["codes"]["without_description"] == 2
    assert len(results["sources_sha256"]) == 5
    first = [path.read_bytes() for path in sorted((project / "out").rglob("*.*"))]
    assert len(first) == 11
    prepare(project, "mimic")
    describe(project, "mimic")
    assert first == [path.read_bytes() for path in sorted((project / "out").rglob("*.*"))]


def test_records_are_those_of_l_and_s_in_their_order(project):
    prepare(project, "mimic")
    for name, subset in (("training", "l"), ("prompts", "s")):
        records = read_records(project / f"out/records/{name}.jsonl")
        table = note_table.read(project / f"out/notes/real_{subset}.parquet")
        assert [record.id for record in records] == table["note_id"].tolist()
        assert [record.output for record in records] == table["text"].tolist()
        assert {tuple(record.input) for record in records} == {("Hypertension",)}
    assert sorted(path.name for path in (project / "out/records").iterdir()) == ["prompts.jsonl", "training.jsonl"]


def test_the_cohort_by_hand(project):
    """40 notes of six words, two for each patient, all with the same three codes, of which one has a title."""
    prepare(project, "mimic")
    results = describe(project, "mimic")
    sizes = {"L": 22, "S": 10, "E": 8}  # of 21.6, 10.4 and 8 wanted, in twos
    assert results["subsets"] == {  # validation: of 2.2 and 1.0 wanted
        "L": {"notes": 22, "patients": 11, "codes": 3, "train": 20, "validation": 2, "evaluation": 0},
        "S": {"notes": 10, "patients": 5, "codes": 3, "train": 8, "validation": 2, "evaluation": 0},
        "E": {"notes": 8, "patients": 4, "codes": 3, "train": 0, "validation": 0, "evaluation": 8},
    }
    alike = {"share_of_codes_missing": 0.0, "kl_divergence": 0.0}
    assert results["splits"]["by"] == "patient, iterative stratification"
    assert results["splits"]["groups"] == {
        "groups": 20, "notes_in_largest": 2, "notes_of_same_text": 0, "texts_shared": 0,
    }  # fmt: skip
    assert results["splits"]["quality"] == {
        name: {"notes": sizes[name], "share_of_notes": sizes[name] / 40, "share_wanted": wanted} | alike
        for name, wanted in {"L": 0.54, "S": 0.26, "E": 0.2}.items()
    }
    assert results["splits"]["folds"]["S"] == {
        "train": {"notes": 8, "share_of_notes": 0.8, "share_wanted": 0.9} | alike,
        "validation": {"notes": 2, "share_of_notes": 0.2, "share_wanted": 0.1} | alike,
    }
    for name, subset in {"training": "L", "prompts": "S"}.items():
        assert results["records"][name] == {
            "records": sizes[subset], "codes": 3 * sizes[subset], "codes_without_description": 2 * sizes[subset],
            "prompts_shortened": sizes[subset], "prompts_without_descriptions": 0, "mean_descriptions": 1.0,
            "mean_prompt_words": len(ENGLISH.render_prompt(["Hypertension"]).split()), "mean_note_words": 6.0,
        }  # fmt: skip


def test_the_stages_with_a_published_split(project):
    labels = ["train"] * 20 + ["val"] * 10 + ["test"] * 10
    pd.DataFrame({"_id": range(40), "splits": labels}).to_feather(project / "mimic/splits.feather")
    prepare(project, "mimic")
    assert note_table.read(project / "out/notes/real_s.parquet")["note_id"].tolist() == [str(i) for i in range(20, 30)]
    results = describe(project, "mimic")
    assert results["splits"]["by"] == "published split file"
    assert results["splits"]["quality"]["L"]["share_wanted"] is None
    assert results["splits"]["file"] == {
        "rows": 40, "ids": 40, "ids_repeated": 0, "ids_in_several_subsets": 0, "ids_unknown": 0, "notes_not_named": 0,
    }  # fmt: skip
    assert "splits.feather" in results["sources_sha256"]


def test_the_facts_are_whole_and_the_results_suppressed(project):
    """What is prepared is the same whatever may be disclosed of it."""
    notes = project / "mimic/note/discharge.csv.gz"
    notes.write_bytes(gzip.compress(gzip.decompress(notes.read_bytes()) + b"x,99,99,1,\n"))
    prepare(project, "mimic")
    assert describe(project, "mimic")["attrition"]["with_text"]["dropped"] == 1
    prepared = [path.read_bytes() for path in sorted((project / "out").rglob("*.*")) if path.name not in DISCLOSED]
    (project / "params.yaml").write_text(parameters_of_own_data(minimum_patients=10))
    prepare(project, "mimic")
    assert prepared == [p.read_bytes() for p in sorted((project / "out").rglob("*.*")) if p.name not in DISCLOSED]
    assert read_json(project / "out/facts/facts.json")["attrition"]["with_text"]["dropped"] == 1
    results = describe(project, "mimic")
    assert results["attrition"]["with_text"] == dict.fromkeys(results["attrition"]["with_text"]) | {"why": "no text"}
    assert set(results["subsets"]["S"].values()) == {None}  # of four patients
    assert "with_text" not in pd.read_csv(project / "out/attrition.csv")["step"].tolist()


def test_own_data_called_the_demo_s_leave_no_output(project):
    (project / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    with pytest.raises(UserError, match=r"mimic/note/discharge\.csv\.gz: not the demo's"):
        prepare(project, "mimic")
    assert not (project / "out").exists()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": range(40), "split": ["train"] * 40}, "column _id is missing .found: id, split"),
        ({"_id": range(40), "part": ["train"] * 40}, "column split or splits is missing"),
        ({"_id": range(40), "split": ["train", "dev"] * 20}, "row 2: a label that is none of"),
    ],
)
def test_a_split_file_that_does_not_fit_leaves_no_output(project, columns, message):
    path = project / "mimic/splits.feather"
    pd.DataFrame(columns).to_feather(path)
    with pytest.raises(UserError, match=message) as error:
        prepare(project, "mimic")
    assert str(path) in str(error.value)
    assert not (project / "out").exists()


def test_the_attrition_of_the_stages(project):
    prepare(project, "mimic")
    describe(project, "mimic")
    attrition = pd.read_csv(project / "out/attrition.csv")
    assert attrition["of"].unique().tolist() == ["notes", "procedures", "diagnoses"]
    assert attrition.query("of == 'notes' and unit == 'notes'")["left"].tolist() == [40] * 8
    assert attrition.query("of == 'diagnoses'")["left"].tolist() == [80] * 5


def test_no_note_left_says_why(project):
    old = {name: content.replace(",10\n", ",9\n") for name, content in mimic_files().items()}
    put_release(project / "mimic", {"hosp/diagnoses_icd": old["hosp/diagnoses_icd"]})
    assert prepare(project, "mimic").endswith("1 codes")  # the procedure remains
    put_release(project / "mimic", old)
    with pytest.raises(UserError, match=r"no note is left: 40 dropped \(no ICD-10 code\)"):
        prepare(project, "mimic")
