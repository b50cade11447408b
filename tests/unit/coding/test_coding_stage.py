"""The stage `coding`, from files to a coder's folder."""

import pandas as pd
import pytest

from synthnotes.coding import predictions
from synthnotes.coding.plm_icd import coder as coders
from synthnotes.corpus import notes
from synthnotes.machinery.files import UserError, read_json
from synthnotes.stages import coding as stage

CODES = ["I10", "E11.9", "J18.9", "0DTJ4ZZ", "Z99"]  # training has the last in no note


@pytest.fixture
def run(tmp_path, tables, encoder_folder, monkeypatch):
    """Runs the stage with some parameters on a training table of 24 notes; gives the coder's folder."""
    for name, table in zip(("real_l", "e"), tables(24, 4), strict=True):
        notes.write(tmp_path / f"{name}.parquet", table)
    real_s = tables(5, 2)[0]
    notes.write(tmp_path / "real_s.parquet", real_s.assign(note_id="s-" + real_s["note_id"]))
    pd.DataFrame({"code": CODES, "kind": "diagnosis"}).to_csv(tmp_path / "codes.csv", index=False)

    def of(settings, name="coder"):
        monkeypatch.setattr(stage.params, "load", lambda section, kind: settings)
        inputs = *(tmp_path / f"{table}.parquet" for table in ("real_l", "real_s", "e")), encoder_folder
        others = (tmp_path / other for other in ("models", "codes.csv", "accelerate", "work"))
        stage.main("mimic", 7, *inputs, *others, tmp_path / name)
        return tmp_path / name

    return of


def test_the_stage_leaves_nothing_where_training_diverges(run, tmp_path, settings):
    with pytest.raises(UserError, match=r"in step \d+ of 6, on the notes train-\d"):
        run(settings(learning_rate=1e38, warmup_steps=0, real_l_validates_on="L"))
    assert not (tmp_path / "coder").exists()


@pytest.mark.parametrize(("validates_on", "folds"), [("S", (28, 7)), ("L", (24, 4))])
@pytest.mark.parametrize("exists", [False, True])
def test_real_l_teaches_with_all_its_notes_where_s_validates(run, settings, monkeypatch, validates_on, folds, exists):
    """Published: 89,099 notes of L teach, and S validates; a coder that exists is validated alike."""
    seen = []
    if exists:
        run(settings(epochs=1), "models/ours")
    whole = coders._encode
    monkeypatch.setattr(coders, "_encode", lambda *given: seen.append(whole(*given)) or seen[0])
    weights = {"mimic": {"real_l": {7: "ours"}} if exists else {}, "sepr": {}}
    run(settings(epochs=1, real_l_validates_on=validates_on, weights=weights))
    train, validation, _ = seen[0]
    assert (len(train), len(validation)) == folds
    assert all(note.startswith("s-") for note in validation.note_ids) == (validates_on == "S")


def test_the_stage_leaves_all_that_is_measured_later(run, tmp_path, settings):
    folder = run(settings(epochs=2))
    assert not list((tmp_path / "work").iterdir())
    described, curve = read_json(folder / "coder.json"), pd.read_csv(folder / "curve.csv")
    assert curve["epoch"].tolist() == [1, 2]
    assert described["validation_map"] == pytest.approx(curve["validation_map"][described["best_epoch"] - 1], abs=1e-6)
    predicted = predictions.load(folder)
    assert (described["codes"], described["threshold"]) == (predicted.codes, predicted.threshold)
    assert predicted.note_ids == notes.read(tmp_path / "e.parquet")["note_id"].tolist()


def test_the_stage_takes_a_coder_that_exists_already(run, settings):
    trained = run(settings(epochs=1), "models/ours")
    weights = {"mimic": {"real_l": {7: "ours"}}, "sepr": {}}
    taken = run(settings(epochs=1, weights=weights))
    assert [read_json(folder / "coder.json")["best_epoch"] for folder in (trained, taken)] == [1, 0]
    expected, found = (predictions.load(folder).probabilities for folder in (trained, taken))
    assert found == pytest.approx(expected, abs=1e-3)  # half precision


def test_bfloat16_is_honoured_without_a_gpu(run, settings):
    """The parameter decides the precision, wherever the coder is trained."""
    exact, mixed = (run(settings(epochs=1, precision=of), of) for of in ("float32", "bfloat16"))
    expected, found = (predictions.load(folder).probabilities for folder in (exact, mixed))
    assert (expected != found).any()
    assert found == pytest.approx(expected, abs=0.1)
