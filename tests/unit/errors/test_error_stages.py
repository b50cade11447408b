"""The stages `errors` and `hypotheses`, from files to files."""

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest

from synthnotes.coding import predictions
from synthnotes.coding.predictions import Predictions
from synthnotes.corpus import notes
from synthnotes.machinery import params
from synthnotes.machinery.files import UserError, write_json
from synthnotes.machinery.params import DisclosureParams, NoiseParams
from synthnotes.stages import errors, hypotheses

CODES = ["I10", "I50.9", "J18.9", "0DTJ4ZZ", "XW03331"]
SECRET = "pneumonectomized"  # a word of every note, and of no result


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(3)

    def table(name, size, fold):
        given = rng.random((size, len(CODES))) < [0.9, 0.5, 0.4, 0.2, 0.1]
        given[:, 0] |= ~given.any(axis=1)
        codes = [[code for code, has in zip(CODES, row, strict=True) if has] for row in given]
        text = [" ".join([SECRET] * int(words)) for words in rng.integers(10, 300, size)]
        frame = pd.DataFrame({"note_id": [f"{name}{row}" for row in range(size)], "text": text, "codes": codes})
        notes.write(
            tmp_path / f"{name}.parquet", frame.assign(patient_id=frame["note_id"], descriptions=codes, fold=fold)
        )
        return given

    for name in ("real", "synthetic"):
        table(name, 50, ["train"] * 40 + ["validation"] * 10)
    truth = table("e", 50, "evaluation")
    pd.DataFrame({"code": CODES, "kind": "diagnosis"}).to_csv(tmp_path / "codes.csv", index=False)
    noise, seeds = params.load("noise", NoiseParams), params.load("seeds", list)
    synthetic = [f"coders/synthetic_s-{seed}" for seed in seeds]
    kinds = product(noise.hypotheses, noise.noise_levels)
    noisy = [[f"noise/{hypothesis}-{level}-{seed}" for seed in noise.seeds] for hypothesis, level in kinds]
    for error, coders in enumerate([["real_coder"], synthetic, *noisy]):
        for coder in coders:
            wrong = rng.random(truth.shape) < 0.05 * (error + 1)
            (tmp_path / coder).mkdir(parents=True)
            ids = [f"e{row}" for row in range(50)]
            predictions.save(tmp_path / coder, Predictions(ids, CODES, np.where(truth ^ wrong, 0.9, 0.1), 0.5))
            write_json(tmp_path / coder / predictions.NOISE_FILE, {"words": 1000, "words_changed": 100 + error})
    return tmp_path


def test_errors_side_by_side(folder):
    tables = ("frequency", "length", "chapters", "confusion", "calibration", "codes")
    outputs = [folder / "errors.json", *(folder / f"{name}-table.csv" for name in tables)]
    inputs = ("e.parquet", "codes.csv", "real.parquet", "real_coder", "synthetic.parquet")
    synthetic_coder = folder / "coders" / f"synthetic_s-{params.load('seeds', list)[0]}"
    summary = errors.main("mimic", *(folder / name for name in inputs), synthetic_coder, *outputs)
    assert "50 notes" in summary

    results = json.loads(outputs[0].read_text())
    assert list(results) == ["real", "synthetic", "codes", "computed_by"]
    for coder in ("real", "synthetic"):
        parts = ["predictions", "code_match", "frequency", "length", "families", "calibration"]
        assert list(results[coder]) == parts
    assert results["real"]["families"]["wrong"] < results["synthetic"]["families"]["wrong"]
    for path in outputs[1:3]:
        table = pd.read_csv(path)
        assert table.columns.tolist() == ["coder", "x", "mean", "sd", "count", "patients"]
        assert set(table["coder"]) == {"real", "synthetic"}
    assert set(pd.read_csv(outputs[3])["coder"]) == {"real", "synthetic", "truth"}
    confusion, calibration, codes = map(pd.read_csv, outputs[4:])
    assert confusion.columns.tolist() == ["coder", "missed", "predicted", "codes", "patients", "share"]
    assert confusion.groupby("coder")["codes"].sum().round().tolist() == [
        results[coder]["families"]["wrong"] for coder in ("real", "synthetic")
    ]
    assert calibration.columns.tolist() == ["coder", "probability", "share_true", "decisions"]
    assert codes.columns.tolist() == [
        *("code", "family", "training_real", "training_synthetic", "patients", "notes"),
        *("f1_real", "f1_synthetic", "difference", "low", "high"),
    ]  # fmt: skip
    assert len(codes) == results["codes"]["listed"]
    assert set(results["codes"]["rarity"]) == {"n", "pearson", "spearman", "verdict"}
    assert (codes["patients"] >= params.load("disclosure", DisclosureParams).minimum_patients).all()
    assert not any(word in path.read_text() for path in outputs for word in (SECRET, "e17"))


