"""Disclosure control: by hand, that nothing hidden can be computed, and over every result that the project has."""

import json
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthnotes.corpus.description import tabulate_flow, tell_flow
from synthnotes.corpus.flow import Flow
from synthnotes.demo import kit
from synthnotes.machinery.disclosure import kept_steps, publish, require_demo, suppress
from synthnotes.machinery.files import UserError, write_json
from synthnotes.machinery.sections import DisclosureParams

ROOT = Path(__file__).parents[3]


def test_results_by_hand():
    found = {
        "patients": 400,
        "notes": 570,
        "codes": 3,  # of codes, not of people
        "rare": {"patients": 9, "f1": 0.5, "by": {"precision": 0.1}},
        "common": {"patients": 10, "f1": 0.5},
        "empty": 5,
        "exact": 12,
        "empty_share": 0.01,
        "nobody": {"notes": 0, "f1": None},
        "words": {"mean": 3.5, "maximum": 80},
        "demo": True,
    }
    assert suppress(found, 10) == {
        "patients": 400,
        "notes": 570,
        "codes": 3,
        "rare": {"patients": None, "f1": None, "by": {"precision": None}},
        "common": {"patients": 10, "f1": 0.5},
        "empty": None,
        "exact": 12,
        "empty_share": None,
        "nobody": {"notes": 0, "f1": None},
        "words": {"mean": 3.5, "maximum": None},
        "demo": True,
    }
    assert suppress(found, 1) is found


def test_few_signs_of_copying_are_told_of_as_few():
    def found(count):
        return {"verdict": "copies found", "beyond": {"notes_beyond": count, "low": 0.1, "p": 0.01}}

    few = {"verdict": "copies found", "beyond": {"notes_beyond": "1 to 9", "low": None, "p": None}}
    assert [suppress(found(count), 10) for count in (1, 9)] == [few, few]
    assert [suppress(found(count), 10) for count in (0, 10)] == [found(0), found(10)]


def test_what_a_sum_would_tell_is_hidden_with_a_second_part():
    assert suppress({"notes": 100, "train": 97, "validation": 3, "evaluation": 0}, 10) == {
        "notes": 100, "train": None, "validation": None, "evaluation": 0,
    }  # fmt: skip


def test_rows_of_too_few_are_left_out_and_small_counts_are_missing():
    table = pd.DataFrame(
        {"code": ["a", "b", "c"], "training_real": [4, 50, 60], "patients": [12, 9, 10], "f1": [0.1, 0.2, 0.3]}
    )
    kept = suppress(table, 10)
    assert kept["code"].tolist() == ["a", "c"]
    assert kept["training_real"].tolist() == [pytest.approx(float("nan"), nan_ok=True), 60]
    assert kept["patients"].tolist() == [12, 10]


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
    kept = suppress(table, minimum)
    assert kept["notes"].sum() == notes.sum()
    assert not kept["notes"].between(1, minimum - 1).any() or notes.sum() < minimum
    assert kept["share"].cumsum().tolist() == pytest.approx(kept["cumulative_share"].tolist())
    # Every value that is told is one of the whole curve.
    whole = dict(zip(table["recall"], table["cumulative_share"], strict=True))
    assert all(whole[row.recall] == row.cumulative_share for row in kept.itertuples())


def test_the_longest_passage_of_all_is_not_told():
    table = pd.DataFrame({"kind": "control", "words": [0, 13, 40], "notes": [0, 90, 10], "share_longer": [1, 0.1, 0.0]})
    assert suppress(table, 10)["words"].tolist() == [0, 13]


@given(st.lists(st.integers(0, 25), min_size=1, max_size=12), st.integers(1, 12))
def test_between_two_steps_that_are_told_nobody_is_lost_or_enough(losses, minimum):
    left = [{"notes": 100 + sum(losses[position:])} for position in range(len(losses) + 1)]
    kept = kept_steps(left, minimum)
    assert kept[-1] == len(losses)
    differences = [left[a]["notes"] - left[b]["notes"] for a, b in pairwise(kept)]
    assert all(difference == 0 or difference >= minimum for difference in differences)
    if minimum == 1:
        assert kept == list(range(len(left)))


