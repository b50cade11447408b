"""What is measured of coders: each run, the mean over the seeds, the groups of codes, and the stage that does it."""

import numpy as np
import pandas as pd
import pytest

from synthnotes.coding import predictions
from synthnotes.coding.evaluation import average_seeds, measure
from synthnotes.coding.predictions import Predictions
from synthnotes.corpus import notes as note_table
from synthnotes.machinery import params
from synthnotes.machinery.files import UserError, read_json, write_csv, write_json
from synthnotes.machinery.makers import COMPUTED_BY, maker_of, without_makers
from synthnotes.machinery.params import TRAINING_SETS
from synthnotes.stages import utility as stage

CODES = ["I10", "E11.9", "J18.9", "0DTJ4ZZ", "Z99"]  # training has the last in no note
KINDS = ["diagnosis", "diagnosis", "diagnosis", "procedure", "diagnosis"]


def test_mean_and_deviation_by_hand():
    runs = [{"notes": 9, "micro": {"f1": f1, "auc": auc}} for f1, auc in ((0.5, 0.9), (0.7, None), (0.6, 0.8))]
    found = average_seeds(runs)
    assert found["notes"] == {"mean": 9, "sd": 0}
    assert found["micro"]["f1"] == pytest.approx({"mean": 0.6, "sd": 0.1})  # squares: 0.01 + 0.01 + 0, over 2
    assert found["micro"]["auc"] == {"mean": None, "sd": None}
    assert average_seeds(runs[:1])["micro"]["f1"] == {"mean": 0.5, "sd": None}


def test_results_that_hold_different_numbers_are_a_defect():
    with pytest.raises(ValueError, match="same numbers"):
        average_seeds([{"micro": {"f1": 0.5}}, {"micro": {"f1": 0.5, "auc": 0.9}}])


def guesses(notes: pd.DataFrame, seed: int) -> Predictions:
    probabilities = np.random.default_rng(seed).random((len(notes), len(CODES))).astype(np.float16).astype(np.float32)
    return Predictions(notes["note_id"].tolist(), CODES, probabilities, 0.5)


def test_a_run_is_measured_with_counts_groups_and_baseline(tables):
    """A code of E that training never saw has a group of its own, and its notes are judged like any other."""
    taught, evaluated = tables(24, 4)
    evaluated.at[0, "codes"] = ["Z99"]
    codes = pd.DataFrame({"code": CODES, "kind": KINDS})
    described = {"best_epoch": 3, "validation_map": 0.5, "threshold": 0.25, "codes": CODES}
    found = measure(taught, evaluated, codes, {7: (guesses(evaluated, 7), described)}, 10, 2)[7]
    assert [found[of] for of in ("training_notes", "validation_notes", "evaluation_notes")] == [24, 4, 20]
    assert [found[of] for of in ("codes", "codes_in_training", "codes_in_evaluation")] == [5, 4, 5]
    longer = pd.concat([taught, evaluated])["text"].str.split().str.len() > 10
    assert 0 < found["truncated_notes"] == longer.sum() < 48
    assert (found["best_epoch"], found["threshold"]) == (3, 0.25)
    groups = found["groups"]
    assert {name: group["codes"] for name, group in groups.items()}.items() >= {
        ("unseen", 1), ("diagnoses", 4), ("procedures", 1)
    }  # fmt: skip
    assert sum(groups[name]["codes"] for name in ("frequent", "middle", "rare", "unseen")) == 5
    assert groups["unseen"]["codes_in_evaluation"] == 1
    assert 0 <= groups["unseen"]["micro"]["auc"] <= 1
    assert found["baseline"]["micro"]["auc"] == pytest.approx(0.5, abs=0.35)
    assert found["baseline"] != {name: found[name] for name in found["baseline"]}


@pytest.fixture
def coders(tmp_path, tables):
    """A project's note tables, and the folders of coders, one of them of a seed that params.yaml no longer has."""
    taught, evaluated = tables(24, 4)
    for training in TRAINING_SETS:
        prefix = "" if training == "real_l" else f"{training} "
        own = taught.assign(note_id=prefix + taught["note_id"])
        note_table.write(tmp_path / f"notes/{training}.parquet", own)
        for seed in (*params.load_seeds()[training], 1):
            folder = tmp_path / f"coders/{training}-{seed}"
            folder.mkdir(parents=True)
            predictions.save(folder, guesses(evaluated, seed))
            write_json(folder / "coder.json", {"threshold": 0.5, "best_epoch": 2, "validation_map": 0.4})
            curve = {"epoch": [1, 2], "training_loss": [0.5, 0.4], "validation_map": [0.3, 0.4]}
            write_csv(folder / "curve.csv", pd.DataFrame(curve | {"validation_micro_f1": [0.2, 0.3]}))
    note_table.write(tmp_path / "notes/real_e.parquet", evaluated)
    pd.DataFrame({"code": CODES, "title": "", "kind": KINDS}).to_csv(tmp_path / "codes.csv", index=False)
    return tmp_path


def run(folder):
    inputs = folder / "notes", folder / "codes.csv", folder / "coders"
    return stage.main("mimic", *inputs, folder / "found.json", folder / "runs.json", folder / "curves.csv")


def test_the_stage_measures_the_runs_of_the_parameters_and_no_others(coders):
    assert run(coders).startswith("7 coders; micro-F1 real l 0.")
    written = read_json(coders / "found.json")
    found, runs = without_makers(written), without_makers(read_json(coders / "runs.json"))
    assert list(found) == list(TRAINING_SETS)
    assert {training: of["seeds"] for training, of in found.items()} == {
        training: 2 if training in ("real_s", "synthetic_s") else 1 for training in TRAINING_SETS
    }
    assert len(runs) == 7
    # All of L teaches and all of S chooses, as published; the others are divided.
    sizes = [
        [found[of][name]["mean"] for name in ("training_notes", "validation_notes")] for of in ("real_l", "real_s")
    ]
    assert sizes == [[28, 28], [24, 4]]
    both = [runs[f"real_s-{seed}"]["micro"]["f1"] for seed in params.load_seeds()["real_s"]]
    assert found["real_s"]["micro"]["f1"] == pytest.approx({"mean": np.mean(both), "sd": np.std(both, ddof=1)})
    assert found["real_l"]["micro"]["f1"]["sd"] is None
    made = {
        "real_s.micro.f1.sd": "coding.metrics.evaluate",
        "real_l.baseline.macro.f1.mean": "coding.metrics.evaluate",
        "synthetic_s.groups.rare.micro.f1.mean": "coding.evaluation.average_by_group",
        "real_s.threshold.mean": "coding.evaluation.measure",
        "real_s.seeds": "stages.utility.main",
    }
    assert {place: maker_of(written[COMPUTED_BY], place) for place in made} == made
    curves = pd.read_csv(coders / "curves.csv")
    assert curves.columns.tolist()[:3] == ["training", "seed", "epoch"]
    assert curves.query("training == 'real_s' and seed == 1338")["validation_map"].tolist() == [0.3, 0.4]
    assert len(curves) == 14


def test_a_run_that_is_missing_is_named(coders):
    (coders / "coders/real_l-1337/predictions.npz").unlink()
    with pytest.raises(UserError, match=r"real_l-1337/predictions\.npz"):
        run(coders)
