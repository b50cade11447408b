"""Cleaning in bulk gives what the reference gives, on any text, and both end on a long strange one."""

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synthnotes.corpus import mimic
from synthnotes.corpus.bulk import clean_notes
from synthnotes.corpus.cleaning import clean_note, starts_medication_list

LINES = (
    "Chief Complaint:", "CHIEF  COMPLAINT", "major surgical or invasive procedure", "History of Present Illness:",
    "Discharge Condition:", "discharge-instructions", "Medications on Admission:", "takes no medications",
    "premedications:", "MEDICATION: a: b:", "___ 06:00AM", "___\t1٢:00", "___", " Facility: ", "FACİLİTY:",
    "Pertinent Results:", "ADMISSION LABS", "admıssion labs", "medicatıonſ", "", " ", "fever", "HEART & LUNGS", "på",
)  # fmt: skip
ENDS = ("\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x1e", "\x1f", "\x85", "\u2028", "\n\n", "\0", " ", "\t")
# What makes or breaks a rule, in pieces: letters of Latin-1 that have a case, a width or a number of their own, too.
PIECES = (
    "medication", "MEDICATIONS", ":", "___", "06:00", "1", "²", "chief complaint", "discharge condition",
    "admission lab", "pertinent result", "facility:", "a", "Z", "ß", "É", "ª", "µ", "½", "æ", "-", "–", "İ", "ſ",
    "\xa0", "\x1f", "\t", " ", "\u0301", "\u212a", "ı", "ẞ", "ﬁ", "Å", "\u200b",
    "discharge instruction", "discharge lab", "history of present illness",
)  # fmt: skip
NOTES = st.lists(
    st.tuples(
        st.sampled_from(LINES) | st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(max_size=8),
        st.sampled_from(ENDS),
    ),
    max_size=25,
).map(lambda parts: "".join(line + end for line, end in parts))


@settings(max_examples=300, deadline=None)  # the first example waits for the compiler
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
    assert clean_notes(["a", "", "å", "Ā"]) == ["a", "", "aa", "Ā"]
    assert clean_notes([]) == clean_notes(())


@given(st.text(st.characters(max_codepoint=255), max_size=40).map(lambda text: f"a{text}medication{text}\nb\n{text}"))
@example("".join(map(chr, range(256))))
def test_every_character_of_latin_1(text):
    assert clean_notes([text]) == [clean_note(text)]


@pytest.mark.parametrize("bulk", [1, 10**9], ids=["by two threads", "one by one"])
def test_a_release_is_cleaned_in_order(bulk, tmp_path, monkeypatch):
    monkeypatch.setattr(mimic, "BULK", bulk)
    monkeypatch.setattr(mimic, "AT_ONCE", 3)
    monkeypatch.setattr(mimic, "cores", lambda: 2)
    monkeypatch.setattr("synthnotes.corpus.sources.BLOCK_BYTES", 4000)  # some forty notes
    texts = [f"Name: å\nChief Complaint:\nNote {n}\n{'Ā' * (n % 5 == 0)}\nMedications:\nnone" for n in range(500)]
    pd.DataFrame({"subject_id": 1, "text": texts}).to_csv(tmp_path / "discharge.csv", index=False)
    rows = pd.Index(range(0, 500, 2))
    cleaned = mimic.clean_texts(tmp_path / "discharge.csv", rows)
    assert cleaned.index.equals(rows)
    assert cleaned.tolist() == [clean_note(texts[row]) for row in rows]


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
def test_five_megabytes_of_what_a_quadratic_rule_would_take_hours_over(text):
    assert clean_notes([text]) == [clean_note(text)]


@pytest.mark.parametrize(
    ("line", "starts"),
    [("a: medications b:", True), ("medications: b:", False), ("medicationsx:", True), ("medicationsx", False)],
)
def test_medication_lines(line, starts):
    assert starts_medication_list(line) == starts
