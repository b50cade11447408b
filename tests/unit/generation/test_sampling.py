import dataclasses
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from synthnotes.corpus import notes
from synthnotes.generation import plan
from synthnotes.generation.records import build_records, read_records, write_records
from synthnotes.generation.sampling import Prompt, check_gpus, decisive, seed_of
from synthnotes.generation.sizing import GPUS, Architecture
from synthnotes.generation.vllm_engine import engine_arguments, sampling_parameters, start_engine
from synthnotes.machinery import params
from synthnotes.machinery.files import UserError, read_json
from synthnotes.stages import generate


def paper_settings():
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    values["generate"] |= yaml.safe_load(Path("configs/paper.yaml").read_text(encoding="utf-8"))["generate"]
    return params.validate(values, "paper").generate


def test_the_papers_values_reach_vllm():
    settings = paper_settings()
    arguments = engine_arguments(settings, "mimic", Path("model"), gpu=True)
    assert arguments["max_model_len"] == 6000
    assert arguments["max_num_seqs"] == 45
    assert arguments["tensor_parallel_size"] == 2
    assert arguments["dtype"] == "bfloat16"
    drawn = sampling_parameters(settings, "sepr", Prompt("n1", [1] * 1000))
    assert (drawn["n"], drawn["repetition_penalty"], drawn["temperature"], drawn["top_p"]) == (5, 1.5, 1.0, 1.0)
    assert drawn["max_tokens"] == 3000  # of 4,000, the prompt takes 1,000 (repair g)


def test_vllm_takes_the_papers_values_and_the_demos(generator):
    from vllm import SamplingParams
    from vllm.engine.arg_utils import EngineArgs

    for settings, gpu in ((paper_settings(), True), (params.load("generate"), False)):
        wanted = engine_arguments(settings, "mimic", generator, gpu)
        engine = EngineArgs(**wanted)
        assert {name: getattr(engine, name) for name in wanted} == wanted
        wanted = sampling_parameters(settings, "mimic", Prompt("n1", [1] * 10))
        sampling = SamplingParams(**wanted)
        assert {name: getattr(sampling, name) for name in wanted} == wanted


def test_new_tokens_are_bounded_by_parameter_and_by_what_the_prompt_leaves():
    settings = params.load("generate").model_copy(
        update={"max_new_tokens": {"mimic": 50}, "model_length": {"mimic": 100}}
    )
    bounds = [sampling_parameters(settings, "mimic", Prompt("n", [1] * n))["max_tokens"] for n in (10, 50, 51, 99)]
    assert bounds == [50, 50, 49, 1]


def test_seeds_differ_between_prompts_and_runs_and_depend_on_nothing_else():
    settings = params.load("generate")
    other = settings.model_copy(update={"seed": settings.seed + 1})

    def seed(settings, note_id, tokens=3):
        return seed_of(settings, Prompt(note_id, [1] * tokens))

    assert seed(settings, "a") == seed(settings, "a", tokens=9)
    assert len({seed(settings, "a"), seed(settings, "b"), seed(other, "a")}) == 3
    # Sample i of a prompt has seed + i: no two prompts' ranges may meet, and vLLM reads 64-bit seeds.
    seeds = sorted(seed(settings, f"n{number}") for number in range(500))
    assert min(b - a for a, b in itertools.pairwise(seeds)) > settings.samples
    assert seeds[-1] < 2**63


@pytest.mark.parametrize(
    ("tensor", "data", "present", "fits"),
    [(1, 1, 0, True), (1, 2, 0, True), (2, 1, 0, False), (2, 1, 1, False), (2, 2, 4, True), (2, 3, 4, False)],
)
def test_more_gpus_than_present_are_refused(tensor, data, present, fits):
    settings = params.load("generate").model_copy(update={"tensor_parallel": tensor, "data_parallel": data})
    if fits:
        check_gpus(settings, present)
    else:
        with pytest.raises(UserError, match=rf"{tensor * data} GPUs are needed, {present} are present"):
            check_gpus(settings, present)


