"""Plan: what fine-tuning and sampling will take, and what would not fit, before anything is spent. `make plan` runs it.

The number of tokens comes from the instruction records, of which some hundred are tokenised; the rest is the arithmetic
of `sizing`, for the current parameters, what machine.yaml asks for, and the models' config.json.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthnotes.generation import sizing
from synthnotes.generation.encoding import encode_prompts
from synthnotes.generation.models import check_generator, load_tokenizer
from synthnotes.generation.records import Record, read_records
from synthnotes.generation.sizing import BYTES, GPUS, RESERVE, Architecture, Gpu
from synthnotes.machinery import machine, params
from synthnotes.machinery.files import UserError
from synthnotes.machinery.machine import FinetuneMachine, GenerateMachine, Machine
from synthnotes.machinery.sections import FinetuneParams, GenerateParams, Params

TOKENISED = 500  # records, evenly spread
NOTE_BYTES_PER_TOKEN = 2.0  # of a note in compressed parquet
GIB = 2**30


@dataclass(frozen=True)
class Lengths:
    """Tokens of prompts and notes of some records that stand for `count`."""

    count: int
    prompts: np.ndarray
    notes: np.ndarray

    def texts(self, longest: int) -> np.ndarray:
        """Tokens of the training texts: prompt, note and end token, cut to the longest; 0 where the prompt fills it."""
        return np.where(self.prompts < longest, np.minimum(self.prompts + self.notes + 1, longest), 0)


def measure(records: Sequence[Record], model: Path, corpus: str) -> Lengths:
    """Tokenises at most 500 of the records, evenly spread."""
    tokenizer = load_tokenizer(model)
    some = [records[i] for i in np.linspace(0, len(records) - 1, min(TOKENISED, len(records))).astype(int)]
    prompts = encode_prompts(tokenizer, corpus, [record.input for record in some])
    notes = tokenizer([record.output for record in some], add_special_tokens=False)["input_ids"]
    return Lengths(len(records), np.array([len(p) for p in prompts]), np.array([len(n) for n in notes]))


@dataclass(frozen=True)
class Estimate:
    """What one piece of work takes.

    Attributes:
        tokens: that the model reads or writes in all.
        gpu_gib: needed on each GPU.
        gpu_hours: of all GPUs together.
        disk_gib: in build/, work folder included, and as much again in DVC's cache for what stays.
        problems: what would not fit or work, a sentence each.
    """

    tokens: float
    gpu_gib: float
    gpu_hours: float
    disk_gib: float
    problems: list[str]


def estimate_finetune(
    shape: Architecture,
    texts: Lengths,
    settings: FinetuneParams,
    resources: FinetuneMachine,
    epochs: float,
    gpu: Gpu,
) -> Estimate:
    """Estimates fine-tuning and the merge of its adapters."""
    lengths = texts.texts(settings.max_length).astype(float)
    tokens = lengths.mean() * texts.count * epochs
    attended = (lengths**2).sum() / lengths.sum()
    rank = settings.lora.r
    flops = tokens * sizing.training_flops(shape, rank, attended, resources.gradient_checkpointing)
    memory = sum(sizing.training_memory(shape, settings, resources).values()) / GIB
    # Three checkpoints at most (one is being written), each with Adam's moments; adapter and merged model twice.
    adapter, merged = shape.lora_parameters(rank) * 4, shape.parameters * BYTES[settings.precision]
    cut = float((texts.prompts + texts.notes + 1 > settings.max_length).mean())
    problems = [f"{cut:.1%} of the records are longer than finetune.max_length and lose their end."] if cut else []
    if memory > RESERVE * gpu.memory:
        problems.append(
            f"Fine-tuning needs {memory:.1f} GiB on each GPU of {gpu.memory:.0f}: lower finetune.micro_batch in "
            "machine.yaml, set gradient_checkpointing, or share the weights out (accelerate: fsdp or zero3, and more "
            "processes)."
        )
    hours = sizing.training_hours(flops, gpu, settings.precision)
    return Estimate(tokens, memory, hours, (3 * 3 * adapter + 2 * (adapter + merged)) / GIB, problems)


def estimate_generate(
    shape: Architecture,
    prompts: Lengths,
    settings: GenerateParams,
    resources: GenerateMachine,
    corpus: str,
    gpu: Gpu,
) -> Estimate:
    """Estimates sampling, if the samples become as long as the real notes."""
    length, precision = settings.model_length[corpus], settings.precision
    fitting = prompts.prompts < length
    problems = []
    if not fitting.all():
        problems.append(f"{(~fitting).mean():.1%} of the prompts fill generate.model_length and will not be sampled.")
    limits = np.minimum(settings.max_new_tokens[corpus], length - prompts.prompts[fitting])
    new = np.minimum(prompts.notes[fitting] + 1, limits).astype(float)
    share = prompts.count / len(prompts.prompts) if len(prompts.prompts) else 0
    read, written = prompts.prompts[fitting].sum() * share, new.sum() * share * settings.samples
    under_way = float(prompts.prompts[fitting].mean() + new.mean() / 2) if fitting.any() else float(length)
    hours = sizing.sampling_hours(shape, precision, resources, gpu, read, written, under_way)
    weights = shape.parameters * BYTES[precision] / resources.tensor_parallel / GIB
    cache = resources.concurrent_sequences * under_way * shape.cache_bytes(precision)
    memory = weights + cache / resources.tensor_parallel / GIB
    longest = sizing.cache_sequences(shape, precision, resources, length, gpu)
    if longest < 1:
        problems.append(
            f"The weights and one sequence of {length} tokens do not fit into {resources.tensor_parallel} x "
            f"{gpu.memory:.0f} GiB: raise generate.tensor_parallel in machine.yaml."
        )
    elif (
        at_once := sizing.cache_sequences(shape, precision, resources, under_way, gpu)
    ) < resources.concurrent_sequences:
        problems.append(f"Only about {at_once:.0f} of generate.concurrent_sequences fit at once: it will take longer.")
    # Shards and the table of samples, and the table once more in DVC's cache.
    return Estimate(read + written, memory, hours, 3 * written * NOTE_BYTES_PER_TOKEN / GIB, problems)


def plan(settings: Params, resources: Machine, models: Path, records: Path, gpu: Gpu) -> dict[str, Estimate]:
    """Estimates the work of every corpus.

    Args:
        settings: all parameters.
        resources: what machine.yaml asks for.
        models: folder that holds `<corpus>/generator`.
        records: folder that holds `<corpus>/training.jsonl` and `prompts.jsonl`.
        gpu: the kind of GPU.
    """
    estimates = {}
    for corpus in settings.corpora:
        model, tuning, sampling = models / corpus / "generator", settings.finetune, settings.generate
        shape = Architecture.of(check_generator(model, max(tuning.max_length, sampling.model_length[corpus])))
        learned, prompted = (
            measure(read_records(records / corpus / name), model, corpus)
            for name in ("training.jsonl", "prompts.jsonl")
        )
        epochs = tuning.epochs[corpus]
        estimates |= {
            f"fine-tuning, {corpus}": estimate_finetune(shape, learned, tuning, resources.finetune, epochs, gpu),
            f"sampling, {corpus}": estimate_generate(shape, prompted, sampling, resources.generate, corpus, gpu),
        }
    return estimates


def show(estimates: dict[str, Estimate], free_gib: float) -> list[str]:
    """Gives the lines to print: a table, then what would not fit."""
    lines = [f"{'':24}{'million tokens':>16}{'GiB per GPU':>14}{'GPU hours':>12}{'disk, GiB':>12}"]
    for name, e in estimates.items():
        lines.append(f"{name:24}{e.tokens / 1e6:16,.2f}{e.gpu_gib:14,.2f}{e.gpu_hours:12,.2f}{e.disk_gib:12,.2f}")
    hours, disk = (sum(getattr(e, of) for e in estimates.values()) for of in ("gpu_hours", "disk_gib"))
    lines.append(f"{'in all':24}{'':16}{'':14}{hours:12,.2f}{disk:12,.2f}")
    problems = [f"{name}: {problem}" for name, e in estimates.items() for problem in e.problems]
    if disk > free_gib:
        problems.append(f"disk: {disk:,.1f} GiB are needed, {free_gib:,.1f} are free.")
    return [*lines, *(problems or ["Everything fits."])]


def main(models: Path, records: Path, params_file: Path, machine_file: Path, gpu: str) -> int:
    """Prints the plan; returns the exit code."""
    try:
        estimates = plan(params.read(params_file), machine.read(machine_file), models, records, GPUS[gpu])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"For GPUs of kind {gpu}; choose another with GPU={'|'.join(GPUS)}.")
    print("\n".join(show(estimates, shutil.disk_usage(records).free / GIB)))
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("models", "records", "params-file"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--machine-file", type=Path, default=Path("machine.yaml"))
    parser.add_argument("--gpu", choices=GPUS, required=True)
    arguments = parser.parse_args()
    raise SystemExit(main(**vars(arguments)))
