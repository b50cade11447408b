import gzip
import random
import re
from collections import Counter
from dataclasses import replace
from statistics import mean

import pandas as pd
import pytest

from synthnotes.corpus.cleaning import clean_note
from synthnotes.demo import mimic
from synthnotes.demo.clinic import load_clinic
from synthnotes.demo.english import Person, write_note
from synthnotes.demo.scale import DEMO, TOY

COLUMNS = {
    "note/discharge": "note_id subject_id hadm_id note_type note_seq charttime storetime text",
    "hosp/diagnoses_icd": "subject_id hadm_id seq_num icd_code icd_version",
    "hosp/procedures_icd": "subject_id hadm_id seq_num chartdate icd_code icd_version",
    "hosp/d_icd_diagnoses": "icd_code icd_version long_title",
    "hosp/d_icd_procedures": "icd_code icd_version long_title",
}
SECTIONS = (
    "Chief Complaint:",
    "Major Surgical or Invasive Procedure:",
    "History of Present Illness:",
    "Past Medical History:",
    "Social History:",
    "Family History:",
    "Physical Exam:",
    "Pertinent Results:",
    "Brief Hospital Course:",
    "Medications on Admission:",
    "Discharge Medications:",
    "Discharge Disposition:",
    "Facility:",
    "Discharge Diagnosis:",
    "Discharge Condition:",
    "Discharge Instructions:",
    "Followup Instructions:",
)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mimic")
    mimic.write(folder, TOY, seed=7)
    return {name: pd.read_csv(folder / f"{name}.csv.gz", dtype=str) for name in COLUMNS}


@pytest.fixture(scope="module")
def written():
    """Cases of the full clinic with their raw notes."""
    clinic, rng = load_clinic("english"), random.Random(5)
    cases = [clinic.sample_case(rng) for _ in range(900)]
    return [(case, write_note(case, Person(rng.choice("FM"), rng.randint(30, 90)), rng)) for case in cases]


def test_files_have_physionets_columns_and_ids(tables):
    for name, columns in COLUMNS.items():
        assert list(tables[name].columns) == columns.split()
    notes = tables["note/discharge"]
    assert notes["note_id"].is_unique
    assert (notes["note_id"] == notes["subject_id"] + "-DS-" + notes["note_seq"]).all()
    assert notes["subject_id"].str.fullmatch(r"1\d{7}").all()
    assert notes["hadm_id"].str.fullmatch(r"2\d{7}").all()
    assert notes["charttime"].str.fullmatch(r"2[1-2]\d\d-\d\d-\d\d 00:00:00").all()
    diagnoses = tables["hosp/diagnoses_icd"]
    assert diagnoses["hadm_id"].nunique() == TOY.mimic_admissions
    assert diagnoses["subject_id"].nunique() == TOY.mimic_patients
    assert not diagnoses["icd_code"].str.contains(".", regex=False, na=False).any()
    assert (
        diagnoses.groupby("hadm_id")["seq_num"].apply(list).map(lambda s: s == [*map(str, range(1, len(s) + 1))])
    ).all()


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    scale = replace(TOY, mimic_admissions=30, mimic_patients=20, diagnoses=12, procedures=3)
    for folder, seed in (("one", 1), ("again", 1), ("other", 2)):
        mimic.write(tmp_path / folder, scale, seed)
    files = [f"{name}.csv.gz" for name in COLUMNS]
    read = {folder: [(tmp_path / folder / file).read_bytes() for file in files] for folder in ("one", "again", "other")}
    assert read["one"] == read["again"]
    assert read["one"][0] != read["other"][0]
    assert gzip.decompress(read["one"][0]).startswith(b"note_id,")