def test_unfinished_work_is_kept_under_what_decides_the_samples_and_under_nothing_else():
    settings = params.load("generate")
    key = decisive(settings, "mimic")
    indifferent = {"concurrent_sequences", "tensor_parallel", "data_parallel", "cpu_cache_gib", "gpu_memory_share"}
    others = dict.fromkeys(type(settings).model_fields, 7) | {"engine": "transformers", "precision": "float32"}
    others |= dict.fromkeys(["temperature", "top_p", "repetition_penalty", "gpu_memory_share"], 0.7)
    for name in set(others) - {"max_new_tokens", "model_length"}:
        changed = settings.model_copy(update={name: others[name]})
        assert (decisive(changed, "mimic") == key) == (name in indifferent), name
    assert key["max_new_tokens"] == settings.max_new_tokens["mimic"]


@pytest.fixture
def project(tmp_path, generator):
    """A folder with what the stage reads: parameters of a toy scale, model, records of four notes and their table."""
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    values["generate"] |= {
        "samples": 2,
        "max_new_tokens": {"mimic": 12, "sepr": 12},
        "model_length": {"mimic": 160, "sepr": 160},
        "concurrent_sequences": 8,
        "cpu_cache_gib": 1,
        "prompts_per_shard": 2,
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    real = pd.DataFrame(
        {
            "note_id": ["a", "b", "c", "long"],
            "patient_id": ["p1", "p2", "p3", "p4"],
            "text": ["secretword"] * 4,
            "codes": [["I10"], ["I10", "R05"], ["I10"], ["I10"]],
            "descriptions": [["fever"], ["cough", "pain"], [], ["q7 " * 150]],
            "fold": ["train", "validation", "train", "train"],
        }
    )
    notes.write(tmp_path / "real.parquet", real)
    write_records(tmp_path / "records" / "prompts.jsonl", build_records("mimic", real))
    return tmp_path


def stage_command(model):
    paths = {
        "model": model,
        "records": "records",
        "real": "real.parquet",
        "work": "work",
        "samples": "samples.parquet",
        "synthetic": "synthetic.parquet",
        "results": "results.json",
    }
    options = [word for name, path in paths.items() for word in (f"--{name}", str(path))]
    return [sys.executable, "-m", "synthnotes.stages.generate", "--corpus", "mimic", *options]


def run_stage(project, model):
    return subprocess.run(
        stage_command(model), cwd=project, capture_output=True, text=True, env=os.environ, check=False
    )


def change(project, **values):
    file = project / "params.yaml"
    params = yaml.safe_load(file.read_text())
    params["generate"] |= values
    file.write_text(yaml.safe_dump(params))


def check_samples(project, done):
    assert done.returncode == 0, done.stderr[-2000:]
    assert "1 prompts leave no room for a note: long" in done.stderr
    assert "generate: mimic: 6 samples of 4 prompts" in done.stdout
    samples = pd.read_parquet(project / "samples.parquet")
    assert list(zip(samples["note_id"], samples["sample"], strict=True)) == [
        (note_id, sample) for note_id in ("a", "b", "c", "long") for sample in (0, 1)
    ]
    assert samples["finish_reason"].isin(["stop", "length", "prompt_too_long"]).all()
    drawn = samples[samples["finish_reason"] != "prompt_too_long"]
    assert ((drawn["new_tokens"] == 12) | (drawn["finish_reason"] == "stop")).all()
    assert drawn["text"].nunique() == len(drawn)  # a seed each: no sample repeats another
    # An untrained model finds all of its 600 tokens about as likely.
    assert drawn["mean_log_probability"].between(-8, -5).all()
    assert samples["mean_log_probability"].isna().sum() == 2
    synthetic = notes.read(project / "synthetic.parquet")
    assert synthetic["note_id"].tolist() == ["a", "b", "c"]
    assert synthetic["fold"].tolist() == ["train", "validation", "train"]
    results = read_json(project / "results.json")
    assert (results["samples"], results["prompts_too_long"]) == (6, 1)
    assert results["quality"]["real"]["mean_words"] == 1.0
    assert not any((project / "work").iterdir())
    for text in ["secretword", *synthetic["text"]]:
        assert text not in done.stdout + done.stderr


def test_the_stage_samples_with_vllm_as_many_tokens_as_planned(project, generator):
    check_samples(project, run_stage(project, generator))
    settings = params.read(project / "params.yaml").generate
    shape = Architecture.of(read_json(generator / "config.json"))
    # The plan takes samples to be as long as the real notes; here, as long as they became.
    samples = pd.read_parquet(project / "samples.parquet")
    lengths = plan.measure(read_records(project / "records" / "prompts.jsonl"), generator, "mimic")
    lengths = dataclasses.replace(lengths, notes=samples.groupby("note_id")["new_tokens"].mean().to_numpy() - 1)
    planned = plan.estimate_generate(shape, lengths, settings, "mimic", GPUS["h100"])
    assert planned.tokens == samples["new_tokens"].sum() + read_json(project / "results.json")["prompt_tokens"]
    assert planned.problems == ["25.0% of the prompts fill generate.model_length and will not be sampled."]


@pytest.mark.slow
def test_vllms_cache_holds_as_many_tokens_as_planned(project, generator):
    settings = params.read(project / "params.yaml").generate
    engine = start_engine(settings, "mimic", generator).llm_engine
    blocks = engine.engine_core.engine_core.scheduler.kv_cache_config.num_blocks
    shape = Architecture.of(read_json(generator / "config.json"))
    planned = settings.cpu_cache_gib * 2**30 / shape.cache_bytes(settings.precision)
    assert blocks * engine.vllm_config.cache_config.block_size == pytest.approx(planned, rel=0.01)


@pytest.mark.slow
def test_the_stage_samples_with_transformers_in_two_processes(project, generator):
    change(project, engine="transformers", data_parallel=2)
    check_samples(project, run_stage(project, generator))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["vllm", "transformers"])
