"""The note tables that samples make, by themselves and with real S, and their stage."""

import pandas as pd
import pytest

from synthnotes.corpus import notes
from synthnotes.generation.synthetic_notes import all_samples, first_samples, real_and_synthetic
from synthnotes.machinery.files import UserError
from synthnotes.stages import synthetic

FOLDS = {"b": "train", "a": "validation", "c": "train"}
REAL = pd.DataFrame(
    {
        "note_id": list(FOLDS),
        "patient_id": ["p1", "p2", "p1"],
        "text": ["real b", "real a", "real c"],
        "codes": [["I10"], ["J18.9"], ["I10", "J18.9"]],
        "descriptions": [["one"], ["two"], ["one", "two"]],
        "fold": list(FOLDS.values()),
    }
)
SAMPLES = pd.DataFrame(
    [("a", 1, "a1"), ("a", 0, "a0"), ("b", 0, " "), ("b", 1, "b1"), ("c", 0, "c0"), ("c", 1, "c1")],
    columns=["note_id", "sample", "text"],
)


def test_first_samples_copy_all_but_the_text_and_drop_the_empty():
    table = first_samples(SAMPLES, REAL)
    assert table[["note_id", "text"]].values.tolist() == [
        ["a", "a0"],
        ["c", "c0"],
    ]  # as the prompts stand; b's is empty
    prompts = REAL.iloc[[1, 2]].reset_index(drop=True)
    for column in ("patient_id", "codes", "descriptions", "fold"):
        assert table[column].tolist() == prompts[column].tolist()


def test_a_prompt_that_was_never_sampled_makes_no_note():
    table = first_samples(SAMPLES[SAMPLES["note_id"] != "c"], REAL)
    assert table["note_id"].tolist() == ["a"]


def test_all_samples_are_notes_with_all_but_the_text_of_their_prompts():
    table = all_samples(SAMPLES, REAL)
    assert table["note_id"].tolist() == ["b#1", "a#0", "a#1", "c#0", "c#1"]  # as the prompts stand; b's first is empty
    assert table["text"].tolist() == ["b1", "a0", "a1", "c0", "c1"]
    prompts = REAL.set_index("note_id").loc[table["note_id"].str[0]]
    for column in ("patient_id", "codes", "descriptions", "fold"):
        assert table[column].tolist() == prompts[column].tolist()


def test_real_and_synthetic_notes_stand_together_under_ids_of_their_own():
    table = real_and_synthetic(REAL, first_samples(SAMPLES, REAL))
    assert table["note_id"].tolist() == ["b", "a", "c", "a#0", "c#0"]
    assert table["text"].tolist() == ["real b", "real a", "real c", "a0", "c0"]
    assert table["fold"].tolist() == ["train", "validation", "train", "validation", "train"]


@pytest.fixture
def paths(tmp_path):
    paths = {name: tmp_path / f"{name}.parquet" for name in ("real", "samples", "first", "mixed", "every")}
    notes.write(paths["real"], REAL)
    SAMPLES.assign(finish_reason="stop").to_parquet(paths["samples"])
    return paths


def test_the_stage_keeps_a_patient_s_notes_real_and_synthetic_in_one_fold(paths):
    assert synthetic.main(**paths) == "2 notes of first samples, 5 of all, from 3 prompts"
    first, mixed, every = (notes.read(paths[name]) for name in ("first", "mixed", "every"))
    pd.testing.assert_frame_equal(first, first_samples(SAMPLES, REAL)[first.columns])
    assert (len(mixed), len(every)) == (5, 5)
    all_of_them = pd.concat([first, mixed, every])
    assert (all_of_them.groupby("patient_id")["fold"].nunique() == 1).all()
    assert all_of_them.groupby("patient_id")["fold"].first().to_dict() == {"p1": "train", "p2": "validation"}


def test_ids_that_collide_are_refused_before_anything_is_written(paths):
    notes.write(paths["real"], REAL.assign(note_id=["a", "a#0", "c"]))  # a#0 is also the first sample of a
    with pytest.raises(UserError, match=r"mixed\.parquet: note_id must be unique.*a#0"):
        synthetic.main(**paths)
    assert not any(paths[name].exists() for name in ("first", "mixed", "every"))


@pytest.mark.parametrize("empty", [{"train", "validation"}, {"train"}, {"validation"}])
@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_where_all_samples_are_empty_the_generator_is_named(paths, empty, text):
    folds = SAMPLES["note_id"].map(FOLDS)
    SAMPLES.assign(text=SAMPLES["text"].mask(folds.isin(empty), text)).to_parquet(paths["samples"])
    fold = "train" if "train" in empty else "validation"
    with pytest.raises(
        UserError, match=rf"samples\.parquet: the first samples of all \d prompts of fold {fold} are empty"
    ) as told:
        synthetic.main(**paths)
    assert "generator" in str(told.value)
    assert "cohort" not in str(told.value)
    assert not any(paths[name].exists() for name in ("first", "mixed", "every"))


def test_a_damaged_table_of_samples_is_named(paths):
    paths["samples"].write_bytes(paths["samples"].read_bytes()[:50])
    with pytest.raises(UserError, match=r"samples\.parquet: not a parquet file"):
        synthetic.main(**paths)
