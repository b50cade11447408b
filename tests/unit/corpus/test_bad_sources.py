"""Releases as downloaded and as damaged: nested folders, plain files, strange notes; nothing is dropped in silence."""

from pathlib import Path

import pytest
from own_data import CODES, MIMIC, describe, mimic_files, prepare, put_release

from synthnotes.corpus import mimic
from synthnotes.corpus import notes as note_table
from synthnotes.machinery.files import UserError

WGET = {"note": "physionet.org/files/mimic-iv-note/2.2", "hosp": "physionet.org/files/mimiciv/3.1"}


@pytest.mark.parametrize("ending", [".csv.gz", ".csv"])
@pytest.mark.parametrize("places", [None, WGET])
def test_releases_as_downloaded(project, ending, places):
    put_release(project / "mimic", mimic_files(), ending, places)
    assert prepare(project, "mimic").startswith("mimic: 40 notes")
    release = describe(project, "mimic")["release"]
    assert (release["mimic_iv"], release["mimic_iv_note"]) == (("3.1", "2.2") if places else (None, None))


def load(project, **changed):
    put_release(
        project / "mimic", mimic_files() | {name.replace("__", "/"): content for name, content in changed.items()}
    )
    return mimic.load(project / "mimic", MIMIC, 1)


def test_codes_in_any_spelling_are_one_code(project):
    spelled = CODES + "".join(f"0,0,{n},{code},10\n" for n, code in enumerate(["E11.9", "e119", " E119 ", '"E11.9 "']))
    corpus = load(project, hosp__diagnoses_icd=spelled)
    assert corpus.notes["codes"][0] == ["0DTJ4ZZ", "E11.9"]
    assert corpus.attrition.code_rows["diagnosis"]["dropped_repeated"] == 3


def test_a_note_of_white_space_is_counted(project):
    extra = '41-DS-1,20,41,1," \n\t "\n42-DS-1,20,42,1,"\u00a0\u2003"\n43-DS-1,20,43,1,\n'
    corpus = load(project, note__discharge=mimic_files()["note/discharge"] + extra)
    assert corpus.attrition.steps["with_text"]["dropped"] == 3
    assert len(corpus.notes) == 40


def test_an_admission_without_a_patient_is_counted(project):
    extra = "42-DS-1,,1,1,no patient\n43-DS-1,7,,1,no admission\n"
    corpus = load(project, note__discharge=mimic_files()["note/discharge"] + extra)
    assert corpus.attrition.steps["with_admission"]["dropped"] == 2
    assert len(corpus.notes) == 40


def test_a_note_with_nothing_left_after_cleaning_is_counted(project):
    notes = mimic_files()["note/discharge"].replace('Chief Complaint:\nNote ""1""', "Discharge Condition:")
    corpus = load(project, note__discharge=notes)
    assert corpus.attrition.steps["cleaned"]["dropped"] == 1
    assert corpus.notes["note_id"].tolist() == [str(i) for i in range(40) if i != 1]


def test_a_note_of_five_megabytes(project):
    long = '44-DS-1,20,39,2,"' + "word, quoted\n" * 310_000 + '"\n'
    corpus = load(project, note__discharge=mimic_files()["note/discharge"] + long)
    assert len(corpus.notes["text"][39]) > 4_000_000


