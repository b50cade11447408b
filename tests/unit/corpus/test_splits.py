"""Splits: worked examples, properties, and iterstrat as the yardstick of stratification."""

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iterstrat.ml_stratifiers import IterativeStratification

from synthnotes.corpus import splits
from synthnotes.corpus.stratification import stratify
from synthnotes.files import UserError

SHARES = {"L": 0.6, "S": 0.2, "E": 0.2}
LABELS = {"L": "train", "S": "val", "E": "test"}


def notes_of(patients, codes):
    return pd.DataFrame({"patient_id": patients, "codes": codes}, index=range(100, 100 + len(patients)))


def test_the_rarest_label_is_dealt_out_first():
    # Dealt with the frequent label first, both holders of "rare" could land in the same half.
    labels = [{"common": 1, "rare": 1}, {"common": 1, "rare": 1}, {"common": 1}, {"common": 1}]
    for seed in range(20):
        parts = stratify(labels, [1] * 4, [0.5, 0.5], seed)
        assert parts[0] != parts[1]
        assert parts[2] != parts[3]


def test_an_item_weighs_as_many_notes_as_it_stands_for():
    assert sorted(stratify([{"a": 3}, {"a": 1}, {"a": 1}, {"a": 1}], [3, 1, 1, 1], [0.5, 0.5], 0)) in (
        [0, 0, 0, 1],
        [0, 1, 1, 1],
    )


def test_items_without_labels_are_shared_out_too():
    assert Counter(stratify([{}] * 10, [1] * 10, [0.8, 0.2], 5)) == {0: 8, 1: 2}


def test_stratification_is_no_worse_than_iterstrat():
    rng = np.random.default_rng(0)
    matrix = rng.random((600, 30)) < np.geomspace(0.3, 0.01, 30)
    shares = np.array([0.7, 0.2, 0.1])
    items = [{str(label): 1 for label in np.flatnonzero(row)} for row in matrix]

    def unevenness(parts):
        counts = np.array([matrix[np.array(parts) == part].sum(axis=0) for part in range(3)])
        return np.abs(counts - np.outer(shares, matrix.sum(axis=0))).mean()

    def yardstick(seed):
        random = np.random.RandomState(seed)
        order = random.permutation(600)  # the order of the items matters to both, so both get a random one
        parts = np.empty(600, int)
        parts[order] = IterativeStratification(matrix[order], shares, random)
        return parts

    own = np.mean([unevenness(stratify(items, [1] * 600, shares.tolist(), seed)) for seed in range(12)])
    theirs = np.mean([unevenness(yardstick(seed)) for seed in range(12)])
    at_random = unevenness(rng.choice(3, size=600, p=shares))
    assert own <= 1.25 * theirs
    assert own < 0.3 * at_random


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.lists(st.sampled_from("abcde"), min_size=1)), min_size=1), st.integers(0)
)
def test_every_patient_stands_in_one_part(rows, seed):
    notes = notes_of([str(patient) for patient, _ in rows], [codes for _, codes in rows])
    parts = splits.by_patient(notes, SHARES, seed)
    assert parts.index.equals(notes.index)
    assert parts.isin(list(SHARES)).all()
    assert parts.groupby(notes["patient_id"]).nunique().max() == 1
    assert parts.equals(splits.by_patient(notes, SHARES, seed))


def test_shares_are_kept():
    rng = np.random.default_rng(1)
    codes = [[str(code) for code in np.flatnonzero(row)] or ["none"] for row in rng.random((3000, 20)) < 0.15]
    parts = splits.by_patient(notes_of(rng.integers(0, 2000, 3000).astype(str), codes), SHARES, 1)
    assert parts.value_counts(normalize=True).to_dict() == pytest.approx(SHARES, abs=0.02)


def test_a_published_split_with_repeated_shared_and_unknown_ids():
    rows = [("1", "train"), ("1", "train"), ("2", "train"), ("2", "val"), ("3", "val"), ("3", "test"), ("4", "val")]
    rows += [("5", "test"), ("9", "train")]
    subset, counts = splits.from_published(
        pd.Series(["1", "2", "3", "4", "5", "6"]), pd.DataFrame(rows, columns=["note_id", "label"]), LABELS, "f"
    )
    assert subset.fillna("-").tolist() == ["L", "S", "E", "S", "E", "-"]  # E before S before L
    assert counts == {"ids_repeated": 1, "ids_in_several_subsets": 2, "ids_unknown": 1}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("1", "train"), ("2", "dev")], r"f: row 2: label 'dev' is none of .*published_subsets"),
        ([("8", "train"), ("9", "test")], r"f: none of the corpus's 2 notes is in subset L .*another corpus's"),
    ],
)
def test_a_published_split_that_does_not_fit(rows, message):
    with pytest.raises(UserError, match=message):
        splits.from_published(pd.Series(["1", "2"]), pd.DataFrame(rows, columns=["note_id", "label"]), LABELS, "f")


def test_shared_patients():
    patients = pd.Series(["a", "a", "a", "b", "b", "c"])
    assert splits.shared_patients(patients, pd.Series(["L", "S", "S", "L", "E", "E"])) == {"L_S": 1, "L_E": 1, "S_E": 0}


def test_quality_by_hand():
    measures = splits.quality(pd.Series([["a"], ["a", "b"], ["b"]]), pd.Series(["L", "S", "E"]))
    assert measures["S"] == pytest.approx({"share_of_notes": 1 / 3, "share_of_codes_missing": 0, "kl_divergence": 0})
    assert measures["L"] == pytest.approx(  # all mass on a code of half the corpus
        {"share_of_notes": 1 / 3, "share_of_codes_missing": 0.5, "kl_divergence": math.log(2)}
    )