def test_training_counts_the_notes_that_teach_alone(folder):
    """The coder learns from its fold `train`: codes of a validation note are neither frequent nor matched for it."""
    taught = notes.read(folder / "real.parquet")
    taught = taught[taught["fold"] == "train"].assign(codes=[["J18.9"]] * 20 + [["I10"]] * 20)
    chosen = taught.assign(fold="validation", note_id="v" + taught["note_id"], codes=[["I10", "I50.9"]] * 40)
    tables = ("results", "frequency", "length", "chapters", "confusion", "calibration", "codes")
    for part, table in {"with": pd.concat([taught, chosen]), "without": taught}.items():
        (folder / part).mkdir()
        notes.write(folder / part / "real.parquet", table.assign(descriptions=table["codes"]).reset_index(drop=True))
        inputs = folder / "e.parquet", folder / "codes.csv", folder / part / "real.parquet", folder / "real_coder"
        synthetic = folder / "synthetic.parquet", folder / "real_coder"
        errors.main("mimic", *inputs, *synthetic, *(folder / part / table for table in tables))
    counts = pd.read_csv(folder / "with" / "codes").set_index("code")["training_real"]
    assert counts[["I10", "I50.9", "J18.9"]].tolist() == [20, 0, 20]
    for table in tables:
        assert (folder / "with" / table).read_text() == (folder / "without" / table).read_text()


def run_hypotheses(folder):
    outputs = [folder / name for name in ("hypotheses.json", "curves.csv")]
    inputs = ("e.parquet", "codes.csv", "real.parquet", "coders", "noise")
    return hypotheses.main(*(folder / name for name in inputs), *outputs), *outputs


def test_hypotheses_compare_every_level_of_the_parameters(folder):
    (folder / "noise" / "h1-99-7").mkdir()  # left by another list of levels: not looked at
    summary, results, curves = run_hypotheses(folder)
    noise = params.load("noise", NoiseParams)
    found = json.loads(results.read_text())
    assert found["synthetic"]["coders"] == len(params.load("seeds", list))
    assert found["winner"]["verdict"] == "too few seeds"
    distances = found["distances"]
    assert {hypothesis: list(levels) for hypothesis, levels in distances.items()} == {
        hypothesis: [str(level) for level in noise.noise_levels] for hypothesis in noise.hypotheses
    }
    kinds = [f"{hypothesis}-{level}" for hypothesis in noise.hypotheses for level in noise.noise_levels]
    changed = [of_kind["words_changed"] for of_kind in found["noise"].values()]
    assert dict(zip(found["noise"], changed, strict=True)) == dict(zip(kinds, range(102, 106), strict=True))
    assert f"h1 at {noise.noise_levels[0]} %" in summary  # made with the error rate nearest to the synthetic coder's
    assert "synthetic" in set(pd.read_csv(curves)["coder"])
    assert SECRET not in results.read_text() + curves.read_text()


def test_frequency_counts_the_notes_that_teach(folder):
    """Validation notes choose epoch and threshold; no coder learns a code from them."""
    real = notes.read(folder / "real.parquet")
    validation = real.assign(note_id="v" + real["note_id"], patient_id="v" + real["patient_id"], fold="validation")
    tables = []
    for training in (real, pd.concat([real, validation], ignore_index=True)):
        notes.write(folder / "real.parquet", training)
        tables.append(pd.read_csv(run_hypotheses(folder)[2]))
    pd.testing.assert_frame_equal(*tables)


def test_a_missing_coder_is_named_before_anything_is_written(folder):
    noise = params.load("noise", NoiseParams)
    coder = f"h2-{noise.noise_levels[-1]}-{noise.seeds[-1]}"
    (folder / "noise" / coder / "predictions.npz").unlink()
    with pytest.raises(UserError, match=coder):
        run_hypotheses(folder)
    assert not (folder / "hypotheses.json").exists()
    assert not (folder / "curves.csv").exists()
