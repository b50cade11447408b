"""The comparison of pairs, and the stage `significance` from files to files."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from statsmodels.stats.multitest import multipletests

from synthnotes.coding import predictions
from synthnotes.coding.outcomes import measure_notes
from synthnotes.coding.predictions import Predictions
from synthnotes.corpus import notes
from synthnotes.machinery import params
from synthnotes.machinery.files import UserError
from synthnotes.machinery.params import TRAINING_SETS, SignificanceParams
from synthnotes.significance import coder_differences
from synthnotes.stages import significance

CODES = ["I10", "I50.9", "J18.9", "0DTJ4ZZ", "XW03331"]
BEST_FIRST = ("real_l", "real_s", "real_and_synthetic_s", "synthetic_s", "synthetic_s_all")
SECRET = "pneumonectomized"  # a word of every note, and of no result


@pytest.fixture
def folder(tmp_path):
    """E, and coders that are wrong the more often the later they stand; one of them lists the notes backwards."""
    rng = np.random.default_rng(3)
    truth = rng.random((60, len(CODES))) < [0.9, 0.5, 0.4, 0.2, 0.0]
    truth[:, 0] |= ~truth.any(axis=1)
    codes = [[code for code, has in zip(CODES, row, strict=True) if has] for row in truth]
    frame = pd.DataFrame({"note_id": [f"e{row}" for row in range(60)], "codes": codes, "descriptions": codes})
    patients = [f"p{row // 2}" for row in range(60)]
    notes.write(tmp_path / "e.parquet", frame.assign(patient_id=patients, text=f"{SECRET} note", fold="evaluation"))
    pd.DataFrame({"code": CODES, "kind": "diagnosis"}).to_csv(tmp_path / "codes.csv", index=False)
    trained = [(error, coder, seed) for error, coder in enumerate(BEST_FIRST) for seed in params.load_seeds()[coder]]
    for error, coder, seed in trained:
        probabilities = np.where(truth ^ (rng.random(truth.shape) < 0.05 + 0.08 * error), 0.9, 0.1)
        order = slice(None, None, -1 if error == 1 else 1)
        ids = frame["note_id"].tolist()[order]
        folder = tmp_path / f"{coder}-{seed}"
        folder.mkdir()
        predictions.save(folder, Predictions(ids, CODES, probabilities[order], 0.5))
    return tmp_path


def run(folder):
    outputs = [folder / name for name in ("significance.json", "differences.csv")]
    return significance.main(folder / "e.parquet", folder / "codes.csv", folder, *outputs), *outputs


def test_every_pair_of_the_parameters_is_compared(folder):
    summary, results, differences = run(folder)
    assert "60 notes of 30 patients" in summary
    found = json.loads(results.read_text())
    assert [found[of] for of in ("patients", "notes", "codes")] == [30, 60, 4]  # no note has the last code
    pairs = [f"{first}_against_{second}" for first, second in params.load("significance", SignificanceParams).pairs]
    assert list(found["pairs"]) == pairs
    table = pd.read_csv(differences)
    assert table.columns.tolist() == [
        *("pair", "metric", "first", "second", "difference", "sd_over_seeds", "low", "high", "p", "p_holm")
    ]
    assert table["pair"].unique().tolist() == pairs
    alike = table["pair"] == "synthetic_s_against_real_s"
    assert table.loc[alike, "sd_over_seeds"].notna().all()  # two seeds each; the others have two and one
    assert table.loc[~alike, "sd_over_seeds"].isna().all()
    assert not table.drop(columns="sd_over_seeds").isna().any(axis=None)
    for pair in found["pairs"].values():
        test = pair["differences"]["micro"]["f1"]
        assert pair["about"] == "these coders"  # for a want of seeds, there are no verdicts
        assert {of["verdict"] for of in pair["non_inferiority"].values()} == {"too few seeds"}
        assert pair["seeds_to_decide"].keys() == pair["non_inferiority"].keys() == {"micro_f1", "macro_f1"}
        assert test["low"] < test["difference"] < min(0, test["high"])
        assert pair["randomisation"]["micro_f1"]["difference"] == pytest.approx(test["difference"])
        assert pair["mcnemar"]["right_by_first_only"] < pair["mcnemar"]["right_by_second_only"]
    for coder in found["coders"].values():
        f1 = coder["micro"]["f1"]
        assert f1["low"] < f1["value"] < f1["high"]
    assert list(found["coders"]) == list(TRAINING_SETS)
    for path in (results, differences):
        assert SECRET not in path.read_text()
        assert "e17" not in path.read_text()


def test_each_kind_of_test_is_a_family_of_holm_s(folder):
    """McNemar's by the p-value that lets patients vary."""
    found = json.loads(run(folder)[1].read_text())["pairs"].values()
    families = {
        "p": [test for pair in found for _, test in coder_differences.leaves(pair["differences"])],
        "p ": [test for pair in found for test in pair["randomisation"].values()],
        "p_by_patient": [pair["mcnemar"] for pair in found],
    }
    for key, family in families.items():
        expected = multipletests([test[key.strip()] for test in family], method="holm")[1]
        assert [test["p_holm"] for test in family] == pytest.approx(expected.tolist())


def test_enough_seeds_bring_verdicts_about_the_sets(folder, monkeypatch):
    """Three seeds of each: coders copied under other seeds, which vary not at all, have the worst one's verdict."""
    seeds = params.load_seeds()
    for coder, own in seeds.items():
        for seed in {1, 2, 3}:
            shutil.copytree(folder / f"{coder}-{own[0]}", folder / f"{coder}-{seed}")
    monkeypatch.setattr(params, "load_seeds", lambda: {coder: [1, 2, 3] for coder in seeds})
    found = json.loads(run(folder)[1].read_text())
    assert {coder["about"] for coder in found["coders"].values()} == {"the training sets"}
    for pair in found["pairs"].values():
        assert pair["about"] == "the training sets"
        for metric, judged in pair["non_inferiority"].items():
            test = pair["differences"][metric.removesuffix("_f1")]["f1"]
            assert judged["verdict"] == coder_differences.verdict(test, [3, 3], judged["margin"])


def test_a_metric_that_is_not_defined_without_some_patient_is_left_out():
    """Every note has the first code, and one patient alone the second; without this one no curve exists."""
    truth = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0]], dtype=bool)
    probabilities = np.array([[0.9, 0.8, 0.1], [0.8, 0.3, 0.2], [0.9, 0.6, 0.4], [0.7, 0.2, 0.1]], dtype=np.float32)
    made = Predictions(list("abcd"), CODES[:3], probabilities, 0.5)
    one = measure_notes(made, sparse.csr_array(truth), np.arange(4))
    coders = {training: [one] for training in TRAINING_SETS}
    found = coder_differences.compare(coders, params.load("significance", SignificanceParams))["coders"]["real_l"]
    assert found["macro"].keys() == {"f1", "precision", "recall", "false_positive_rate"}
    assert found["micro"]["auc"]["low"] <= found["micro"]["auc"]["value"]


def test_a_coder_that_is_missing_is_named_before_anything_is_written(folder):
    (folder / "real_s-1338" / "predictions.npz").unlink()
    with pytest.raises(UserError, match="real_s-1338"):
        run(folder)
    assert not (folder / "significance.json").exists()


def test_predictions_for_other_notes_are_named(folder):
    saved = predictions.load(folder / "real_l-1337")
    ids = ["x", *saved.note_ids[1:]]
    predictions.save(folder / "real_l-1337", Predictions(ids, CODES, saved.probabilities, 0.5))
    with pytest.raises(UserError, match="real_l-1337: note x, which E does not have"):
        run(folder)
