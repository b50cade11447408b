"""The training sets that are put together from real S and its samples, and their stage."""

import pandas as pd
import pytest

from synthnotes.corpus import notes
from synthnotes.generation.mixtures import all_samples, real_and_synthetic
from synthnotes.generation.samples import first_samples
from synthnotes.machinery.files import UserError
from synthnotes.stages import mixtures

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
    paths = {name: tmp_path / f"{name}.parquet" for name in ("real", "synthetic", "samples", "mixed", "every")}
    notes.write(paths["real"], REAL)
    notes.write(paths["synthetic"], first_samples(SAMPLES, REAL))
    SAMPLES.assign(finish_reason="stop").to_parquet(paths["samples"])
    return paths


def test_the_stage_keeps_a_patient_s_notes_real_and_synthetic_in_one_fold(paths):
    assert mixtures.main(**paths) == "5 real and synthetic notes, 5 notes of all samples, from 3 prompts"
    both = pd.concat([notes.read(paths["mixed"]), notes.read(paths["every"])])
    assert (both.groupby("patient_id")["fold"].nunique() == 1).all()
    assert both.groupby("patient_id")["fold"].first().to_dict() == {"p1": "train", "p2": "validation"}


def test_ids_that_collide_are_refused(paths):
    collision = REAL.assign(note_id=["a", "a#0", "c"])  # a#0 is also the first sample of a
    notes.write(paths["real"], collision)
    notes.write(paths["synthetic"], collision.head(1))
    with pytest.raises(UserError, match=r"mixed\.parquet: note_id must be unique.*a#0"):
        mixtures.main(**paths)
    assert not paths["mixed"].exists()
    assert not paths["every"].exists()
