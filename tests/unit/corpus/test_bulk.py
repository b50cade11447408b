"""Cleaning in bulk gives what the reference gives, on any text, and neither takes long over a strange one."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synthnotes.corpus.bulk import clean_notes
from synthnotes.corpus.cleaning import clean_note, starts_medication_list

LINES = (
    "Chief Complaint:", "CHIEF  COMPLAINT", "major surgical or invasive procedure", "History of Present Illness:",
    "Discharge Condition:", "discharge-instructions", "Medications on Admission:", "takes no medications",
    "premedications:", "MEDICATION: a: b:", "___ 06:00AM", "___\t1٢:00", "___", " Facility: ", "FACİLİTY:",
    "Pertinent Results:", "ADMISSION LABS", "admıssion labs", "medicatıonſ", "", " ", "fever", "HEART & LUNGS", "på",
)  # fmt: skip
ENDS = ("\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x1e", "\x1f", "\x85", "\u2028", "\n\n", "\0", " ", "\t")
NOTES = st.lists(st.tuples(st.sampled_from(LINES) | st.text(max_size=8), st.sampled_from(ENDS)), max_size=25).map(
    lambda parts: "".join(line + end for line, end in parts)
)


@settings(max_examples=300)
@given(NOTES | st.text(st.characters(exclude_categories=["Cs"])))
@example("___ 06:00\nmedications:\n\nstill vital signs\n\nkept")  # one block ends within another
def test_any_text(text):
    assert clean_notes([text]) == [clean_note(text)]


@given(st.lists(NOTES, max_size=6))
@example(["Medications:", "___ 06:00", "___", "", "\0", "kept"])  # no block runs on into the next note
@example(["a\r", "\nb", "Ā –", "“c”"])
def test_several_notes(texts):
    assert clean_notes(texts) == [clean_note(text) for text in texts]


def test_order():
    assert clean_notes(["a", "", "å"]) == ["a", "", "aa"]


@pytest.mark.parametrize(
    "text",
    [
        "medication " * 450_000,
        "medications:" * 400_000,
        " " * 5_000_000,
        "___\t" * 1_200_000,
        "an invented line\n" * 300_000,
    ],
    ids=["medication", "colons", "spaces", "blanks", "lines"],
)
def test_five_megabytes_take_seconds(text):
    started = time.process_time()
    assert clean_notes([text]) == [clean_note(text)]
    assert time.process_time() - started < 20  # a quadratic rule would take hours


@pytest.mark.parametrize(
    ("line", "starts"),
    [("a: medications b:", True), ("medications: b:", False), ("medicationsx:", True), ("medicationsx", False)],
)
def test_medication_lines(line, starts):
    assert starts_medication_list(line) == starts
