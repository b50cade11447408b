"""Splits: worked examples, properties, and iterstrat as the yardstick of stratification."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iterstrat.ml_stratifiers import IterativeStratification
from scipy import sparse

from synthnotes.corpus import splits
from synthnotes.corpus.description import count_shared, measure_quality
from synthnotes.corpus.stratification import _Parts, stratify
from synthnotes.machinery.files import UserError

SHARES = {"L": 0.6, "S": 0.2, "E": 0.2}
LABELS = {"L": "train", "S": "val", "E": "test"}


def parts_of(counts, sizes, shares, seed=0):
    return stratify(sparse.csr_array(np.array(counts)), np.array(sizes), np.array(shares), seed).tolist()


def test_the_rarest_label_is_dealt_out_first():
    # Columns common, rare. Dealt with the frequent label first, both holders of "rare" could land in the same half.
    for seed in range(20):
        parts = parts_of([[1, 1], [1, 1], [1, 0], [1, 0]], [1] * 4, [0.5, 0.5], seed)
        assert parts[0] != parts[1]
        assert parts[2] != parts[3]


def test_a_label_goes_to_the_part_that_lacks_most_of_it_then_to_the_one_that_lacks_most_notes():
    # Five notes with the label: 3, 1 and 1 by their shares; the sixth fills what is left of the first part.
    parts = parts_of([[1]] * 5 + [[0]], [1] * 6, [4 / 6, 1 / 6, 1 / 6])
    assert Counter(parts[:5]) == {0: 3, 1: 1, 2: 1}
    assert parts[5] == 0


def test_an_item_weighs_as_many_notes_as_it_stands_for():
    assert sorted(parts_of([[3], [1], [1], [1]], [3, 1, 1, 1], [0.5, 0.5])) in ([0, 0, 0, 1], [0, 1, 1, 1])


def test_items_without_labels_are_shared_out_too():
    assert Counter(parts_of(np.zeros((10, 0), int), [1] * 10, [0.8, 0.2])) == {0: 8, 1: 2}


def test_rare_labels_do_not_blow_up_a_small_part():
    # Twenty labels of six notes each: each by itself gives one of its six to the tenth, a sixth instead of a tenth.
    parts = parts_of(np.kron(np.eye(20, dtype=int), np.ones((6, 1), int)), [1] * 120, [0.9, 0.1])
    assert Counter(parts) == {0: 108, 1: 12}
    assert max(Counter(item // 6 for item, part in enumerate(parts) if part == 1).values()) == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 3)] * 4, st.integers(0, 1)), min_size=2, max_size=12))
def test_the_cost_of_a_move_is_what_it_adds_to_the_objective(rows):
    *counts, part_of = np.array(rows).T
    counts, sizes = np.array(counts).T, np.array(counts).max(axis=0) + 1
    parts = _Parts(sparse.csr_array(counts), sizes, np.array([0.7, 0.3]))
    for item, part in enumerate(part_of):
        parts.place(item, part)

    def objective():
        held = np.array([counts[parts.part_of == part].sum(axis=0) for part in (0, 1)]).T
        deviations = (held - np.outer(counts.sum(axis=0), [0.7, 0.3])) ** 2 / np.maximum(counts.sum(axis=0), 1)[:, None]
        return deviations.sum() + (held == 0).sum()

    before, giver = objective(), part_of[0]
    cost = parts.cost(np.array([0]), giver, 1 - giver)[0]
    parts.place(0, 1 - giver)
    assert cost * sizes[0] == pytest.approx(objective() - before)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 31)), min_size=1, max_size=60),
    st.lists(st.integers(1, 9), min_size=2, max_size=4),
    st.integers(0, 2**32),
)
def test_no_move_of_one_item_brings_the_sizes_nearer(items, weights, seed):
    sizes, bits = np.array(items).T
    labels = (bits[:, None] >> np.arange(5)) % 2 * sizes[:, None]
    shares = np.array(weights) / sum(weights)
    parts = np.array(parts_of(labels, sizes, shares, seed))
    excess = np.bincount(parts, sizes, minlength=len(shares)) - sizes.sum() * shares
    giver, taker = excess.argmax(), excess.argmin()
    assert (sizes[parts == giver] >= excess[giver] - excess[taker] - 1e-6).all()
    if (sizes == 1).all():
        assert np.abs(excess).max() <= 1


def test_stratification_is_no_worse_than_iterstrat():
    rng = np.random.default_rng(0)
    matrix = rng.random((600, 30)) < np.geomspace(0.3, 0.01, 30)
    shares = np.array([0.7, 0.2, 0.1])

    def unevenness(parts):
        counts = np.array([matrix[np.array(parts) == part].sum(axis=0) for part in range(3)])
        return np.abs(counts - np.outer(shares, matrix.sum(axis=0))).mean()

    def yardstick(seed):
        random = np.random.RandomState(seed)
        order = random.permutation(600)  # the order of the items matters to both, so both get a random one
        parts = np.empty(600, int)
        parts[order] = IterativeStratification(matrix[order], shares, random)
        return parts

    own = [parts_of(matrix.astype(int), [1] * 600, shares, seed) for seed in range(12)]
    theirs = np.mean([unevenness(yardstick(seed)) for seed in range(12)])
    assert all(np.bincount(parts).tolist() == [420, 120, 60] for parts in own)
    assert np.mean([unevenness(parts) for parts in own]) <= 0.85 * theirs
    assert theirs < 0.3 * unevenness(rng.choice(3, size=600, p=shares))


def test_groups_by_hand():
    # b links its own notes; its second note has the text of c's, whose text d has too; e stands alone.
    notes = pd.DataFrame({"patient_id": list("abbcde"), "text": ["1", "2", "3", "3", "3", "4"]}, index=range(7, 13))
    group, counts = splits.group_notes(notes)
    assert group.index.equals(notes.index)
    assert [sorted(ids) for ids in group.groupby(group).groups.values()] == [[7], [8, 9, 10, 11], [12]]
    assert counts == {"groups": 3, "notes_in_largest": 4, "notes_of_same_text": 3, "texts_shared": 1}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.integers(0, 30), st.lists(st.sampled_from("abcde"), min_size=1)), min_size=1
    ),
    st.integers(0, 2**32),
)
def test_every_patient_and_every_text_stands_in_one_part(rows, seed):
    patients, texts, codes = zip(*rows, strict=True)
    notes = pd.DataFrame({"patient_id": patients, "text": texts, "codes": codes}, index=range(100, 100 + len(rows)))
    group, counts = splits.group_notes(notes.astype({"patient_id": str, "text": str}))
    parts = splits.distribute(group, notes["codes"], SHARES, seed)
    assert parts.index.equals(notes.index)
    assert parts.isin(list(SHARES)).all()
    for column in ("patient_id", "text"):
        assert parts.groupby(notes[column]).nunique().max() == 1
        assert count_shared(notes[column], parts) == {"L_S": 0, "L_E": 0, "S_E": 0}
    assert counts["groups"] == group.nunique()
    assert parts.equals(splits.distribute(group, notes["codes"], SHARES, seed))


@pytest.mark.parametrize("shares", [SHARES, {"train": 0.9, "validation": 0.1}])
def test_shares_are_kept_to_the_note(shares):
    rng = np.random.default_rng(1)
    codes = [[str(code) for code in np.flatnonzero(row)] or ["none"] for row in rng.random((3000, 20)) < 0.15]
    parts = splits.distribute(pd.Series(rng.integers(0, 2000, 3000)), pd.Series(codes), shares, 1)
    assert parts.value_counts().to_dict() == pytest.approx({name: 3000 * s for name, s in shares.items()}, abs=1)


def test_a_code_of_two_notes_is_lost_to_no_more_parts_than_it_must():
    codes = [[f"rare {i // 2}", "common"] for i in range(200)]
    parts = splits.distribute(pd.Series(range(200)), pd.Series(codes), {"one": 0.5, "other": 0.5}, 4)
    assert measure_quality(pd.Series(codes), parts, {"one": 0.5, "other": 0.5})["one"]["share_of_codes_missing"] == 0


def split_file(*rows):
    return pd.DataFrame(rows, columns=["note_id", "label"])


def test_a_published_split_with_repeated_shared_and_unknown_ids():
    rows = [("1", "train"), ("1", "train"), ("2", "train"), ("2", "val"), ("3", "val"), ("3", "test"), ("3", "train")]
    rows += [("4", "val"), ("5", "test"), ("9", "train"), ("9", "train")]
    subset, counts = splits.resolve_published(pd.Series(["1", "2", "3", "4", "5", "6"]), split_file(*rows), LABELS, "f")
    assert subset.fillna("-").tolist() == ["L", "S", "E", "S", "E", "-"]  # E before S before L
    assert counts == {
        "rows": 11, "ids": 6, "ids_repeated": 4, "ids_in_several_subsets": 2, "ids_unknown": 1, "notes_not_named": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("1", "train"), ("2", "dev")], r"f: row 2: a label that is none of test, train, val. .*'dev'.*published_sub"),
        ([("1", "train"), ("2", None)], r"f: row 2: a label that is none of"),
        ([("1", "train"), (None, "val")], r"f: row 2: no id"),
        (
            [("8", "train"), ("9", "test")],
            r"f: none of the file's 2 ids is one of the corpus's 2 notes.*another corpus",
        ),
        ([("1", "train"), ("9", "test")], r"f: subset S \(label 'val'\) would get no note; 1 of the file's 2 ids are"),
    ],
)
def test_a_published_split_that_does_not_fit(rows, message):
    with pytest.raises(UserError, match=message):
        splits.resolve_published(pd.Series(["1", "2"]), split_file(*rows), LABELS, "f")


@pytest.mark.parametrize(
    "spelled",
    [str, "{}.0".format, "00{}".format, " {} ".format, lambda text: text.upper(), lambda text: f"0{text}.00 "],
)
@pytest.mark.parametrize("side", ["ids of the file", "ids of the notes", "labels"])
def test_a_split_file_that_another_program_saved_again(spelled, side):
    """`7` and `007` are one note, and `1.0` is the label 1: counted as unknown, notes would be left out."""
    ids, labels = ["1", "20", "300", "40"], ["1", "0", "2", "1"]
    known = pd.Series([*ids, "5"]).map(spelled if side == "ids of the notes" else str)
    rows = pd.DataFrame({
        "note_id": map(spelled if side == "ids of the file" else str, ids),
        "label": map(spelled if side == "labels" else str, labels),
    })  # fmt: skip
    subset, counts = splits.resolve_published(known, rows, {"L": "1", "S": "0", "E": "2"}, "f")
    assert subset.fillna("-").tolist() == ["L", "S", "E", "L", "-"]
    assert (counts["ids_unknown"], counts["notes_not_named"]) == (0, 1)


def test_ids_that_differ_in_nothing_but_zeros_stay_apart():
    subset, counts = splits.resolve_published(
        pd.Series(["7", "007", "8", "9"]),
        split_file(("7", "train"), ("007", "val"), ("8", "test"), ("9", "test")), LABELS, "f",
    )  # fmt: skip
    assert subset.tolist() == ["L", "S", "E", "E"]
    assert counts["ids"] == 4
