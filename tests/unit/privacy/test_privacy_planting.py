import json

import numpy as np
import pandas as pd
import pytest

from synthnotes.corpus import notes
from synthnotes.machinery import params
from synthnotes.machinery.files import UserError
from synthnotes.machinery.sections import PrivacyParams
from synthnotes.privacy.planting import detection, plant
from synthnotes.stages import detection as stage


def corpus(prefix, seed, size, words=60):
    rng = np.random.default_rng(seed)
    return [" ".join(f"{prefix}{number}" for number in rng.integers(0, 400, words)) for _ in range(size)]


TRAINING, SYNTHETIC = corpus("r", 1, 20), corpus("s", 2, 12)
CONTROL = pd.DataFrame({"recall": np.arange(100) / 1000, "passage_words": np.arange(100) // 10})


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
    """The control's thresholds: 9 words and a recall of 0.099. Of 56 5-grams, 10 planted words share 6: 0.107."""
    found = detection(plant(SYNTHETIC, TRAINING, 12, [4, 9, 10], 3), TRAINING, CONTROL, 5, "ascii", 0.01)
    assert found["thresholds"] == {"passage_words": 9, "recall": 0.099}
    everything = {"notes": 12, "located": 1, "nearest_is_source": 1, "flagged_by_passage": 0, "flagged_by_recall": 0}
    assert found["by_words"] == {
        "4": everything | {"nearest_is_source": 0},  # no 5-gram
        "9": everything,  # 5 of 56
        "10": everything | {"flagged_by_passage": 1, "flagged_by_recall": 1},
    }


def write(path, texts):
    frame = pd.DataFrame({"note_id": [str(number) for number in range(len(texts))], "text": texts, "fold": "train"})
    frame["codes"] = frame["descriptions"] = [["I10"]] * len(texts)
    notes.write(path, frame.assign(patient_id=frame["note_id"]))
    return path


def test_stage(tmp_path):
    training, synthetic = write(tmp_path / "l.parquet", TRAINING), write(tmp_path / "s.parquet", SYNTHETIC)
    CONTROL.assign(kind="control").to_parquet(tmp_path / "n.parquet")
    outputs = [tmp_path / "results.json", tmp_path / "curve.csv"]
    summary = stage.main("mimic", training, synthetic, tmp_path / "n.parquet", *outputs)
    lengths = params.load("privacy", PrivacyParams).planted_words
    assert summary.startswith(f"{12 * len(lengths)} planted passages")
    assert list(json.loads(outputs[0].read_text())["by_words"]) == [str(length) for length in lengths]
    assert pd.read_csv(outputs[1])["words"].tolist() == lengths


def test_notes_too_short_for_any_passage_are_told(tmp_path):
    training, synthetic = write(tmp_path / "l.parquet", TRAINING), write(tmp_path / "s.parquet", ["a b"])
    CONTROL.assign(kind="control").to_parquet(tmp_path / "n.parquet")
    with pytest.raises(UserError, match=r"s\.parquet: no note has room"):
        stage.main("mimic", training, synthetic, tmp_path / "n.parquet", tmp_path / "r.json", tmp_path / "c.csv")
