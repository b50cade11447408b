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

from synthnotes.generation import sampling
from synthnotes.generation.records import build_records, read_records, write_records
from synthnotes.generation.sampling import Prompt, check_gpus, seed_of
from synthnotes.generation.vllm_engine import engine_arguments, sampling_parameters, start_engine
from synthnotes.machinery import configure, params
from synthnotes.machinery.files import UserError
from synthnotes.machinery.language import LANGUAGES, read_language
from synthnotes.machinery.model_folders import skeleton
from synthnotes.machinery.params import GenerateParams, Params
from synthnotes.machinery.resources import GenerateMachine, Machine, load_resources, read_resources
from synthnotes.preflight import plan
from synthnotes.preflight.estimates import GPUS, Architecture
from synthnotes.stages import generate

ENGLISH = read_language(LANGUAGES / "en.yaml")


def paper(name, configuration, kind):
    values = yaml.safe_load(Path(name).read_text(encoding="utf-8"))
    configure.overlay(values, yaml.safe_load(Path(configuration).read_text(encoding="utf-8")))
    return params.validate(values, configuration, kind)


DEMO = params.load("generate", GenerateParams), load_resources("generate", GenerateMachine)
PARAMS = paper("params.yaml", "configs/paper.yaml", Params)
PAPER = PARAMS.of("mimic").generate, paper("machine.yaml", "configs/machine/two-gpus.yaml", Machine).generate


def test_the_papers_values_reach_vllm():
    settings, resources = PAPER
    arguments = engine_arguments(settings, resources, Path("model"), gpu=True)
    assert arguments["max_model_len"] == 6000
    assert arguments["max_num_seqs"] == 45
    assert arguments["tensor_parallel_size"] == 2
    assert arguments["dtype"] == "bfloat16"
    drawn = sampling_parameters(PARAMS.of("sepr").generate, Prompt("n1", [1] * 1000))
    assert (drawn["n"], drawn["repetition_penalty"], drawn["temperature"], drawn["top_p"]) == (5, 1.5, 1.0, 1.0)
    assert drawn["max_tokens"] == 3000  # of 4,000, the prompt takes 1,000 (repair g)


def test_vllm_takes_the_papers_values_and_the_demos(generator):
    from vllm import SamplingParams
    from vllm.engine.arg_utils import EngineArgs

    for (settings, resources), gpu in ((PAPER, True), (DEMO, False)):
        wanted = engine_arguments(settings, resources, generator, gpu)
        engine = EngineArgs(**wanted)
        assert {name: getattr(engine, name) for name in wanted} == wanted
        wanted = sampling_parameters(settings, Prompt("n1", [1] * 10))
        sampling = SamplingParams(**wanted)
        assert {name: getattr(sampling, name) for name in wanted} == wanted


def test_new_tokens_are_bounded_by_parameter_and_by_what_the_prompt_leaves():
    settings = DEMO[0].model_copy(update={"max_new_tokens": 50, "model_length": 100})
    bounds = [sampling_parameters(settings, Prompt("n", [1] * n))["max_tokens"] for n in (10, 50, 51, 99)]
    assert bounds == [50, 50, 49, 1]


def test_seeds_differ_between_prompts_and_runs_and_depend_on_nothing_else():
    settings = DEMO[0]
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
    settings, resources = DEMO
    resources = resources.model_copy(update={"tensor_parallel": tensor, "data_parallel": data})
    if fits:
        check_gpus(settings, resources, present)
    else:
        with pytest.raises(
            UserError, match=rf"machine\.yaml: .*{tensor * data} GPUs are needed, {present} are present"
        ):
            check_gpus(settings, resources, present)


def test_a_model_is_not_split_by_an_engine_that_cannot():
    settings, resources = DEMO[0].model_copy(update={"engine": "transformers"}), DEMO[1]
    check_gpus(settings, resources.model_copy(update={"data_parallel": 2}), 2)
    with pytest.raises(UserError, match=r"generate\.tensor_parallel must be 1 with the engine transformers"):
        check_gpus(settings, resources.model_copy(update={"tensor_parallel": 2}), 2)


@pytest.fixture
def project(tmp_path, generator):
    """A folder with what the stage reads: both parameter files at a toy scale, and the records of four notes."""
    for name in ("params.yaml", "machine.yaml"):
        (tmp_path / name).write_bytes(Path(name).read_bytes())
    lengths = {"max_new_tokens": 12, "model_length": 160}
    change(tmp_path, samples=2, **lengths)
    change(tmp_path, "machine.yaml", concurrent_sequences=8, cpu_cache_gib=1, prompts_per_shard=2)
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
    write_records(tmp_path / "records" / "prompts.jsonl", build_records(ENGLISH, real))
    return tmp_path


