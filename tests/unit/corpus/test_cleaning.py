"""Cleaning, rule by rule, on invented notes; and of many notes, by several processes."""

import os
import re
import signal
import sys
from itertools import count

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthnotes.corpus import cleaning, mimic
from synthnotes.corpus.cleaning import clean_note, clean_notes
from synthnotes.machinery.files import UserError
from synthnotes.machinery.parallel_map import map_in_processes

NOTE = """
Name:  ___                     Unit No:   ___

Facility:
___

Chief Complaint:
Cough & fever (3 days)

Major Surgical or Invasive Procedure:
None

History of Present Illness:
___ y/o man, hx of COPD,
presents with <cough>.

Pertinent Results:
ADMISSION LABS:
___ 06:00AM BLOOD WBC-12.4* RBC-4.1
___ 06:00AM BLOOD Na-140

CXR: clear lungs.
BRIEF HOSPITAL COURSE
He improved on "azithromycin"; see above.

Medications on Admission:
1. Aspirin 81 mg
2. Metoprolol

Discharge Disposition:
Home

Discharge Diagnosis:
COPD exacerbation

Discharge Condition:
Stable

Discharge Instructions:
Take care.
"""


def test_a_whole_note():
    assert clean_note(NOTE) == (
        "Chief Complaint: Cough fever 3 days\n"
        "Major Surgical or Invasive Procedure: None\n"
        "History of Present Illness: ___ y o man, hx of COPD, presents with cough . CXR: clear lungs.\n"
        "BRIEF HOSPITAL COURSE He improved on azithromycin see above.\n"
        "Discharge Disposition: Home\n"
        "Discharge Diagnosis: COPD exacerbation"
    )


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a-b/c (d) [e] <f> g;h", "a b c d e f g h"),
        ("it's 98.6, ok: yes! no? a|b a_b", "it's 98.6, ok: yes! no? a|b a_b"),
        ("smørrebrød på kæft", "smoerrebroed paa kaeft"),
        ("sjögren déjà", "sjögren déjà"),
        ("a    b\n\n  c\td", "a b\n\n c\td"),
        ("  a  ", "a"),
    ],
)
def test_characters(text, clean):
    assert cleaning.clean_characters(text) == clean


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("course discharge CONDITION: ok", "course "),
        ("course Discharge Instructions: rest", "course "),
        ("a discharge instruction b discharge condition c", "a discharge instruction b "),
        ("nothing of the kind", "nothing of the kind"),
    ],
)
def test_tail(text, left):
    assert cleaning.cut_tail(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Name Chief Complaint: x", "Chief Complaint: x"),
        ("major surgical or invasive procedure: y chief complaint: x", "chief complaint: x"),
        ("Name MAJOR SURGICAL OR INVASIVE PROCEDURE: x", "MAJOR SURGICAL OR INVASIVE PROCEDURE: x"),
        ("Name History of Present Illness: x", "History of Present Illness: x"),  # repair a: the text after it
        ("İİ chief complaint: x", "chief complaint: x"),  # lower() would shift the position
        ("DİSCHARGE CHİEF COMPLAİNT", "DİSCHARGE CHİEF COMPLAİNT"),
        ("nothing", "nothing"),
    ],
)
def test_head(text, left):
    assert cleaning.cut_head(text) == left


@pytest.mark.parametrize(
    "line",
    [
        "Discharge Medications:",
        "medication",
        "MEDICATIONS",
        "a: Medications b:",
        "takes no medications",
        "x.MEDICATIONſ",
    ],
)
def test_medication_lists_end_at_the_blank_line(line):
    assert cleaning.drop_medication_lists(["a", line, "aspirin", "", "b"]) == ["a", "b"]


@pytest.mark.parametrize(
    "line",
    [
        "medications were stopped",
        "Medications: aspirin",
        "premedications",
        "premedications:",
        "medications: b:",
        "none",
    ],
)
def test_other_lines_are_no_medication_lists(line):
    assert cleaning.drop_medication_lists([line, "x"]) == [line, "x"]


def test_an_unended_medication_list_runs_to_the_end():
    assert cleaning.drop_medication_lists(["a", "Medications:", "b", "c"]) == ["a"]


