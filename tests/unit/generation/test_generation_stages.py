"""The stages from records to the merged model and what is told of them, as DVC runs them, on the tiny generator."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from synthnotes.corpus import notes
from synthnotes.generation.records import write_records
from synthnotes.generation.sampling import COLUMNS
from synthnotes.machinery.files import UserError, read_json
from synthnotes.stages import finetune, generation, merge

CONFIGS, LANGUAGES = Path("configs/accelerate").absolute(), Path("languages").absolute()


@pytest.fixture
def project(tmp_path, monkeypatch, records):
    values = {name: yaml.safe_load(Path(name).read_text(encoding="utf-8")) for name in ("params.yaml", "machine.yaml")}
    monkeypatch.chdir(tmp_path)
    for name, value in values.items():
        Path(name).write_text(yaml.safe_dump(value), encoding="utf-8")
    change("params.yaml", max_length=400, batch=8, warmup_steps=1, epochs=2.0)
    change("machine.yaml", micro_batch=8)
    write_records(Path("records/training.jsonl"), records)
    write_records(Path("records/prompts.jsonl"), records[:6])
    return tmp_path


def change(file, section="finetune", **values):
    found = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    found[section] |= values
    if section in (declared := found.get("corpora", {}).get("mimic", {})):
        declared[section] = {}
    Path(file).write_text(yaml.safe_dump(found), encoding="utf-8")


def arguments(base, name):
    outputs = {"adapter": Path(f"{name}-adapter"), "log": Path(f"{name}.json")}
    return {
        "corpus": "mimic",
        "base": base,
        "records": Path("records"),
        "accelerate": CONFIGS,
        "work": Path("work"),
    } | (outputs)


def run_finetune(base, name):
    return finetune.main(**arguments(base, name))


def finetune_command(base, name):
    options = [str(word) for key, value in arguments(base, name).items() for word in (f"--{key}", value)]
    return [sys.executable, "-m", "synthnotes.stages.finetune", *options]


def same_weights(first, second, within):
    weights = [load_file(Path(f"{name}-adapter/adapter_model.safetensors")) for name in (first, second)]
    assert {key: value.shape for key, value in weights[0].items()} == {k: v.shape for k, v in weights[1].items()}
    for key, value in weights[0].items():
        assert float((value - weights[1][key]).abs().max()) < within, key


def test_from_records_to_a_merged_model_and_what_is_told_of_it(project, generator, records):
    first = run_finetune(generator, "first")
    assert first == run_finetune(generator, "second")
    assert first.startswith("mimic: 24 records, 6 updates, loss ")
    for name in (".json", "-adapter/adapter_model.safetensors", "-adapter/adapter_config.json"):
        assert (project / f"first{name}").read_bytes() == (project / f"second{name}").read_bytes()
    log = read_json(Path("first.json"))
    assert (log["records"], log["steps"]) == (24, 6)
    assert [step for step, _ in log["losses"]] == [1, 2, 3, 4, 5, 6]
    assert not any(Path("work").iterdir())

    merge.main("mimic", generator, Path("first-adapter"), Path("records"), Path("merged"), Path("check.json"))
    check = read_json(Path("check.json"))
    assert check["prompts"] == 4
    assert check["largest_logit_difference"] < 1e-4
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in Path("merged").iterdir()}

    rows = [(record.id, sample, f"fever {sample}", "stop", 9, 3, -1.0) for record in records[:6] for sample in (0, 1)]
    pd.DataFrame(rows, columns=COLUMNS).to_parquet("samples.parquet")
    ids, texts = [record.id for record in records[:6]], [record.output for record in records[:6]]
    real = pd.DataFrame({"note_id": ids, "patient_id": ids, "text": texts, "fold": "train"})
    notes.write(Path("real.parquet"), real.assign(codes=[["I10"]] * 6, descriptions=[[]] * 6))
    change("params.yaml", "generation", curve_steps=2, validation_records=5)
    change("params.yaml", "disclosure", demo=False, minimum_patients=5)
    told = {"log": "first.json", "check": "check.json", "model": "merged", "records": "records", "real": "real.parquet"}
    told |= {"samples": "samples.parquet", "results": "results.json", "curve": "curve.csv"}
    summary = generation.main("mimic", "en", LANGUAGES, **{name: Path(path) for name, path in told.items()})
    found = read_json(Path("results.json"))
    losses = [loss for _, loss in log.pop("losses")]
    points = [(losses[i] + losses[i + 1]) / 2 for i in (0, 2, 4)]
    assert pd.read_csv("curve.csv").values.tolist() == [
        [2 * i + 2, pytest.approx(p, rel=1e-5)] for i, p in enumerate(points)
    ]
    tuned = found["finetune"]
    assert {name: tuned[name] for name in log} == log  # nothing of 24 records, and of none, is hidden
    assert tuned["first_loss"] == round(points[0], 4) > tuned["last_loss"] == round(points[2], 4)
    assert tuned["mean_loss"] == round(sum(points) / 3, 4)
    assert tuned["last_loss"] == pytest.approx(tuned["validation_loss"], abs=0.3)  # these notes it has seen, here
    assert found["merge"] == check  # how two models differ tells of nobody
    assert [found["samples"][name] for name in ("prompts", "samples", "share_stopped")] == [6, 12, 1.0]
    assert found["samples"]["quality"]["samples"]["mean_words"] == 2.0
    assert summary.startswith(f"mimic: loss {points[0]:.2f} -> {points[2]:.2f} (on unseen notes ")
    assert summary.endswith("of 12 samples 100.0% ended by themselves, 2 words a note")

    change("params.yaml", "disclosure", minimum_patients=7)  # more than there are prompts
    generation.main("mimic", "en", LANGUAGES, **{name: Path(path) for name, path in told.items()})
    found = read_json(Path("results.json"))
    assert found["merge"] == check
    assert [found["samples"][name] for name in ("prompts", "samples", "share_stopped")] == [None, 12, None]
    assert found["finetune"] == tuned | {"validation_loss": None}


def test_a_length_that_no_prompt_fits_stops_before_training(project, generator):
    change("params.yaml", max_length=20)
    with pytest.raises(UserError, match=r"no prompt is shorter than finetune\.max_length \(20\)"):
        run_finetune(generator, "short")
    assert not Path("short-adapter").exists()
    assert not Path("work").exists()


def test_processes_that_cannot_share_a_batch_are_refused_before_training(project, generator):
    change("machine.yaml", processes=3, accelerate="ddp")
    with pytest.raises(UserError, match=r"machine\.yaml: finetune\.processes: 3 processes cannot share the 8"):
        run_finetune(generator, "three")


def test_an_empty_training_set_is_named(project, generator):
    Path("records/training.jsonl").write_text("")
    with pytest.raises(UserError, match=r"training\.jsonl: the file is empty"):
        run_finetune(generator, "empty")


def test_the_name_of_unfinished_work_says_what_decides_the_adapter_and_nothing_else(project, generator, monkeypatch):
    """What machine.yaml holds changes nothing of it; nor does what another corpus is given."""
    from synthnotes.generation import fine_tuning as chapter

    class Stopped(Exception):  # noqa: N818
        pass

    def stop(trainer):
        seen.append(Path(trainer.args.output_dir).parent)
        raise Stopped

    seen = []
    monkeypatch.setattr(chapter, "train", stop)

    def key(**values):
        with pytest.raises(Stopped):
            run_finetune(generator, "any")
        return seen[-1].name

    first = key()
    change("machine.yaml", micro_batch=2, gradient_checkpointing=True, checkpoint_steps=7, threads=2)
    change("params.yaml", epochs=2.0)
    change("params.yaml", "generation", validation_records=1, curve_steps=1)
    assert key() == first
    assert torch.get_num_threads() == 2
    change("machine.yaml", threads=1)
    change("params.yaml", epochs=3.0)
    longer = key()
    change("params.yaml", batch=4)
    assert len({first, longer, key()}) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "settings", "steps"),
    [
        ("ddp", {}, {}),
        ("ddp", {"packing": True}, {}),
        ("fsdp", {"packing": True, "precision": "bfloat16"}, {"gradient_checkpointing": True}),
    ],
)
def test_two_processes_learn_what_one_learns(project, generator, config, settings, steps):
    """Really two processes, on the CPU, by gloo; the last update of an epoch has 4 sequences, the others 20."""
    change("params.yaml", batch=20, learning_rate=2.0e-3, epochs=3.0, **settings)
    change("machine.yaml", processes=2, accelerate=config, micro_batch=5, **steps)
    done = subprocess.run(finetune_command(generator, "two"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    change("machine.yaml", processes=1, accelerate=None, micro_batch=20)
    run_finetune(generator, "one")
    two, one = read_json(Path("two.json")), read_json(Path("one.json"))
    losses = [[loss for _, loss in told.pop("losses")] for told in (one, two)]
    assert two == one
    assert losses[1][-1] < losses[1][0]
    within = 1e-4 if config == "ddp" else 0.05
    assert losses[0] == pytest.approx(losses[1], abs=within)
    same_weights("one", "two", 10 * within)
    assert "finetune: mimic: 24 records" in done.stdout
    assert not any(Path("work").iterdir())


@pytest.mark.slow
def test_a_stage_killed_for_real_ends_with_the_weights_of_an_uninterrupted_one(project, generator):
    change("params.yaml", batch=4, epochs=3.0)
    change("machine.yaml", micro_batch=4, checkpoint_steps=2)
    run_finetune(generator, "whole")
    killed = subprocess.Popen(finetune_command(generator, "resumed"))
    while not list(Path("work").rglob("checkpoint-*/trainer_state.json")):
        assert killed.poll() is None
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not Path("resumed-adapter").exists()
    run_finetune(generator, "resumed")
    for name in (".json", "-adapter/adapter_model.safetensors"):
        assert Path(f"resumed{name}").read_bytes() == Path(f"whole{name}").read_bytes()
