"""What fine-tuning and sampling will take, and what would not fit, before anything is spent: `make plan`.

The number of tokens comes from the instruction records, of which some hundred are tokenised; the rest is the arithmetic
of `estimates`, for the current parameters and what machine.yaml asks for.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthnotes.generation.generators import load_tokenizer
from synthnotes.generation.records import Record, encode_prompts, read_records
from synthnotes.machinery import params
from synthnotes.machinery.files import UserError
from synthnotes.machinery.params import Params
from synthnotes.machinery.resources import Machine, read_resources
from synthnotes.preflight import estimates
from synthnotes.preflight.estimates import GIB, GPUS, RESERVE, Architecture, Gpu
from synthnotes.preflight.inventory import require_model

TOKENISED = 500  # records, evenly spread


@dataclass(frozen=True)
class Lengths:
    """Tokens of prompts and notes of some records that stand for `count`."""

    count: int
    prompts: np.ndarray
    notes: np.ndarray

    def texts(self, longest: int) -> np.ndarray:
        """Tokens of the training texts: prompt, note and end token, cut to the longest; 0 where the prompt fills it."""
        return np.where(self.prompts < longest, np.minimum(self.prompts + self.notes + 1, longest), 0)


def measure(records: Sequence[Record], model: Path) -> Lengths:
    """Tokenises at most 500 of the records, evenly spread."""
    tokenizer = load_tokenizer(model)
    some = [records[i] for i in np.linspace(0, len(records) - 1, min(TOKENISED, len(records))).astype(int)]
    prompts = encode_prompts(tokenizer, [record.prompt for record in some])
    notes = tokenizer([record.output for record in some], add_special_tokens=False)["input_ids"]
    return Lengths(len(records), np.array([len(p) for p in prompts]), np.array([len(n) for n in notes]))


@dataclass(frozen=True)
class Estimate:
    """What one piece of work takes, and what would not fit or work, a sentence each."""

    tokens: float  # that the model reads or writes in all
    gpu_gib: float  # needed on each GPU
    gpu_hours: float  # of all GPUs together
    disk_gib: float  # in build/, work folder included, and as much again in DVC's cache for what stays
    problems: list[str]


def estimate_finetuning(
    shape: Architecture, records: Lengths, settings: Params, resources: Machine, gpu: Gpu
) -> Estimate:
    """Estimates fine-tuning on the training records, and the merge of its adapters."""
    learning, tuning = settings.finetune, resources.finetune
    lengths = records.texts(learning.max_length).astype(float)
    tokens = lengths.mean() * records.count * learning.epochs
    attended = (lengths**2).sum() / lengths.sum()
    flops = tokens * estimates.training_flops(shape, learning.lora.r, attended, tuning.gradient_checkpointing)
    memory = sum(estimates.training_memory(shape, learning, tuning).values()) / GIB
    takes = estimates.generation_disk(shape, settings)
    cut = float((records.prompts + records.notes + 1 > learning.max_length).mean())
    problems = [f"{cut:.1%} of the records are longer than finetune.max_length and lose their end."] if cut else []
    if memory > RESERVE * gpu.memory:
        problems.append(
            f"Fine-tuning needs {memory:.1f} GiB on each GPU of {gpu.memory:.0f}: lower finetune.micro_batch in "
            "machine.yaml, set gradient_checkpointing, or share the weights out (accelerate: fsdp or zero3, and more "
            "processes)."
        )
    rate = gpu.tflops * 1e12 * estimates.UTILISATION * (1 if learning.precision == "bfloat16" else 0.5)  # TF32: half
    hours = flops / rate / 3600
    stored = takes["checkpoints"] + 2 * (takes["adapter"] + takes["merged"])
    return Estimate(tokens, memory, hours, stored / GIB, problems)


def estimate_sampling(
    shape: Architecture, records: Lengths, settings: Params, resources: Machine, gpu: Gpu
) -> Estimate:
    """Estimates sampling from the records' prompts, if the samples become as long as the real notes."""
    sampling, engine = settings.generate, resources.generate
    length, precision = sampling.model_length, sampling.precision
    fitting = records.prompts < length
    prompts = records.prompts[fitting]
    new = np.minimum(records.notes[fitting] + 1, np.minimum(sampling.max_new_tokens, length - prompts))
    share = records.count / max(len(fitting), 1)
    read, written = prompts.sum() * share, new.sum() * share * sampling.samples
    under_way = float(prompts.mean() + new.mean() / 2) if fitting.any() else float(length)
    hours = estimates.sampling_hours(shape, precision, engine, gpu, read, written, under_way)
    memory = estimates.sampling_memory(shape, precision, engine.concurrent_sequences * under_way)
    problems = []
    if not fitting.all():
        problems.append(f"{(~fitting).mean():.1%} of the prompts fill generate.model_length and will not be sampled.")
    at_once = estimates.cache_sequences(shape, precision, engine, under_way, gpu)
    if estimates.cache_sequences(shape, precision, engine, length, gpu) < 1:
        problems.append(
            f"The weights and one sequence of {length} tokens do not fit into {engine.tensor_parallel} x "
            f"{gpu.memory:.0f} GiB: raise generate.tensor_parallel in machine.yaml."
        )
    elif at_once < engine.concurrent_sequences:
        problems.append(f"Only about {at_once:.0f} of generate.concurrent_sequences fit at once: it will take longer.")
    # Shards and the table of samples, and the table once more in DVC's cache.
    stored = 3 * written * estimates.NOTE_BYTES_PER_TOKEN
    return Estimate(read + written, memory / engine.tensor_parallel / GIB, hours, stored / GIB, problems)


