"""The stage `coding`, from files to a coder's folder."""

from types import SimpleNamespace

import pandas as pd
import pytest

from synthnotes.coding import predictions
from synthnotes.corpus import notes
from synthnotes.machinery.files import UserError, read_json
from synthnotes.stages import coding as stage

CODES = ["I10", "E11.9", "J18.9", "0DTJ4ZZ", "Z99"]  # training has the last in no note


@pytest.fixture
def run(tmp_path, tables, encoder_folder, monkeypatch):
    """Runs the stage with some parameters on a training table of 24 notes; gives the coder's folder."""
    for name, table in zip(("real_l", "e"), tables(24, 4), strict=True):
        notes.write(tmp_path / f"{name}.parquet", table)
    prompts, _ = tables(10, 2)
    notes.write(tmp_path / "real_s.parquet", prompts.assign(note_id=[f"s{number}" for number in range(len(prompts))]))
    pd.DataFrame({"code": CODES, "kind": "diagnosis"}).to_csv(tmp_path / "codes.csv", index=False)

    def of(settings, name="coder", validation="real_l", weights=None):
        monkeypatch.setattr(stage.params, "load", lambda section, kind, corpus: settings)
        declared = SimpleNamespace(weights=weights or {})
        monkeypatch.setattr(stage.params, "declaration", lambda corpus: declared)
        training = tmp_path / "real_l.parquet", tmp_path / f"{validation}.parquet"
        inputs = *training, tmp_path / "e.parquet", encoder_folder, tmp_path / "models"
        others = tmp_path / "codes.csv", tmp_path / "accelerate", tmp_path / "work"
        stage.main("mimic", 7, *inputs, *others, tmp_path / name)
        return tmp_path / name

    return of


def test_the_stage_leaves_nothing_where_training_diverges(run, tmp_path, settings):
    with pytest.raises(UserError, match=r"in step \d+ of 6, on the notes train-\d"):
        run(settings(learning_rate=1e38, warmup_steps=0))
    assert not (tmp_path / "coder").exists()


def test_the_stage_leaves_all_that_is_measured_later(run, tmp_path, settings):
    folder = run(settings(epochs=2))
    assert not list((tmp_path / "work").iterdir())
    described, curve = read_json(folder / "coder.json"), pd.read_csv(folder / "curve.csv")
    assert curve["epoch"].tolist() == [1, 2]
    assert described["validation_map"] == pytest.approx(curve["validation_map"][described["best_epoch"] - 1], abs=1e-6)
    predicted = predictions.load(folder)
    assert (described["codes"], described["threshold"]) == (predicted.codes, predicted.threshold)
    assert predicted.note_ids == notes.read(tmp_path / "e.parquet")["note_id"].tolist()


def test_another_table_chooses_and_all_of_training_teaches(run, settings, monkeypatch):
    """28 notes of L teach and 12 of S choose, instead of 24 and 4 of L."""
    seen = []
    fit = stage.coders.fit
    monkeypatch.setattr(
        stage.coders, "fit", lambda model, *tables, **rest: seen.append(tables) or fit(model, *tables, **rest)
    )
    folders = run(settings(epochs=1)), run(settings(epochs=1), "whole", validation="real_s")
    assert [(len(train), len(validation)) for train, validation, *_ in seen] == [(24, 4), (28, 12)]
    assert {note_id[0] for note_id in seen[1][1].note_ids} == {"s"}
    described = [read_json(folder / "coder.json")["validation_map"] for folder in folders]
    assert described[0] != described[1]


def test_the_stage_takes_a_coder_that_exists_already(run, settings):
    trained = run(settings(epochs=1), "models/ours")
    taken = run(settings(epochs=1), weights={"real_l": {7: "ours"}})
    assert [read_json(folder / "coder.json")["best_epoch"] for folder in (trained, taken)] == [1, 0]
    expected, found = (predictions.load(folder).probabilities for folder in (trained, taken))
    assert found == pytest.approx(expected, abs=1e-3)  # half precision


def test_bfloat16_is_honoured_without_a_gpu(run, settings):
    """The parameter decides the precision, wherever the coder is trained."""
    exact, mixed = (run(settings(epochs=1, precision=of), of) for of in ("float32", "bfloat16"))
    expected, found = (predictions.load(folder).probabilities for folder in (exact, mixed))
    assert (expected != found).any()
    assert found == pytest.approx(expected, abs=0.1)
