"""The attrition table: by hand, and that it adds up whatever a recipe drops."""

from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthnotes.corpus import mimic
from synthnotes.corpus.attrition import UNITS, Attrition
from synthnotes.corpus.description import tabulate_attrition

WORDS = st.sampled_from(["", " ", "x y", "x z", "Facility: x", "Discharge Condition: ok"])
CODES = st.sampled_from([["I10"], ["I10", "A00"], ["A00", "A01"], ["B20"]])
ROWS = st.lists(
    st.tuples(st.sampled_from(["", "1", "2", "3"]), st.sampled_from(["", *"123456789"]), st.integers(1, 9), WORDS),
    min_size=1,
    max_size=25,
)


def adds_up(steps):
    """Whether every step leaves what the step before left, less what it dropped."""
    counts = list(steps.values())
    for before, after in pairwise(counts):
        for unit in UNITS:
            dropped = after["dropped" if unit == "notes" else f"dropped_{unit}"]
            if before[unit] is None or after[unit] is None:
                assert dropped is None
            else:
                assert dropped >= 0
                assert after[unit] == before[unit] - dropped
    return True


@settings(max_examples=40, deadline=None)
@given(ROWS, st.dictionaries(st.sampled_from("123456789"), CODES), st.integers(1, 3))
def test_the_attrition_of_mimic_adds_up(rows, codes, minimum):
    notes = pd.DataFrame(rows, columns=["subject_id", "hadm_id", "note_seq", "digest"]).astype(str)
    attrition = Attrition(names_patients=True)
    selected = mimic.select_notes(notes, pd.Series(codes, dtype=object), minimum, attrition)
    assert adds_up(attrition.steps)
    first, last = attrition.steps["released"], list(attrition.steps.values())[-1]
    assert first["notes"] == len(rows)
    assert first["patients"] == len({patient for patient, *_ in rows if patient})
    assert last["notes"] == last["admissions"] == len(selected)
    assert last["patients"] == selected["patient_id"].nunique()
    assert last["codes"] == len({code for own in selected["codes"] for code in own})
    assert len(rows) - sum(step["dropped"] for step in attrition.steps.values()) == len(selected)


def test_an_attrition_by_hand():
    notes = pd.DataFrame({"note_id": ["1", "2", "3", ""], "patient_id": ["a", "a", "b", "c"]})
    attrition = Attrition(names_patients=True)
    attrition.keep("released", notes)
    notes = attrition.keep("named", notes[:3], "no admission")
    notes = attrition.keep("coded", notes.assign(codes=[["I10"], ["A00", "I10"], ["B20"]])[:2], "no code")
    attrition.keep("frequent", notes.assign(codes=[["I10"], ["I10"]]), "rare")
    assert [tuple(step.values()) for step in attrition.steps.values()] == [
        (4, 3, 3, None, 0, 0, 0, None, None), (3, 3, 2, None, 1, 0, 1, None, "no admission"),
        (2, 2, 1, 2, 1, 1, 1, None, "no code"), (2, 2, 1, 1, 0, 0, 0, 1, "rare"),
    ]  # fmt: skip
    assert adds_up(attrition.steps)
    rows = {"released": 9, "dropped_null": 2, "dropped_version_9": 3, "kept": 4}
    table = tabulate_attrition(attrition.steps, {"procedure": rows}).frame
    assert table[table["step"] == "frequent"].drop(columns="step").values.tolist() == [
        ["notes", "notes", 2, 0, "rare"], ["notes", "admissions", 2, 0, "rare"], ["notes", "patients", 1, 0, "rare"],
        ["notes", "codes", 1, 1, "rare"],
    ]  # fmt: skip
    assert table[table["of"] == "procedures"][["step", "left", "dropped"]].values.tolist() == [
        ["released", 9, 0], ["without_null", 7, 2], ["without_version_9", 4, 3],
    ]  # fmt: skip
    with pytest.raises(ValueError, match="do not add up"):
        tabulate_attrition(attrition.steps, {"procedure": rows | {"kept": 5}})


def test_a_source_without_patients_counts_notes_and_codes_alone():
    attrition = Attrition(names_patients=False)
    attrition.keep("released", pd.DataFrame({"note_id": ["1"], "patient_id": ["1"], "codes": [["I10"]]}))
    assert tabulate_attrition(attrition.steps, {}).frame["unit"].tolist() == ["notes", "codes"]


def test_a_step_that_adds_notes_or_comes_twice_is_a_defect():
    attrition = Attrition(names_patients=False)
    notes = pd.DataFrame({"note_id": ["1"], "patient_id": ["1"]})
    attrition.keep("released", notes)
    with pytest.raises(ValueError, match="twice"):
        attrition.keep("released", notes)
    with pytest.raises(ValueError, match="leaves 2 notes of 1"):
        attrition.keep("joined", pd.concat([notes, notes]), "nothing")
