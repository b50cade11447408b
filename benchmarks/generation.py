"""Sampling: the stage with vLLM against `transformers.generate` in batches, on two models.

The first is the demo's merged English model. Both draw at the demo's values from the same prompts. The stage is run as
DVC runs it, with clocks around the engine's start, around vLLM's own `generate`, and within it around the model and the
sampler. `transformers.generate` is given batches of several sizes, without the model's top-50 default, and no seeds per
sample. Tokens are those of the notes, end tokens included, padding left out.

The second is a LLaMA of 116 million random weights, where the kernels and not Python take the time. It would never
stop, so each note's length is that of a sample of the demo's model: vLLM ends each when it is reached, and
`transformers.generate` a batch when its longest is.

Reads build/, params.yaml and machine.yaml of the folder that the environment variable PROJECT names, else of this one.
One thread unless OMP_NUM_THREADS says otherwise.
"""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch reads it, also in the children

import machine

PROJECT, BUILD = Path(os.environ.get("PROJECT", ".")), Path("build")
CORPUS = "mimic"
STAGE_PROMPTS = 340  # one shard of the demo: at its end, ever fewer sequences are under way
# Precision, sequences at once, and how many batches of them; larger ones take longer, so fewer suffice.
BATCHES = [("bfloat16", 16, 2), ("bfloat16", 48, 1), ("bfloat16", 128, 1)]
BATCHES += [("float32", 16, 2), ("float32", 48, 1), ("float32", 128, 1)]
LARGE = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "head_dim": 64}
LARGE |= {"num_attention_heads": 12, "num_key_value_heads": 12}
LARGE_PRECISION, LARGE_SAMPLES, LARGE_AT_ONCE = "bfloat16", 64, 32


@contextmanager
def clock(clocks: Counter[str], name: str = "") -> Iterator[None]:
    """Adds the time that the block takes, and the time that it keeps a core busy, which other work changes less."""
    started, busy = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        clocks[f"{name}seconds"] += time.perf_counter() - started
        clocks[f"{name}core_seconds"] += time.process_time() - busy


