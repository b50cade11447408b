"""A coder's results over the seeds of its training, and the stage that gathers them."""

import pytest

from synthnotes.coding.seeds import over_seeds
from synthnotes.machinery import params
from synthnotes.machinery.files import UserError, read_json, write_json
from synthnotes.machinery.sections import TRAINING_SETS
from synthnotes.stages import seeds


def test_mean_and_deviation_by_hand():
    runs = [{"notes": 9, "micro": {"f1": f1, "auc": auc}} for f1, auc in ((0.5, 0.9), (0.7, None), (0.6, 0.8))]
    found = over_seeds(runs)
    assert found["notes"] == {"mean": 9, "sd": 0}
    assert found["micro"]["f1"] == pytest.approx({"mean": 0.6, "sd": 0.1})  # squares: 0.01 + 0.01 + 0, over 2
    assert found["micro"]["auc"] == {"mean": None, "sd": None}
    assert over_seeds(runs[:1])["micro"]["f1"] == {"mean": 0.5, "sd": None}


def test_results_that_hold_different_numbers_are_a_defect():
    with pytest.raises(ValueError, match="same numbers"):
        over_seeds([{"micro": {"f1": 0.5}}, {"micro": {"f1": 0.5, "auc": 0.9}}])


def test_the_stage_gathers_the_runs_of_the_parameters_and_no_others(tmp_path):
    for training in TRAINING_SETS:
        for seed in params.load("seeds"):
            write_json(tmp_path / f"{training}-{seed}.json", {"micro": {"f1": 0.5 + 0.02 * (seed - 1337)}})
        write_json(tmp_path / f"{training}-1.json", {"micro": {"f1": 0.0}})  # left by another list of seeds
    summary = seeds.main(tmp_path, tmp_path / "found.json")
    assert "real s 0.510 ± 0.014" in summary
    found = read_json(tmp_path / "found.json")
    assert list(found) == list(TRAINING_SETS)
    assert found["synthetic_s_all"]["seeds"] == 2
    assert found["synthetic_s_all"]["micro"]["f1"] == pytest.approx({"mean": 0.51, "sd": 0.02 / 2**0.5})


def test_a_run_that_is_missing_is_named(tmp_path):
    with pytest.raises(UserError, match=r"real_l-1337\.json"):
        seeds.main(tmp_path, tmp_path / "found.json")