def test_texts_stay_with_their_notes_over_many_blocks(project, monkeypatch):
    monkeypatch.setattr("synthnotes.corpus.sources.BLOCK_BYTES", 1000)
    corpus = load(
        project, note__discharge=mimic_files(200)["note/discharge"], hosp__diagnoses_icd=CODES + "1,3,1,I10,10\n"
    )
    assert corpus.notes["text"].tolist() == [f"Chief Complaint: Note {i} , {i}" for i in range(40)]


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("note/discharge", ",", ";", "column subject_id is missing .*comma-separated"),
        ("note/discharge", "note_seq", "seq", "column note_seq is missing"),
        ("note/discharge", "Note", b"N\xf6te", r"row 2: text that is not UTF-8"),
        ("note/discharge", "3-DS-1,1,3,1", "3-DS-1,1,3,first", r"row 4 below .*note_seq must be an integer"),
        ("note/discharge", "3-DS-1,1,3,1", f"3-DS-1,1,3,{'1' * 30}", r"row 4 below .*note_seq must be .* 18 digits"),
        ("note/discharge", "3-DS-1,1,3,", "3-DS-1,1,٣,", r"row 4 below .*hadm_id must be an integer"),
        ("note/discharge", "3-DS-1,1,3,", "3-DS-1,1,3.0,", r"row 4 below .*hadm_id must be an integer"),
        ("note/discharge", "3-DS-1,1,3,", "3-DS-1,1,003,", r"row 4 below .*hadm_id must be an integer without leading"),
        ("note/discharge", "3-DS-1,1,3,", "3-DS-1,p1,3,", r"row 4 below .*subject_id must be an integer"),
        ("hosp/procedures_icd", "icd_version", "version", "column icd_version is missing"),
        ("hosp/procedures_icd", ",10\n", ",ten\n", "row 1 below .*icd_version must be 9 or 10"),
        ("hosp/d_icd_diagnoses", "long_title", "title", "column long_title is missing"),
        ("hosp/d_icd_diagnoses", ",Hyper", ",Hyper,", "row 2 has 4 columns instead of 3"),
    ],
)
def test_damaged_files_are_named_and_leave_no_output(project, name, old, new, message):
    files = mimic_files()
    new = new if isinstance(new, bytes) else new.encode()
    put_release(project / "mimic", files | {name: files[name].encode().replace(old.encode(), new)})
    with pytest.raises(UserError, match=message) as error:
        prepare(project, "mimic")
    assert str(error.value).startswith(f"{project}/mimic/{name}.csv.gz: ")
    assert not (project / "out").exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [(Path.unlink, "no such file.*make check"), (lambda path: path.write_bytes(b""), "the file is empty")],
)
def test_a_file_that_is_not_there_or_empty_leaves_no_output(project, damage, message):
    put_release(project / "mimic", mimic_files())
    path = project / "mimic/hosp/d_icd_diagnoses.csv.gz"
    damage(path)
    with pytest.raises(UserError, match=message) as error:
        prepare(project, "mimic")
    assert str(path) in str(error.value)
    assert not (project / "out").exists()


@pytest.mark.parametrize("cut", [1, 8, 200])
def test_a_gzip_file_cut_off_anywhere_is_refused(project, cut):
    put_release(project / "mimic", mimic_files())
    path = project / "mimic/note/discharge.csv.gz"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(UserError, match=r"discharge.csv.gz: .*(truncated|complete)"):
        prepare(project, "mimic")
    assert not (project / "out").exists()


def test_a_plain_file_cut_off_within_a_note_is_refused(project):
    put_release(project / "mimic", mimic_files(), ".csv")
    path = project / "mimic/note/discharge.csv"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UserError, match=r"discharge.csv: line 81: a quotation mark begins a field that does not end"):
        prepare(project, "mimic")


def test_a_file_that_is_not_the_one_in_the_list_of_checksums_is_refused(project):
    put_release(project / "mimic", mimic_files())
    (project / "mimic/SHA256SUMS.txt").write_text(f"{'0' * 64} note/discharge.csv.gz\n")
    with pytest.raises(UserError, match=r"discharge.csv.gz: not the file that .*SHA256SUMS.txt lists"):
        prepare(project, "mimic")


def test_a_failed_run_leaves_the_tables_of_the_last_one(project):
    put_release(project / "mimic", mimic_files())
    prepare(project, "mimic")
    put_release(project / "mimic", {"note/discharge": "note_id,subject_id,hadm_id,note_seq,text\n"})
    with pytest.raises(UserError, match="no rows below the column names"):
        prepare(project, "mimic")
    assert sum(len(note_table.read(path)) for path in (project / "out/notes").glob("real_*.parquet")) == 40
