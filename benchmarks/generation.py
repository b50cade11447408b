"""Sampling: the stage with vLLM against `transformers.generate` in batches, on the demo's merged English model.

Both draw at the demo's values from the same prompts. The stage is run as DVC runs it, with clocks around the engine's
start and around vLLM's own `generate`. `transformers.generate` is given batches of several sizes, without the
model's top-50 default, and no seeds per sample. Tokens are those of the notes, end tokens included, padding left out.

Reads build/ and params.yaml of the folder that the environment variable PROJECT names, else of this one.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import machine

PROJECT = Path(os.environ.get("PROJECT", "."))
CORPUS = "mimic"
STAGE_PROMPTS = 129
# Sequences at once, and how many batches of them; larger ones take longer, so fewer suffice.
BATCHES = {12: 3, 48: 2, 129: 1}


def stage() -> dict[str, Any]:
    """Runs the stage `generate` on the first prompts."""
    clocks = {"imports": 0.0, "start": 0.0, "generate": 0.0}

    def timed(name: str, function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                clocks[name] += time.perf_counter() - started

        return call

    whole = time.perf_counter()
    from synthnotes import notes
    from synthnotes.files import read_json
    from synthnotes.generation import vllm_engine
    from synthnotes.generation.records import read_records, write_records
    from synthnotes.stages import generate

    os.environ.update(vllm_engine.ENVIRONMENT)
    import vllm

    clocks["imports"] = time.perf_counter() - whole
    vllm.LLM.__init__ = timed("start", vllm.LLM.__init__)
    vllm.LLM.generate = timed("generate", vllm.LLM.generate)
    build = PROJECT.absolute() / "build"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        records = read_records(build / "records" / CORPUS / "prompts.jsonl")[:STAGE_PROMPTS]
        write_records(folder / "records" / "prompts.jsonl", records)
        real = notes.read(build / "notes" / CORPUS / "real_s.parquet")
        notes.write(folder / "real.parquet", real[real["note_id"].isin([record.id for record in records])])
        started = time.perf_counter()
        generate.main(
            corpus=CORPUS,
            model=build / "merge" / CORPUS,
            records=folder / "records",
            real=folder / "real.parquet",
            work=folder / "work",
            samples=folder / "samples.parquet",
            synthetic=folder / "synthetic.parquet",
            results=folder / "results.json",
        )
        seconds = time.perf_counter() - started
        found = read_json(folder / "results.json")
    return {
        "samples": found["samples"],
        "tokens": found["new_tokens"],
        "seconds": seconds,
        "engine_start_seconds": clocks["start"],
        "generate_seconds": clocks["generate"],
        "import_seconds": clocks["imports"],
    }


def batches(size: str) -> dict[str, Any]:
    """Runs `transformers.generate` on batches of `size` sequences."""
    import torch
    from transformers import AutoModelForCausalLM

    from synthnotes import params
    from synthnotes.generation.encoding import encode_prompts
    from synthnotes.generation.models import load_tokenizer
    from synthnotes.generation.records import read_records

    settings, build = params.load("generate"), PROJECT.absolute() / "build"
    folder = build / "merge" / CORPUS
    tokenizer = load_tokenizer(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, settings.precision)).eval()
    per_batch, count = int(size) // settings.samples, BATCHES[int(size)]
    records = read_records(build / "records" / CORPUS / "prompts.jsonl")[: per_batch * count]
    prompts = encode_prompts(tokenizer, CORPUS, [record.input for record in records])
    torch.manual_seed(settings.seed)
    tokens = samples = 0
    started = time.perf_counter()
    for first in range(0, len(prompts), per_batch):
        some = prompts[first : first + per_batch]
        width = max(map(len, some))
        with torch.inference_mode():
            output = model.generate(
                input_ids=torch.tensor([[tokenizer.pad_token_id] * (width - len(ids)) + ids for ids in some]),
                attention_mask=torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in some]),
                do_sample=True,
                temperature=settings.temperature,
                top_p=settings.top_p,
                top_k=0,
                repetition_penalty=settings.repetition_penalty,
                num_return_sequences=settings.samples,
                max_new_tokens=settings.max_new_tokens[CORPUS],
                pad_token_id=tokenizer.pad_token_id,
            )[:, width:]
        ended = (output == tokenizer.eos_token_id).int()
        lengths = torch.where(ended.any(1), ended.argmax(1) + 1, output.shape[1])
        tokens += int(lengths.sum())
        samples += len(output)
    return {"samples": samples, "tokens": tokens, "seconds": time.perf_counter() - started}


def child(kind: str, *words: str) -> dict[str, Any]:
    """One measurement."""
    return {"stage": stage, "batches": batches}[kind](*words)


def parent() -> dict[str, Any]:
    """All measurements, one after the other."""
    script = str(Path(__file__).absolute())
    ours = machine.in_child(script, "stage")
    theirs = {size: machine.in_child(script, "batches", str(size)) for size in BATCHES}
    speed = ours["tokens"] / ours["generate_seconds"]
    print(f"{'':44}{'samples':>9}{'tokens':>9}{'seconds':>9}{'tokens/s':>10}{'GiB':>6}{'ours is':>9}")
    rows = {"the stage's engine (vLLM's generate)": (ours, ours["generate_seconds"])}
    rows |= {f"transformers.generate, {size} at once": (found, found["seconds"]) for size, found in theirs.items()}
    for name, (found, seconds) in rows.items():
        rate = found["tokens"] / seconds
        print(
            f"{name:44}{found['samples']:9,}{found['tokens']:9,}{seconds:9.1f}{rate:10,.0f}{found['peak_gib']:6.1f}"
            f"{speed / rate:8.1f}x"
        )
    start, inside = ours["engine_start_seconds"], ours["generate_seconds"]
    beyond = ours["seconds"] - start - inside
    print(
        f"The stage: {ours['seconds']:.1f} s = engine start {start:.1f} + generate {inside:.1f} + rest {beyond:.1f} "
        f"({beyond / inside:.1%} of generate); imports before that: {ours['import_seconds']:.1f} s"
    )
    return {
        "stage": ours | {"tokens_per_second": speed, "beyond_generate_share": beyond / inside},
        "transformers": {
            str(size): found | {"tokens_per_second": found["tokens"] / found["seconds"]}
            for size, found in theirs.items()
        },
    }


if __name__ == "__main__":
    machine.main("generation", child, parent)
