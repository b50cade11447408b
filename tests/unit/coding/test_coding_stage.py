"""The stage `coding`, from files to files."""

import pandas as pd
import pytest

from synthnotes.corpus import notes
from synthnotes.machinery.files import UserError, read_json
from synthnotes.machinery.sections import DisclosureParams
from synthnotes.stages import coding as stage

CODES = ["I10", "E11.9", "J18.9", "0DTJ4ZZ", "Z99"]  # training has the last in no note


def run(folder, encoder, outputs):
    tables = folder / "real_l.parquet", folder / "e.parquet"
    return stage.main(
        "mimic", 7, *tables, encoder, folder / "models", folder / "codes.csv", folder, folder / "work", *outputs
    )


def load(coding):
    """Gives parameters in the place of those of params.yaml."""
    return {"coding": coding, "disclosure": DisclosureParams(demo=True, minimum_patients=10)}.get


def test_the_stage_leaves_nothing_where_training_diverges(tmp_path, tables, save_encoder, settings, monkeypatch):
    monkeypatch.setattr(stage.params, "load", load(settings(learning_rate=1e38, warmup_steps=0)))
    training_notes, evaluation = tables(24, 4)
    notes.write(tmp_path / "real_l.parquet", training_notes)
    notes.write(tmp_path / "e.parquet", evaluation)
    pd.DataFrame({"code": CODES, "kind": "diagnosis"}).to_csv(tmp_path / "codes.csv", index=False)
    encoder = save_encoder(tmp_path / "encoder")
    outputs = [tmp_path / name for name in ("coder", "results.json", "curve.csv")]
    with pytest.raises(UserError, match=r"in step \d+ of 6, on the notes train-\d"):
        run(tmp_path, encoder, outputs)
    assert not any(path.exists() for path in outputs)


def test_the_stage_reports_groups_of_codes(tmp_path, tables, encoder_folder, settings, monkeypatch):
    """A code of E that training never saw has a group of its own, and its notes are judged like any other."""
    monkeypatch.setattr(stage.params, "load", load(settings(epochs=1)))
    training_notes, evaluation = tables(24, 4)
    evaluation.at[0, "codes"] = ["Z99"]
    notes.write(tmp_path / "real_l.parquet", training_notes)
    notes.write(tmp_path / "e.parquet", evaluation)
    kinds = ["procedure" if code == "0DTJ4ZZ" else "diagnosis" for code in CODES]
    pd.DataFrame({"code": CODES, "kind": kinds}).to_csv(tmp_path / "codes.csv", index=False)
    outputs = [tmp_path / name for name in ("coder", "results.json", "curve.csv")]
    run(tmp_path, encoder_folder, outputs)
    assert not list((tmp_path / "work").iterdir())
    results = read_json(outputs[1])
    assert results["codes_in_evaluation"] == results["codes_in_training"] + 1 == 5
    groups = results["groups"]
    assert {name: group["codes"] for name, group in groups.items()}.items() >= {
        ("unseen", 1), ("diagnoses", 4), ("procedures", 1)
    }  # fmt: skip
    assert sum(groups[name]["codes"] for name in ("frequent", "middle", "rare", "unseen")) == 5
    assert groups["unseen"]["codes_in_evaluation"] == 1
    assert 0 <= groups["unseen"]["micro"]["auc"] <= 1


def test_the_stage_evaluates_a_coder_that_exists_already(tmp_path, tables, encoder_folder, settings, monkeypatch):
    training_notes, evaluation = tables(24, 4)
    notes.write(tmp_path / "real_l.parquet", training_notes)
    notes.write(tmp_path / "e.parquet", evaluation)
    pd.DataFrame({"code": CODES, "kind": "diagnosis"}).to_csv(tmp_path / "codes.csv", index=False)
    outputs = [tmp_path / name for name in ("models/ours", "results.json", "curve.csv")]
    monkeypatch.setattr(stage.params, "load", load(settings(epochs=1)))
    run(tmp_path, encoder_folder, outputs)
    trained = read_json(outputs[1])
    given = settings(epochs=1, weights={"mimic": {"real_l-7": "ours"}, "sepr": {}})
    monkeypatch.setattr(stage.params, "load", load(given))
    run(tmp_path, encoder_folder, [tmp_path / "coder", *outputs[1:]])
    evaluated = read_json(outputs[1])
    assert (trained["best_epoch"], evaluated["best_epoch"]) == (1, 0)
    assert evaluated["micro"] == pytest.approx(trained["micro"], abs=1e-6)
    assert evaluated["groups"].keys() == trained["groups"].keys()