def settings_of(project):
    return params.read(project / "params.yaml").generate, read_resources(project / "machine.yaml").generate


def stage_command(model):
    paths = {
        "model": model,
        "records": "records",
        "work": "work",
        "samples": "samples.parquet",
    }
    options = [word for name, path in paths.items() for word in (f"--{name}", str(path))]
    return [sys.executable, "-m", "synthnotes.stages.generate", "--corpus", "mimic", *options]


def run_stage(project, model):
    return subprocess.run(
        stage_command(model), cwd=project, capture_output=True, text=True, env=os.environ, check=False
    )


def change(project, name="params.yaml", **values):
    file = project / name
    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    found["generate"] |= values
    for declared in found.get("corpora", {}).values():
        declared["generate"] = {}
    file.write_text(yaml.safe_dump(found), encoding="utf-8")


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
    assert not any((project / "work").iterdir())
    for text in ["secretword", *drawn["text"]]:
        assert text not in done.stdout + done.stderr


def test_the_stage_samples_with_vllm_as_many_tokens_as_planned(project, generator):
    check_samples(project, run_stage(project, generator))
    settings, resources = params.read(project / "params.yaml"), read_resources(project / "machine.yaml")
    found = skeleton(generator, "generator")
    shape = Architecture.of(found.model.config, found.parameters)
    # The plan takes samples to be as long as the real notes; here, as long as they became.
    samples = pd.read_parquet(project / "samples.parquet")
    lengths = plan.measure(read_records(project / "records" / "prompts.jsonl"), generator)
    lengths = dataclasses.replace(lengths, notes=samples.groupby("note_id")["new_tokens"].mean().to_numpy() - 1)
    planned = plan.estimate_sampling(shape, lengths, settings, resources, GPUS["h100"])
    read_once = samples[(samples["sample"] == 0) & (samples["new_tokens"] > 0)]["prompt_tokens"].sum()
    assert planned.tokens == samples["new_tokens"].sum() + read_once
    assert planned.problems == ["25.0% of the prompts fill generate.model_length and will not be sampled."]


@pytest.mark.slow
def test_vllms_cache_holds_as_many_tokens_as_planned(project, generator):
    settings, resources = settings_of(project)
    engine = start_engine(settings, resources, generator).llm_engine
    blocks = engine.engine_core.engine_core.scheduler.kv_cache_config.num_blocks
    shape = Architecture.of(skeleton(generator, "generator").model.config, 0)
    planned = resources.cpu_cache_gib * 2**30 / shape.cache_bytes(settings.precision)
    assert blocks * engine.vllm_config.cache_config.block_size == pytest.approx(planned, rel=0.01)


@pytest.mark.slow
def test_the_stage_samples_with_transformers_in_two_processes(project, generator):
    change(project, engine="transformers")
    change(project, "machine.yaml", data_parallel=2)
    check_samples(project, run_stage(project, generator))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["vllm", "transformers"])
def test_a_stage_killed_for_real_goes_on_and_ends_with_the_same_table(project, generator, engine):
    change(project, engine=engine)
    change(project, "machine.yaml", prompts_per_shard=1)
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
        ({"machine.yaml": {"tensor_parallel": 2}}, r"tensor_parallel \(2\) x .* 2 GPUs are needed, 0 are present"),
        ({"samples": 0}, r"generate\.samples"),
        ({"model_length": 9999}, r"generate\.model_length: 9999 .* has 512 positions"),
        ({"model_length": 20, "max_new_tokens": 20}, "no prompt is shorter than"),
    ],
)
def test_values_that_cannot_work_are_refused_before_an_engine_starts(project, generator, monkeypatch, changes, message):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("synthnotes.generation.shards.starter", lambda *_: pytest.fail("an engine was started"))
    change(project, "machine.yaml", **changes.pop("machine.yaml", {}))
    change(project, **changes)
    monkeypatch.chdir(project)
    with pytest.raises(UserError, match=message):
        generate.main("mimic", generator, Path("records"), Path("work"), Path("samples.parquet"))
    assert not Path("work").exists()


@pytest.mark.parametrize("texts", [["", ""], [" ", "\n"], ["\u00a0", ""], ["", "fever"]])
def test_samples_of_which_all_are_empty_point_to_the_generator(texts, tmp_path):
    drawn = pd.DataFrame({"text": texts})
    if any(text.strip() for text in texts):
        sampling.require_texts(drawn, tmp_path)
        return
    with pytest.raises(UserError, match=r"all 2 samples that the generator drew are empty.*learning_rate") as told:
        sampling.require_texts(drawn, tmp_path)
    assert "cohort" not in str(told.value)
