import itertools
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from synthnotes import notes, params
from synthnotes.files import read_json
from synthnotes.generation.records import build_records, write_records
from synthnotes.generation.sampling import Prompt, engine_arguments, sampling_parameters


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
        return sampling_parameters(settings, "mimic", Prompt(note_id, [1] * tokens))["seed"]

    assert seed(settings, "a") == seed(settings, "a", tokens=9)
    assert len({seed(settings, "a"), seed(settings, "b"), seed(other, "a")}) == 3
    # Sample i of a prompt has seed + i: no two prompts' ranges may meet, and vLLM reads 64-bit seeds.
    seeds = sorted(seed(settings, f"n{number}") for number in range(500))
    assert min(b - a for a, b in itertools.pairwise(seeds)) > settings.samples
    assert seeds[-1] < 2**63


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
            "codes": [["I10"]] * 4,
            "descriptions": [["fever"], ["cough", "pain"], [], ["q7 " * 150]],
            "fold": ["train", "validation", "train", "train"],
        }
    )
    notes.write(tmp_path / "real.parquet", real)
    write_records(tmp_path / "records" / "prompts.jsonl", build_records("mimic", real))
    return tmp_path


def run_stage(project, generator):
    paths = {
        "model": generator,
        "records": "records",
        "real": "real.parquet",
        "work": "work",
        "samples": "samples.parquet",
        "synthetic": "synthetic.parquet",
        "results": "results.json",
    }
    options = [word for name, path in paths.items() for word in (f"--{name}", str(path))]
    command = [sys.executable, "-m", "synthnotes.stages.generate", "--corpus", "mimic", *options]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, env=os.environ, check=False)


def test_the_stage_samples_with_vllm(project, generator):
    done = run_stage(project, generator)
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
    synthetic = notes.read(project / "synthetic.parquet")
    assert synthetic["note_id"].tolist() == ["a", "b", "c"]
    assert synthetic["fold"].tolist() == ["train", "validation", "train"]
    results = read_json(project / "results.json")
    assert (results["samples"], results["prompts_too_long"]) == (6, 1)
    assert not any((project / "work").iterdir())
    for text in ["secretword", *synthetic["text"]]:
        assert text not in done.stdout + done.stderr


def test_a_missing_model_is_one_clear_line_and_leaves_nothing(project):
    done = run_stage(project, project / "nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("generate: error: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (project / "samples.parquet").exists()
    assert not (project / "work").exists()
