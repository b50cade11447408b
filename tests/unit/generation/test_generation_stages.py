"""The stages from notes to the merged model, run as DVC runs them, on the tiny generator."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml
from safetensors.torch import load_file

from synthnotes.corpus import notes
from synthnotes.machinery.files import UserError, read_json
from synthnotes.stages import finetune, merge
from synthnotes.stages import records as records_stage

CONFIGS = Path("configs/accelerate").absolute()


@pytest.fixture
def project(tmp_path, monkeypatch, records):
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    values["finetune"] |= {
        "max_length": 400,
        "micro_batch": 8,
        "warmup_steps": 1,
        "log_steps": 2,
        "epochs": {"mimic": 2.0, "sepr": 2.0},
    }
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    table = pd.DataFrame(
        {
            "note_id": [record.id for record in records],
            "patient_id": [record.id for record in records],
            "text": [record.output for record in records],
            "codes": [["I10", "E11.9", "J18.9"]] * len(records),
            "descriptions": [record.input for record in records],
            "fold": ["train"] * len(records),
        }
    )
    notes.write(Path("l.parquet"), table)
    notes.write(Path("s.parquet"), table.head(6))
    return tmp_path


def run_finetune(base, name):
    paths = {key: Path(f"{name}-{key}") for key in ("adapter", "results", "curve")}
    given = {"records": Path("records"), "accelerate": CONFIGS, "work": Path("work")}
    return finetune.main(corpus="mimic", base=base, **given, **paths)


def test_from_notes_to_a_merged_model_twice_the_same(project, generator):
    summary = records_stage.main("mimic", Path("l.parquet"), Path("s.parquet"), Path("records"), Path("records.json"))
    assert summary.startswith("mimic: 24 training records, 6 prompts, ")
    assert read_json(Path("records.json"))["training"]["records"] == 24

    first = run_finetune(generator, "first")
    assert first == run_finetune(generator, "second")
    assert first.startswith("mimic: 24 records, 6 steps, loss ")
    for name in ("results", "curve", "adapter/adapter_model.safetensors", "adapter/adapter_config.json"):
        assert (project / f"first-{name}").read_bytes() == (project / f"second-{name}").read_bytes()
    assert pd.read_csv("first-curve").columns.tolist() == ["step", "loss"]
    assert not any(Path("work").iterdir())

    merge.main("mimic", generator, Path("first-adapter"), Path("records"), Path("merged"), Path("merge.json"))
    check = read_json(Path("merge.json"))
    assert check["prompts"] == 4
    assert check["largest_logit_difference"] < 1e-4
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in Path("merged").iterdir()}


def test_a_length_that_no_prompt_fits_stops_before_training(project, generator):
    records_stage.main("mimic", Path("l.parquet"), Path("s.parquet"), Path("records"), Path("records.json"))
    text = Path("params.yaml").read_text(encoding="utf-8").replace("max_length: 400", "max_length: 20")
    Path("params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"no prompt is shorter than finetune\.max_length \(20\)"):
        run_finetune(generator, "short")
    assert not Path("short-adapter").exists()
    assert not Path("work").exists()


def change(**values):
    parameters = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    parameters["finetune"] |= values
    Path("params.yaml").write_text(yaml.safe_dump(parameters), encoding="utf-8")


def finetune_command(base, name):
    paths = {key: f"{name}-{key}" for key in ("adapter", "results", "curve")}
    given = {"corpus": "mimic", "base": base, "records": "records", "accelerate": CONFIGS, "work": "work"}
    options = [str(word) for key, value in (given | paths).items() for word in (f"--{key}", value)]
    return [sys.executable, "-m", "synthnotes.stages.finetune", *options]


def test_an_empty_training_set_is_named(project, generator):
    records_stage.main("mimic", Path("l.parquet"), Path("s.parquet"), Path("records"), Path("records.json"))
    Path("records/training.jsonl").write_text("")
    with pytest.raises(UserError, match=r"training\.jsonl: the file is empty"):
        run_finetune(generator, "empty")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "changes"),
    [
        ("ddp", {}),
        ("ddp", {"packing": True}),
        ("fsdp", {"packing": True, "gradient_checkpointing": True, "precision": "bfloat16"}),
    ],
)
def test_two_processes_learn_what_one_learns_with_twice_the_batch(project, generator, config, changes):
    """Really two processes, on the CPU, by gloo."""
    records_stage.main("mimic", Path("l.parquet"), Path("s.parquet"), Path("records"), Path("records.json"))
    change(processes=2, accelerate_config=config, micro_batch=2, learning_rate=2.0e-3, **changes)
    done = subprocess.run(finetune_command(generator, "two"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    change(processes=1, accelerate_config=None, micro_batch=4)
    run_finetune(generator, "one")
    two, one = read_json(Path("two-results")), read_json(Path("one-results"))
    assert two["steps"] == one["steps"]
    assert two["last_loss"] < two["first_loss"]
    weights = [load_file(Path(f"{name}-adapter/adapter_model.safetensors")) for name in ("one", "two")]
    assert {key: value.shape for key, value in weights[0].items()} == {k: v.shape for k, v in weights[1].items()}
    if not changes:  # the batches hold the same texts, so that all is the same but for rounding
        for name in ("first_loss", "last_loss", "mean_loss"):
            assert two[name] == pytest.approx(one[name], abs=2e-3)
        for key, value in weights[0].items():
            assert float((value - weights[1][key]).abs().max()) < 0.01, key
    assert "finetune: mimic: 24 records" in done.stdout
    assert not any(Path("work").iterdir())


@pytest.mark.slow
def test_a_stage_killed_for_real_ends_with_the_weights_of_an_uninterrupted_one(project, generator):
    records_stage.main("mimic", Path("l.parquet"), Path("s.parquet"), Path("records"), Path("records.json"))
    change(micro_batch=4, checkpoint_steps=2, epochs={"mimic": 3.0, "sepr": 1.0})
    run_finetune(generator, "whole")
    killed = subprocess.Popen(finetune_command(generator, "resumed"))
    while not list(Path("work").rglob("checkpoint-*/trainer_state.json")):
        assert killed.poll() is None
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not Path("resumed-adapter").exists()
    run_finetune(generator, "resumed")
    for name in ("results", "curve", "adapter/adapter_model.safetensors"):
        assert Path(f"resumed-{name}").read_bytes() == Path(f"whole-{name}").read_bytes()