def plan(settings: Params, resources: Machine, models: Path, records: Path, gpu: Gpu) -> dict[str, Estimate]:
    """Estimates the work of every corpus, from `<corpus>/generator` in `models` and the files of `records`."""
    work = {}
    for corpus in settings.corpora:
        model, own = models / corpus / "generator", settings.of(corpus)
        found = require_model(model, "generator", own)
        shape = Architecture.of(found.model.config, found.parameters)
        for name, file, estimate in (
            ("fine-tuning", "training.jsonl", estimate_finetuning),
            ("sampling", "prompts.jsonl", estimate_sampling),
        ):
            lengths = measure(read_records(records / corpus / file), model)
            work[f"{name}, {corpus}"] = estimate(shape, lengths, own, resources, gpu)
    return work


def show(work: dict[str, Estimate], free_gib: float) -> list[str]:
    """Gives the lines to print: a table, then what would not fit."""
    lines = [f"{'':24}{'million tokens':>16}{'GiB per GPU':>14}{'GPU hours':>12}{'disk, GiB':>12}"]
    for name, e in work.items():
        lines.append(f"{name:24}{e.tokens / 1e6:16,.2f}{e.gpu_gib:14,.2f}{e.gpu_hours:12,.2f}{e.disk_gib:12,.2f}")
    hours, disk = sum(e.gpu_hours for e in work.values()), sum(e.disk_gib for e in work.values())
    lines.append(f"{'in all':24}{'':16}{'':14}{hours:12,.2f}{disk:12,.2f}")
    problems = [f"{name}: {problem}" for name, e in work.items() for problem in e.problems]
    if disk > free_gib:
        problems.append(f"disk: {disk:,.1f} GiB are needed, {free_gib:,.1f} are free.")
    return [*lines, *(problems or ["Everything fits."])]


def main(models: Path, records: Path, params_file: Path, machine_file: Path, gpu: str) -> int:
    """Prints the plan; returns the exit code."""
    try:
        work = plan(params.read(params_file), read_resources(machine_file), models, records, GPUS[gpu])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"For GPUs of kind {gpu}; choose another with GPU={'|'.join(GPUS)}.")
    print("\n".join(show(work, shutil.disk_usage(records).free / GIB)))
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--records", type=Path, required=True)
    parser.add_argument("--params-file", type=Path, default=Path("params.yaml"))
    parser.add_argument("--machine-file", type=Path, default=Path("machine.yaml"))
    parser.add_argument("--gpu", choices=GPUS, default="h100")
    arguments = parser.parse_args()
    raise SystemExit(main(**vars(arguments)))