def test_a_flow_puts_small_losses_together():
    flow = Flow(names_patients=False)
    for name, count, why in (("released", 100, None), ("with_text", 95, "no text"), ("coded", 70, "no code")):
        ids = [str(note) for note in range(count)]
        flow.keep(name, pd.DataFrame({"note_id": ids, "patient_id": ids}), why)
    rows = {"released": 500, "dropped_null": 3, "dropped_repeated": 0, "dropped_invalid": 40, "kept": 457}
    steps, code_rows = tell_flow(flow.steps, {"diagnosis": rows}, 10)
    assert steps["with_text"] == dict.fromkeys(flow.steps["released"]) | {"why": "no text"}
    assert (steps["coded"]["dropped"], steps["coded"]["why"]) == (30, "no text; no code")
    nothing = {"dropped_null": None, "dropped_repeated": None}
    assert code_rows == {"diagnosis": {"released": 500, **nothing, "dropped_invalid": 43, "kept": 457}}
    table = tabulate_flow(steps, code_rows)
    assert table["step"].tolist() == ["released", "coded", "released", "without_invalid"]
    assert table["dropped"].tolist() == [0, 30, 0, 43]
    assert tell_flow(flow.steps, {"diagnosis": rows}, 1) == (flow.steps, {"diagnosis": rows})


def test_a_flow_that_loses_too_few_in_all_does_not_tell_where_it_began():
    flow = Flow(names_patients=False)
    for name, count, why in (("released", 100, None), ("with_text", 95, "no text")):
        ids = [str(note) for note in range(count)]
        flow.keep(name, pd.DataFrame({"note_id": ids, "patient_id": ids}), why)
    steps, _ = tell_flow(flow.steps, {}, 10)
    assert steps["released"]["notes"] is None
    assert (steps["with_text"]["notes"], steps["with_text"]["dropped"]) == (95, None)


def test_publish_suppresses_what_it_writes(tmp_path):
    real, demo = (DisclosureParams(demo=demo, minimum_patients=10) for demo in (False, True))
    publish(tmp_path / "real.json", {"few": {"notes": 3, "f1": 0.123}}, real)
    assert json.loads((tmp_path / "real.json").read_text()) == {"few": {"notes": None, "f1": None}}
    publish(tmp_path / "demo.json", {"few": {"notes": 3}}, demo)
    assert json.loads((tmp_path / "demo.json").read_text()) == {"few": {"notes": 3}}
    publish(tmp_path / "real.csv", pd.DataFrame({"patients": [3, 30]}), real)
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
        write_json(tmp_path / kit.MARKER, {"files": made})
    require_demo(tmp_path, there, DisclosureParams(demo=False, minimum_patients=10))
    demo = DisclosureParams(demo=True, minimum_patients=10)
    if named is None:
        require_demo(tmp_path, there, demo)
        return
    with pytest.raises(UserError, match="not the demo's, but disclosure") as raised:
        require_demo(tmp_path, there, demo)
    assert str(raised.value).startswith(f"{tmp_path / named}: ")


def small(found, where=""):
    """Counts of people below ten in nested results, by a rule of its own: whatever is called notes or patients."""
    for name, value in found.items():
        words = set(name.split("_"))
        if isinstance(value, dict):
            yield from small(value, f"{where}.{name}")
        elif (
            isinstance(value, int)
            and 0 < value < 10
            and words & {"notes", "patients", "dropped"}
            and "codes" not in words
        ):
            yield f"{where}.{name}"


@pytest.mark.parametrize("path", sorted((ROOT / "results").rglob("*.json")), ids=lambda path: path.stem)
def test_committed_results_would_tell_no_small_count_of_real_people(path):
    if path.parent.name not in ("ratings", "merge", "questionnaire"):  # about raters, and about chosen numbers of notes
        assert list(small(suppress(json.loads(path.read_text(encoding="utf-8")), 10))) == []