def test_vital_signs():
    lines = ["a", "___ 06:00AM BLOOD WBC 12", "more", "", "b", "___ was seen at 06:00", "c"]
    assert cleaning.drop_vital_signs(lines) == ["a", "b", "___ was seen at 06:00", "c"]


def test_laboratory_headings_go_alone():
    lines = ["PERTINENT RESULTS:", "sodium 140", "On admission labs were normal", "Discharge lab:", "admission", "lab"]
    assert cleaning.drop_laboratory_headings(lines) == ["sodium 140", "admission", "lab"]


def test_placeholders():
    lines = ["Facility:", "___", "___ ___", "Facility: ___", "b"]
    assert cleaning.drop_placeholders(lines) == ["___ ___", "Facility: ___", "b"]


def test_joining():
    assert cleaning.join_sections(["x", "y", "", "HEAD", "z", "Exam:", "fine", "BP 120"]) == (
        "x y\nHEAD z\nExam: fine\nBP 120"
    )


def test_nothing_left():
    assert clean_note(" \n\t ") == clean_note("Discharge Condition: stable") == ""


@given(st.text(st.sampled_from("aB\n :_.-(å0") | st.characters(exclude_categories=["Cs"])))
def test_clean_notes_hold_only_clean_lines(text):
    clean = clean_note(text)
    assert re.search(r"[^\w\s.',:!?|]|  |[åæø]|\n\s*\n", clean) is None
    assert clean == clean.strip()


@given(st.lists(st.sampled_from(["Chief Complaint:", "fever", "Medications:", "", "___", "___ 06:00", "HEART", "x y"])))
def test_cleaning_adds_no_words(lines):
    words = " ".join(lines).split()
    remaining = iter(words)
    assert all(word in remaining for word in clean_note("\n".join(lines)).split())  # a subsequence


def test_one_letter_alone_has_a_longer_lower_case():
    assert [letter for letter in map(chr, range(sys.maxunicode + 1)) if len(letter.lower()) > 1] == ["İ"]


@pytest.mark.parametrize(
    "text",
    [
        "medication " * 450_000,
        "medications:" * 400_000,
        " " * 5_000_000,
        "admission " * 500_000,
        "___\t" * 1_200_000,
        "an invented line\n" * 300_000,
    ],
    ids=["medication", "colons", "spaces", "laboratory", "blanks", "lines"],
)
def test_five_megabytes_of_what_a_quadratic_rule_would_take_hours_over(text):
    assert len(clean_note(text)) <= len(text)


@pytest.mark.parametrize("many", [1, 10**9], ids=["by two processes", "by one"])
def test_a_release_is_cleaned_in_order(many, tmp_path, monkeypatch):
    monkeypatch.setattr(mimic, "MANY", many)
    monkeypatch.setattr(mimic, "AT_ONCE", 3)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr("synthnotes.corpus.sources.BLOCK_BYTES", 4000)  # some forty notes
    texts = [f"Name: å\nChief Complaint:\nNote {n}\n{'Ā' * (n % 5 == 0)}\nMedications:\nnone" for n in range(500)]
    pd.DataFrame({"subject_id": 1, "text": texts}).to_csv(tmp_path / "discharge.csv", index=False)
    rows = pd.Index(range(0, 500, 2))
    cleaned = mimic.clean_texts(tmp_path / "discharge.csv", rows)
    assert cleaned.index.equals(rows)
    assert cleaned.tolist() == [clean_note(texts[row]) for row in rows]


def test_batches_are_read_only_somewhat_ahead():
    numbers = count()
    cleaned = map_in_processes(clean_notes, ([f"note {number}"] for number in numbers), 2)
    assert [next(cleaned) for _ in range(3)] == [["note 0"], ["note 1"], ["note 2"]]
    cleaned.close()
    assert next(numbers) <= 3 + 2 * 2


def test_a_killed_process_is_told():
    with pytest.raises(UserError, match="was killed, perhaps for memory"):
        list(map_in_processes(_be_killed, [["a"]], 2))


def _be_killed(texts):
    os.kill(os.getpid(), signal.SIGKILL)