def test_a_stage_killed_for_real_goes_on_and_ends_with_the_same_table(project, generator, engine):
    change(project, engine=engine, prompts_per_shard=1)
    assert run_stage(project, generator).returncode == 0
    whole = (project / "samples.parquet").read_bytes()
    (project / "samples.parquet").unlink()
    killed = subprocess.Popen(stage_command(generator), cwd=project, env=os.environ)
    while not (finished := list((project / "work").rglob("shard-*.parquet"))):
        assert killed.poll() is None
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (project / "samples.parquet").exists()
    written = finished[0].stat().st_mtime_ns
    again = subprocess.Popen(stage_command(generator), cwd=project, env=os.environ)
    while again.poll() is None:
        if finished[0].exists():
            assert finished[0].stat().st_mtime_ns == written  # it is kept, not sampled again
        time.sleep(0.05)
    assert again.returncode == 0
    assert (project / "samples.parquet").read_bytes() == whole


def test_a_missing_model_is_one_clear_line_and_leaves_nothing(project):
    done = run_stage(project, project / "nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("generate: error: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (project / "samples.parquet").exists()
    assert not (project / "work").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tensor_parallel": 2}, r"generate\.tensor_parallel \(2\) x .* 2 GPUs are needed, 0 are present"),
        ({"samples": 0}, r"generate\.samples"),
        ({"model_length": {"mimic": 9999, "sepr": 160}}, "the model reads 512 tokens"),
        ({"model_length": {"mimic": 20, "sepr": 160}}, "no prompt is shorter than"),
    ],
)
def test_values_that_cannot_work_are_refused_before_an_engine_starts(project, generator, monkeypatch, changes, message):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("synthnotes.generation.sampling.starter", lambda *_: pytest.fail("an engine was started"))
    change(project, max_new_tokens={"mimic": 12, "sepr": 12}, **changes)
    monkeypatch.chdir(project)
    names = ("records", "work", "samples", "synthetic", "results")
    with pytest.raises(UserError, match=message):
        generate.main("mimic", model=generator, real=Path("real.parquet"), **{name: Path(name) for name in names})
    assert not Path("work").exists()
