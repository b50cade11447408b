"""The stage `coding`, from files to files."""

import pandas as pd
import pytest

from synthnotes import notes
from synthnotes.files import UserError, read_json
from synthnotes.stages import coding as stage

CODES = ["I10", "E11.9", "J18.9", "0DTJ4ZZ", "Z99"]  # training has the last in no note


def test_the_stage_leaves_nothing_where_training_diverges(tmp_path, tables, save_encoder, settings, monkeypatch):
    monkeypatch.setattr(stage.params, "load", lambda section: settings(learning_rate=1e38, warmup_steps=0))
    training_notes, evaluation = tables(24, 4)
    notes.write(tmp_path / "training.parquet", training_notes)
    notes.write(tmp_path / "e.parquet", evaluation)
    pd.DataFrame({"code": CODES, "kind": "diagnosis"}).to_csv(tmp_path / "codes.csv", index=False)
    encoder = save_encoder(tmp_path / "encoder")
    outputs = [tmp_path / name for name in ("coder", "results.json", "curve.csv")]
    with pytest.raises(UserError, match=r"in step \d+ of 6, on the notes train-\d"):
        stage.main(tmp_path / "training.parquet", tmp_path / "e.parquet", encoder, tmp_path / "codes.csv", *outputs)
    assert not any(path.exists() for path in outputs)


def test_the_stage_reports_groups_of_codes(tmp_path, tables, encoder_folder, settings, monkeypatch):
    """A code of E that training never saw has a group of its own, and its notes are judged like any other."""
    monkeypatch.setattr(stage.params, "load", lambda section: settings(epochs=1))
    training_notes, evaluation = tables(24, 4)
    evaluation.at[0, "codes"] = ["Z99"]
    notes.write(tmp_path / "training.parquet", training_notes)
    notes.write(tmp_path / "e.parquet", evaluation)
    kinds = ["procedure" if code == "0DTJ4ZZ" else "diagnosis" for code in CODES]
    pd.DataFrame({"code": CODES, "kind": kinds}).to_csv(tmp_path / "codes.csv", index=False)
    outputs = [tmp_path / name for name in ("coder", "results.json", "curve.csv")]
    stage.main(tmp_path / "training.parquet", tmp_path / "e.parquet", encoder_folder, tmp_path / "codes.csv", *outputs)
    results = read_json(outputs[1])
    assert results["codes_in_evaluation"] == results["codes_in_training"] + 1 == 5
    groups = results["groups"]
    assert {name: group["codes"] for name, group in groups.items()}.items() >= {
        ("unseen", 1), ("diagnoses", 4), ("procedures", 1)
    }  # fmt: skip
    assert sum(groups[name]["codes"] for name in ("frequent", "middle", "rare", "unseen")) == 5
    assert groups["unseen"]["codes_in_evaluation"] == 1
    assert 0 <= groups["unseen"]["micro"]["auc"] <= 1
