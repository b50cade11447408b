"""Disclosure control: by hand, that nothing hidden can be computed, and over every result that the project has."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthnotes.corpus.attrition import Attrition
from synthnotes.corpus.description import disclose_attrition, tabulate_attrition
from synthnotes.machinery.disclosure import (
    DEMO,
    Parts,
    Table,
    computed,
    extreme,
    hidden_with,
    kept_steps,
    like,
    over,
    people,
    publish,
    require_demo,
    setting,
    share,
    sign,
    suppress,
)
from synthnotes.machinery.files import UserError, write_json
from synthnotes.machinery.makers import without_makers
from synthnotes.machinery.params import DisclosureParams


def test_results_by_hand():
    found = {
        "patients": people(400),
        "codes": setting(3),
        "rare": over(9, {"patients": people(9), "f1": 0.5, "by": {"precision": 0.1}, "verdict": "inferior"}),
        "common": over(10, {"patients": people(10), "f1": 0.5, "verdict": "inferior"}),
        "empty": people(5),
        "exact": people(12),
        "empty_share": share(5, 400),
        "exact_share": share(12, 395, 400),
        "nobody": over(0, {"notes": people(0), "f1": None}),
        "words": over(400, {"mean": 3.5, "maximum": extreme(80)}),
    }
    assert suppress(found, 10) == {
        "patients": 400,
        "codes": 3,
        "rare": {"patients": None, "f1": None, "by": {"precision": None}, "verdict": None},
        "common": {"patients": 10, "f1": 0.5, "verdict": "inferior"},
        "empty": None,
        "exact": 12,
        "empty_share": None,
        "exact_share": None,  # 12 / 0.0304 would tell how many of the 400 were not empty
        "nobody": {"notes": 0, "f1": None},
        "words": {"mean": 3.5, "maximum": None},
    }
    assert suppress(found, 1) == found


@pytest.mark.parametrize(
    "value",
    [
        3,
        0.5,
        "a word",
        people(3) + 1,
        np.float64(0.5),
        True,
        [people(12)],
        pd.DataFrame({"notes": [12]}),
        computed(lambda: 3),
    ],
)
@pytest.mark.parametrize("minimum", [1, 10])
def test_a_value_that_does_not_say_what_it_is_is_refused_by_its_place_alone(value, minimum):
    with pytest.raises(TypeError, match=r"^rare\.f1: an? \w+ says nothing of whom it tells$"):
        suppress({"patients": people(12), "rare": {"f1": value}}, minimum)


def test_a_column_that_does_not_say_what_it_is_is_refused():
    frame = pd.DataFrame({"code": ["I10"], "patients": [12], "f1": [0.5]})
    with pytest.raises(TypeError, match="column f1"):
        Table(frame, ["code"], ["patients"])
    with pytest.raises(TypeError, match="what its rows rest on"):
        Table(frame, ["code"], statistics=["patients", "f1"])
    with pytest.raises(TypeError, match="a DataFrame says nothing"):
        suppress(frame, 10)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(2, 12))
def test_a_value_stays_the_number_that_it_is(part, rest, minimum):
    told = share(part, part + rest)
    assert told == (part / (part + rest) if part + rest else None)
    few = any(0 < count < minimum for count in (part, rest))
    assert suppress(told, minimum) == (None if few else told)
    assert type(suppress({"a": people(part)}, 1)["a"]) is int
    assert like(0.5, people(part), people(rest)).bases == (part, rest)
    assert not hasattr(like(0.5, 1.0), "bases")


def test_few_signs_of_copying_are_told_of_as_few():
    def found(count):
        beyond = {"notes_beyond": sign(count)} | over(count, {"low": 0.1, "p": 0.01})
        return {"verdict": setting("copies found"), "beyond": beyond}

    few = {"verdict": "copies found", "beyond": {"notes_beyond": "1 to 9", "low": None, "p": None}}
    assert [suppress(found(count), 10) for count in (1, 9)] == [few, few]
    assert [suppress(found(count), 10) for count in (0, 10)] == [found(0), found(10)]


def test_what_a_sum_would_tell_is_hidden_with_a_second_part():
    folds = {"train": people(97), "validation": people(3), "evaluation": people(0)}
    assert suppress(Parts({"notes": people(100), **folds}, tuple(folds)), 10) == {
        "notes": 100, "train": None, "validation": None, "evaluation": 0,
    }  # fmt: skip


def test_rows_of_too_few_are_left_out_and_small_counts_are_missing():
    frame = pd.DataFrame(
        {"code": ["a", "b", "c"], "training_real": [4, 50, 60], "patients": [12, 9, 10], "f1": [0.1, 0.2, 0.3]}
    )
    kept = suppress(Table(frame, ["code"], ["patients", "training_real"], ["f1"]), 10)
    assert kept["code"].tolist() == ["a", "c"]
    assert kept["training_real"].tolist() == [pytest.approx(float("nan"), nan_ok=True), 60]
    assert kept["patients"].tolist() == [12, 10]
    # Of rows that make up a whole, the smallest that could be told goes with them.
    assert suppress(Table(frame, ["code"], ["patients", "training_real"], ["f1"], by=()), 10)["code"].tolist() == ["a"]


@given(st.lists(st.integers(0, 30), min_size=2, max_size=8), st.integers(2, 12))
def test_no_part_is_the_whole_without_the_others(sizes, minimum):
    hidden = hidden_with(dict(enumerate(sizes)), minimum)
    told = [size for number, size in enumerate(sizes) if number not in hidden]
    assert not any(0 < size < minimum for size in told)
    if hidden and any(size >= minimum for size in sizes):
        assert len(hidden) > 1
        assert max(sizes[number] for number in hidden) >= minimum


@given(st.lists(st.integers(0, 14), min_size=1, max_size=30), st.integers(2, 12))
def test_accumulated_bins_hold_enough_and_tell_the_same(counts, minimum):
    notes = pd.Series(counts)
    total = max(1, notes.sum())
    table = pd.DataFrame(
        {
            "kind": "synthetic",
            "recall": [i / len(counts) for i in range(1, len(counts) + 1)],
            "notes": notes,
            "share": notes / total,
            "cumulative_share": notes.cumsum() / total,
        }
    )
    shares = ["share", "cumulative_share"]
    kept = suppress(Table(table, ["kind", "recall"], ["notes"], shares, by=["kind"], added=["share"]), minimum)
    assert kept["notes"].sum() == notes.sum()
    assert not kept["notes"].between(1, minimum - 1).any() or notes.sum() < minimum
    assert kept["share"].cumsum().tolist() == pytest.approx(kept["cumulative_share"].tolist())
    # Every value that is told is one of the whole curve.
    whole = dict(zip(table["recall"], table["cumulative_share"], strict=True))
    assert all(whole[row.recall] == row.cumulative_share for row in kept.itertuples())


def test_the_longest_passage_of_all_is_not_told():
    table = pd.DataFrame({"kind": "control", "words": [0, 13, 40], "notes": [0, 90, 10], "share_longer": [1, 0.1, 0.0]})
    curve = Table(table, ["kind", "words"], ["notes"], ["share_longer"], by=["kind"], added=(), longest=True)
    assert suppress(curve, 10)["words"].tolist() == [0, 13]


@given(st.lists(st.integers(0, 25), min_size=1, max_size=12), st.integers(1, 12))
def test_between_two_steps_that_are_told_nobody_is_lost_or_enough(losses, minimum):
    left = [{"notes": 100 + sum(losses[position:])} for position in range(len(losses) + 1)]
    kept = kept_steps(left, minimum)
    assert kept[-1] == len(losses)
    differences = [left[a]["notes"] - left[b]["notes"] for a, b in pairwise(kept)]
    assert all(difference == 0 or difference >= minimum for difference in differences)
    if minimum == 1:
        assert kept == list(range(len(left)))


def test_an_attrition_puts_small_losses_together():
    attrition = Attrition(names_patients=False)
    for name, count, why in (("released", 100, None), ("with_text", 95, "no text"), ("coded", 70, "no code")):
        ids = [str(note) for note in range(count)]
        attrition.keep(name, pd.DataFrame({"note_id": ids, "patient_id": ids}), why)
    rows = {"released": 500, "dropped_null": 3, "dropped_repeated": 0, "dropped_invalid": 40, "kept": 457}
    steps, code_rows = disclose_attrition(attrition.steps, {"diagnosis": rows}, 10)
    assert steps["with_text"] == dict.fromkeys(attrition.steps["released"]) | {"why": "no text"}
    assert (steps["coded"]["dropped"], steps["coded"]["why"]) == (30, "no text; no code")
    nothing = {"dropped_null": None, "dropped_repeated": None}
    assert code_rows == {"diagnosis": {"released": 500, **nothing, "dropped_invalid": 43, "kept": 457}}
    table = tabulate_attrition(steps, code_rows).frame
    assert table["step"].tolist() == ["released", "coded", "released", "without_invalid"]
    assert table["dropped"].tolist() == [0, 30, 0, 43]
    assert disclose_attrition(attrition.steps, {"diagnosis": rows}, 1) == (attrition.steps, {"diagnosis": rows})


def test_an_attrition_that_loses_too_few_in_all_does_not_tell_where_it_began():
    attrition = Attrition(names_patients=False)
    for name, count, why in (("released", 100, None), ("with_text", 95, "no text")):
        ids = [str(note) for note in range(count)]
        attrition.keep(name, pd.DataFrame({"note_id": ids, "patient_id": ids}), why)
    steps, _ = disclose_attrition(attrition.steps, {}, 10)
    assert steps["released"]["notes"] is None
    assert (steps["with_text"]["notes"], steps["with_text"]["dropped"]) == (95, None)


def test_publish_suppresses_what_it_writes(tmp_path):
    real, demo = (DisclosureParams(demo=demo, minimum_patients=10) for demo in (False, True))
    few = {"few": over(3, {"notes": 3, "f1": 0.123})}
    publish(tmp_path / "real.json", few, real)
    # What is hidden does not even tell who made it.
    assert json.loads((tmp_path / "real.json").read_text()) == {"few": {"notes": None, "f1": None}, "computed_by": {}}
    publish(tmp_path / "demo.json", few, demo)
    assert without_makers(json.loads((tmp_path / "demo.json").read_text())) == {"few": {"notes": 3, "f1": 0.123}}
    publish(tmp_path / "real.csv", Table(pd.DataFrame({"patients": [3, 30]}), counts=["patients"]), real)
    assert (tmp_path / "real.csv").read_text() == "patients\n30\n"


@pytest.mark.parametrize(
    ("made", "there", "named"),
    [
        ({"sepr/notes.feather": "1"}, {"sepr/notes.feather": "1"}, None),
        ({"sepr/notes.feather": "1"}, {"sepr/notes.feather": "2"}, "sepr/notes.feather"),
        ({"sepr/notes.feather": "1"}, {"sepr/notes.feather": "1", "mimic/a.csv": "2"}, "mimic/a.csv"),
        (None, {"sepr/notes.feather": "1"}, "sepr/notes.feather"),
    ],
)
def test_data_that_are_not_the_demo_s_cannot_be_called_so(tmp_path, made, there, named):
    if made is not None:
        write_json(tmp_path / DEMO, {"files": made})
    require_demo(tmp_path, there, DisclosureParams(demo=False, minimum_patients=10))
    demo = DisclosureParams(demo=True, minimum_patients=10)
    if named is None:
        require_demo(tmp_path, there, demo)
        return
    with pytest.raises(UserError, match="not the demo's, but disclosure") as raised:
        require_demo(tmp_path, there, demo)
    assert str(raised.value).startswith(f"{tmp_path / named}: ")