def stage() -> dict[str, Any]:
    """Runs the stage `generate` on the first prompts."""
    clocks = Counter()

    def timed(name: str, function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            with clock(clocks, name):
                return function(*args, **kwargs)

        return call

    with clock(clocks, "import_"):
        import pandas as pd

        from synthnotes.generation import vllm_engine
        from synthnotes.generation.records import read_records, write_records
        from synthnotes.stages import generate

        os.environ.update(vllm_engine.ENVIRONMENT)
        import vllm
        from vllm.v1.sample.sampler import Sampler
        from vllm.v1.worker.gpu_model_runner import GPUModelRunner

    vllm.LLM.__init__ = timed("engine_start_", vllm.LLM.__init__)
    vllm.LLM.generate = timed("generate_", vllm.LLM.generate)
    GPUModelRunner._model_forward = timed("model_", GPUModelRunner._model_forward)
    Sampler.forward = timed("sampler_", Sampler.forward)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        records = read_records(BUILD / "records" / CORPUS / "prompts.jsonl")[:STAGE_PROMPTS]
        write_records(folder / "records" / "prompts.jsonl", records)
        with clock(clocks):
            generate.main(
                corpus=CORPUS,
                model=BUILD / "merge" / CORPUS,
                records=folder / "records",
                work=folder / "work",
                samples=folder / "samples.parquet",
            )
        tokens = pd.read_parquet(folder / "samples.parquet")["new_tokens"]
    return {"samples": int((tokens > 0).sum()), "tokens": int(tokens.sum()), **clocks}


def batches(precision: str, size: str, count: str) -> dict[str, Any]:
    """Runs `transformers.generate` with the demo's model on `count` batches of `size` sequences."""
    import torch

    model, tokenizer = load(BUILD / "merge" / CORPUS, precision)
    settings, prompts = demo(tokenizer, int(size), int(count))
    torch.manual_seed(settings.seed)
    tokens = samples = 0
    clocks = Counter()
    per_batch, limit = len(prompts) // int(count), settings.max_new_tokens
    for first in range(0, len(prompts), per_batch):
        with clock(clocks):
            output = draw(model, tokenizer, settings, prompts[first : first + per_batch], max_new_tokens=limit)
        ended = (output == tokenizer.eos_token_id).int()
        lengths = torch.where(ended.any(1), ended.argmax(1) + 1, output.shape[1])
        tokens += int(lengths.sum())
        samples += len(output)
    return {"samples": samples, "tokens": tokens, **clocks}


def large_vllm(folder: str) -> dict[str, Any]:
    """The engine with the stage's arguments, on the large model."""
    from synthnotes.generation import vllm_engine
    from synthnotes.generation.generators import load_tokenizer
    from synthnotes.generation.sampling import Prompt
    from synthnotes.machinery import machine as machine_file
    from synthnotes.machinery.resources import GenerateMachine

    settings, prompts = demo(load_tokenizer(Path(folder)), LARGE_SAMPLES, 1)
    settings = settings.model_copy(update={"precision": LARGE_PRECISION})
    resources = machine_file.load("generate", GenerateMachine).model_copy(update={"cpu_cache_gib": 4})
    engine = vllm_engine.start_engine(settings, resources, Path(folder))
    from vllm import SamplingParams

    wanted = lengths_of_samples(LARGE_SAMPLES)
    requests, values = [], []
    for number, length in enumerate(wanted):
        prompt = prompts[number // settings.samples]
        requests.append({"prompt_token_ids": prompt})
        given = vllm_engine.sampling_parameters(settings, Prompt(str(number), prompt))
        values.append(SamplingParams(**given | {"n": 1, "max_tokens": length, "ignore_eos": True}))
    clocks = Counter()
    with clock(clocks):
        drawn = engine.generate(requests, values)
    tokens = sum(len(one.outputs[0].token_ids) for one in drawn)
    assert tokens == sum(wanted)
    return {"samples": len(drawn), "tokens": tokens, **clocks}


def large_transformers(folder: str) -> dict[str, Any]:
    """`transformers.generate` on one batch of the large model; each note counts with its own length."""
    import torch

    model, tokenizer = load(Path(folder), LARGE_PRECISION)
    settings, prompts = demo(tokenizer, LARGE_AT_ONCE, 1)
    wanted = lengths_of_samples(LARGE_AT_ONCE)
    torch.manual_seed(settings.seed)
    clocks = Counter()
    with clock(clocks):
        draw(model, tokenizer, settings, prompts, max_new_tokens=max(wanted), min_new_tokens=max(wanted))
    return {"samples": len(wanted), "tokens": sum(wanted), **clocks}


def demo(tokenizer: Any, sequences: int, count: int) -> tuple[Any, list[list[int]]]:
    """The section `generate` and the tokens of the first prompts, as many as `count` batches of sequences take."""
    from synthnotes.generation.records import encode_prompts, read_records
    from synthnotes.machinery import params
    from synthnotes.machinery.params import GenerateParams

    settings = params.load("generate", GenerateParams)
    records = read_records(BUILD / "records" / CORPUS / "prompts.jsonl")
    records = records[: sequences // settings.samples * count]
    return settings, encode_prompts(tokenizer, [record.prompt for record in records])


def lengths_of_samples(count: int) -> list[int]:
    """The tokens of the first samples that the demo's model drew."""
    import pandas as pd

    samples = pd.read_parquet(BUILD / "generate" / f"{CORPUS}.parquet", columns=["new_tokens"])
    return samples["new_tokens"].head(count).tolist()


def load(folder: Path, precision: str) -> tuple[Any, Any]:
    """A model and its tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM

    from synthnotes.generation.generators import load_tokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, precision)).eval()
    return model, load_tokenizer(folder)


def draw(model: Any, tokenizer: Any, settings: Any, prompts: list[list[int]], **limits: int) -> Any:
    """Samples from one batch of prompts: the new tokens, [sequences, longest]."""
    import torch

    width = max(map(len, prompts))
    with torch.inference_mode():
        return model.generate(
            input_ids=torch.tensor([[tokenizer.pad_token_id] * (width - len(ids)) + ids for ids in prompts]),
            attention_mask=torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts]),
            do_sample=True,
            temperature=settings.temperature,
            top_p=settings.top_p,
            top_k=0,
            repetition_penalty=settings.repetition_penalty,
            num_return_sequences=settings.samples,
            pad_token_id=tokenizer.pad_token_id,
            **limits,
        )[:, width:]


def make_large(folder: str) -> dict[str, Any]:
    """Writes the large model: random weights, the tokenizer of the demo's."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    merged = BUILD / "merge" / CORPUS
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(merged, **LARGE))
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(merged).save_pretrained(folder)
    return {"weights": sum(weights.numel() for weights in model.parameters())}


MEASUREMENTS = (stage, batches, make_large, large_vllm, large_transformers)


def child(kind: str, *words: str) -> dict[str, Any]:
    """One measurement, in the folder whose build/ and params.yaml it reads."""
    os.chdir(PROJECT)
    return {function.__name__: function for function in MEASUREMENTS}[kind](*words)


def table(ours: dict[str, Any], name: str, theirs: dict[str, dict[str, Any]]) -> None:
    """Prints tokens per second of ours, then of theirs with how many times faster ours is; adds both to them.

    The same per second of a core at work follows: beside other work, it is the comparison that holds.
    """
    print(f"{'':46}{'samples':>9}{'tokens':>9}{'seconds':>9}{'tokens/s':>10}{'ours is':>9}{'/core s':>9}{'ours is':>9}")
    for label, found in {name: ours, **theirs}.items():
        line = (
            f"{label:46}{found['samples']:9,}{found['tokens']:9,}{found.get('generate_seconds', found['seconds']):9.1f}"
        )
        for kind in ("second", "core_second"):
            rate = found[f"tokens_per_{kind}"] = found["tokens"] / found.get(f"generate_{kind}s", found[f"{kind}s"])
            times = found[f"ours_is_faster_per_{kind}"] = ours[f"tokens_per_{kind}"] / rate
            line += f"{rate:{10 if kind == 'second' else 9},.0f}{times:8.1f}x"
        print(line, flush=True)


def parent() -> dict[str, Any]:
    """All measurements, one after the other."""
    script = str(Path(__file__).absolute())
    threads = int(os.environ["OMP_NUM_THREADS"])
    print(f"{threads} thread(s), load average {os.getloadavg()[0]:.1f}", flush=True)
    ours = machine.in_child(script, "stage")
    theirs = {
        f"transformers.generate, {batch[0]}, {batch[1]} at once": machine.in_child(script, "batches", *map(str, batch))
        for batch in BATCHES
    }
    table(ours, "the stage's engine (vLLM's generate)", theirs)
    start, inside = ours["engine_start_seconds"], ours["generate_seconds"]
    beyond = ours["seconds"] - start - inside
    print(
        f"The stage: {ours['seconds']:.1f} s = engine start {start:.1f} + generate {inside:.1f} + rest {beyond:.1f} "
        f"({beyond / inside:.1%} of generate); imports before that: {ours['import_seconds']:.1f} s"
    )
    ours["beyond_generate_share"] = beyond / inside
    ours["shares_of_generate"] = {
        "model": ours["model_seconds"] / inside,
        "sampler": ours["sampler_seconds"] / inside,
        "scheduling_and_bookkeeping": 1 - (ours["model_seconds"] + ours["sampler_seconds"]) / inside,
    }
    print("Of generate: " + ", ".join(f"{name} {share:.0%}" for name, share in ours["shares_of_generate"].items()))
    with tempfile.TemporaryDirectory() as folder:
        weights = machine.in_child(script, "make_large", folder)["weights"]
        print(f"{weights:,} random weights, {LARGE_PRECISION}:", flush=True)
        large = machine.in_child(script, "large_vllm", folder)
        of_large = machine.in_child(script, "large_transformers", folder)
    name = f"transformers.generate, {LARGE_AT_ONCE} at once"
    table(large, "vLLM's generate, as the stage calls it", {name: of_large})
    return {
        "threads": threads,
        "stage": ours,
        "transformers": theirs,
        "large": {"weights": weights, "vllm": large, "transformers": {name: of_large}},
    }


if __name__ == "__main__":
    machine.main("generation", child, parent)
