import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthnotes.corpus import notes
from synthnotes.machinery import params
from synthnotes.machinery.files import UserError
from synthnotes.machinery.params import PrivacyParams
from synthnotes.privacy.planting import detection, plant
from synthnotes.stages import detection as stage

ENGLISH = Path("languages/en.yaml")


def corpus(prefix, seed, size, words=60):
    rng = np.random.default_rng(seed)
    return [" ".join(f"{prefix}{number}" for number in rng.integers(0, 400, words)) for _ in range(size)]


TRAINING, SYNTHETIC = corpus("r", 1, 20), corpus("s", 2, 12)
UNSEEN = pd.DataFrame({"kind": "control", "recall": np.arange(200) / 2000, "passage_words": np.arange(200) // 20})
WRITTEN = pd.DataFrame({"kind": "synthetic", "recall": [0.0, 0.0, 0.1, 0.2], "passage_words": [9, 10, 0, 0]})
NEIGHBOURS = pd.concat([WRITTEN, UNSEEN.assign(kind=np.where(UNSEEN["recall"] < 0.05, "control", "unseen"))])


def test_passages_stand_where_they_were_planted():
    planted = plant(SYNTHETIC, TRAINING, 5, [3, 60, 61], 7)
    assert planted.words.tolist() == [3] * 5 + [60] * 5  # no note has 61 words
    for text, words, start, source in zip(*planted, strict=True):
        passage = text.split()[start : start + words]
        assert len(text.split()) == 60
        assert " ".join(passage) in TRAINING[source]
        assert sum(word.startswith("r") for word in text.split()) == words


def test_the_seed_decides():
    assert plant(SYNTHETIC, TRAINING, 5, [4], 1).texts == plant(SYNTHETIC, TRAINING, 5, [4], 1).texts
    assert plant(SYNTHETIC, TRAINING, 5, [4], 1).texts != plant(SYNTHETIC, TRAINING, 5, [4], 2).texts


def test_detection_by_hand():
    """The control's thresholds: 9 words and a recall of about 0.099. Of 56 5-grams, 10 planted words share 6: 0.107."""
    found = detection(plant(SYNTHETIC, TRAINING, 12, [4, 9, 10], 3), TRAINING, NEIGHBOURS, 5, "ascii", 0.01, 1)
    assert found["thresholds"] == {"passage_words": 9, "recall": pytest.approx(0.098, abs=0.002)}
    everything = {"notes": 12, "located": 1, "nearest_is_source": 1, "flagged_by_passage": 0, "flagged_by_recall": 0}
    assert found["by_words"] == {
        "4": everything | {"nearest_is_source": 0},  # no 5-gram
        "9": everything,  # 5 of 56
        "10": everything | {"flagged_by_passage": 1, "flagged_by_recall": 1},
    }


def test_without_plants_the_detector_tells_what_it_flags():
    """Of the notes as they are, and of unseen notes that did not set the thresholds, at about the rate asked for."""
    rng = np.random.default_rng(1)
    unseen = pd.DataFrame({"kind": "control", "recall": rng.random(4000), "passage_words": rng.random(4000)})
    neighbours = pd.concat([WRITTEN, unseen])
    found = detection(plant(SYNTHETIC, TRAINING, 1, [4], 3), TRAINING, neighbours, 5, "ascii", 0.05, 1)["flagged"]
    assert found["synthetic"] == {
        "notes": 4, "by_passage": {"notes_beyond": 2, "share": 0.5}, "by_recall": {"notes_beyond": 0, "share": 0}
    }  # fmt: skip
    assert "notes" not in found["unseen"]  # with E and S it would tell how many of their texts stand in training
    for how in ("by_passage", "by_recall"):
        assert 0.03 < found["unseen"][how]["share"] < 0.07
        assert found["unseen"][how]["notes_beyond"] == found["unseen"][how]["share"] * 2000  # half of them judge


def write(path, texts):
    frame = pd.DataFrame({"note_id": [str(number) for number in range(len(texts))], "text": texts, "fold": "train"})
    frame["codes"] = frame["descriptions"] = [["I10"]] * len(texts)
    notes.write(path, frame.assign(patient_id=frame["note_id"]))
    return path


def test_stage(tmp_path):
    training, synthetic = write(tmp_path / "l.parquet", TRAINING), write(tmp_path / "s.parquet", SYNTHETIC)
    NEIGHBOURS.to_parquet(tmp_path / "n.parquet")
    outputs = [tmp_path / "results.json", tmp_path / "curve.csv"]
    summary = stage.main(ENGLISH, training, synthetic, tmp_path / "n.parquet", *outputs)
    lengths = params.load("privacy", PrivacyParams).planted_words
    assert summary.startswith(f"{12 * len(lengths)} planted passages")
    assert list(json.loads(outputs[0].read_text())["by_words"]) == [str(length) for length in lengths]
    assert pd.read_csv(outputs[1])["words"].tolist() == lengths


def test_notes_too_short_for_any_passage_are_told(tmp_path):
    training, synthetic = write(tmp_path / "l.parquet", TRAINING), write(tmp_path / "s.parquet", ["a b"])
    NEIGHBOURS.to_parquet(tmp_path / "n.parquet")
    with pytest.raises(UserError, match=r"s\.parquet: no note has room"):
        stage.main(
            Path("languages/en.yaml"),
            training,
            synthetic,
            tmp_path / "n.parquet",
            tmp_path / "r.json",
            tmp_path / "c.csv",
        )