def test_every_kind_of_dirt_is_there(tables):
    notes, diagnoses = tables["note/discharge"], tables["hosp/diagnoses_icd"]
    assert notes["text"].isna().any()
    assert (notes["text"].dropna().str.strip() == "").any()
    texts = notes["text"].dropna().loc[lambda t: t.str.strip() != ""]
    assert 0 < texts.duplicated().sum() < 0.03 * len(texts)
    several = notes[notes["hadm_id"].duplicated(keep=False)].groupby("hadm_id")["text"].nunique()
    assert (several > 1).any()
    assert set(diagnoses["hadm_id"]) - set(notes["hadm_id"])
    versions = diagnoses.groupby("hadm_id")["icd_version"].agg(set)
    assert (versions.map(lambda v: v == {"9"})).any()
    assert (versions.map(lambda v: v == {"9", "10"})).any()
    assert diagnoses["icd_code"].isna().any()
    assert diagnoses.duplicated(["hadm_id", "icd_code", "icd_version"]).any()
    titles = tables["hosp/d_icd_diagnoses"]
    described = set(titles.loc[titles["icd_version"] == "10", "icd_code"])
    ten = diagnoses.loc[diagnoses["icd_version"] == "10", "icd_code"].dropna()
    assert len(set(ten) - described) == 1
    assert (titles["icd_code"] == "E871").sum() == 2  # one code, two versions, two meanings
    assert tables["hosp/procedures_icd"]["icd_code"].str.startswith("0").any()
    assert (ten.value_counts() >= 10).sum() >= 12


def test_rare_codes_of_the_demo_stay_rare():
    clinic, rng = load_clinic("english"), random.Random(11)
    cases = [clinic.sample_case(rng) for _ in range(DEMO.mimic_admissions)]
    counts = Counter(entry.code for case in cases for entry in (*case.procedures, *case.diagnoses))
    rare = {d.code for d in clinic.diagnoses if d.weight < mimic.RARE_WEIGHT}
    assert {code for code, count in counts.items() if count < 10} == rare & counts.keys() != set()


def test_raw_notes_have_mimics_sections_and_manners(written):
    for _, note in written[:50]:
        positions = [note.index(f"\n{section}\n") for section in SECTIONS]
        assert positions == sorted(positions)
        assert re.match(r" \nName:  ___ +Unit No:   ___\n", note)
        assert re.search(r"^___ \d\d:\d\d BP \d+/\d+", note, re.MULTILINE)
        assert re.search(r"^___ \d\d:\d\dAM BLOOD WBC-", note, re.MULTILINE)


def test_clean_notes_have_their_size_and_nothing_that_cleaning_drops(written):
    texts = [clean_note(note) for _, note in written]
    lengths = [len(text.split()) for text in texts]
    assert 110 <= mean(lengths) <= 160
    assert min(lengths) >= 60
    assert max(lengths) <= 260
    words = {word.lower() for text in texts for word in re.findall(r"[^\W\d]+", text)}
    assert len(words) <= 2500
    for text in texts:
        assert text.startswith("Chief Complaint: ")
        assert "Discharge Diagnosis:" in text
        assert not re.search("BLOOD|PO DAILY|BP |Discharge Condition|Unit No", text)
        assert not re.search(r"[{}\[\]<>]", text)


def test_each_code_speaks_up_in_the_order_of_the_codes(written):
    for case, note in written[:200]:
        course = re.search(r"Brief Hospital Course:\n(.*?)\n\n", note, re.DOTALL)[1]
        headings = re.findall(r"^# ?([^:]+):", course, re.MULTILINE)
        entries = [*case.procedures, *case.diagnoses]
        assert len(headings) == len(entries)
        for heading, entry in zip(headings, entries, strict=True):
            patterns = [re.sub(r"\{(.*?)\}", r"(\1)", name) for name in entry.wording["names"]]
            assert any(re.fullmatch(pattern, heading) for pattern in patterns)


def test_pretraining_texts_are_clean_notes_of_others(tables):
    texts = [case.note for case in mimic.sample_pretraining_cases(40, seed=7)]
    assert len(texts) == 40
    assert texts == [case.note for case in mimic.sample_pretraining_cases(40, seed=7)]
    demo = {clean_note(text) for text in tables["note/discharge"]["text"].dropna()}
    assert not demo & set(texts)
    assert all(text.startswith("Chief Complaint: ") for text in texts)


def test_choose_takes_at_least_one_and_never_more_than_there_are():
    rng = random.Random(1)
    assert len(mimic.choose(1000, 0.02, rng)) == 20
    assert len(mimic.choose(10, 0.02, rng)) == 1
    assert mimic.choose(0, 0.02, rng) == []
