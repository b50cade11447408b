"""Shards: sampling piece by piece, so that a killed run loses one piece per engine at most."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path

import pandas as pd
import pyarrow as pa

from synthnotes.generation.generators import load_tokenizer
from synthnotes.generation.records import Record, encode_prompts
from synthnotes.generation.sampling import COLUMNS, Prompt, Sampler
from synthnotes.machinery.files import UserError, disk_space_needed, fingerprint, replacing
from synthnotes.machinery.params import GenerateParams
from synthnotes.machinery.progress import Bar
from synthnotes.machinery.resources import GenerateMachine

_stop: Event | None = None  # in the process of an engine: set when another engine has failed


@dataclass(frozen=True)
class Shard:
    """A piece of the work: the file of its samples, the prompts to draw them from, and the values to draw them with."""

    path: Path
    prompts: Sequence[Prompt]
    settings: GenerateParams


def prompts_of(records: Sequence[Record], model: Path) -> list[Prompt]:
    """Encodes the prompts of records with a merged model's tokenizer."""
    encoded = encode_prompts(load_tokenizer(model), [record.prompt for record in records])
    return [Prompt(record.id, tokens) for record, tokens in zip(records, encoded, strict=True)]


@dataclass(frozen=True)
class Work:
    """All that is to be sampled from one model, by one kind of engine.

    Attributes:
        model: the merged model's folder.
        prompts: what to sample from; all leave room for a note.
        values: the values to sample with, by name, for instance several temperatures. All are of one engine, precision
            and length.
    """

    model: Path
    prompts: Sequence[Prompt]
    values: Mapping[str, GenerateParams]

    def key(self, prompts_per_shard: int) -> str:
        """Names what decides the shards, and nothing else: unfinished work is kept under this."""
        values = {name: settings.model_dump() for name, settings in self.values.items()}
        prompts = [vars(prompt) for prompt in self.prompts]
        return fingerprint([values, prompts_per_shard, prompts], self.model)


def sample(work: Work, resources: GenerateMachine, gpus: int, folder: Path) -> dict[str, pd.DataFrame]:
    """Samples from all prompts with each of the values, one engine for all, or several side by side.

    The shards lie in `folder`, which the work's key names. Gives a table of samples (see `sampling.Sampler`) for each
    of the values, by name.
    """
    shards = {
        name: cut(work.prompts, settings, folder / name, resources.prompts_per_shard)
        for name, settings in work.values.items()
    }
    start = starter(next(iter(work.values.values())), resources, work.model)
    everything = [shard for of_name in shards.values() for shard in of_name]
    tables = iter(sample_shards(everything, start, resources.data_parallel, resources.tensor_parallel if gpus else 0))
    return {name: pd.concat([next(tables) for _ in of_name], ignore_index=True) for name, of_name in shards.items()}


def starter(settings: GenerateParams, resources: GenerateMachine, model: Path) -> Callable[[], Sampler]:
    """Gives the function that starts the engine that the settings name; it can be sent to another process."""
    if settings.engine == "vllm":
        from synthnotes.generation.vllm_engine import start
    else:
        from synthnotes.generation.transformers_engine import start
    return partial(start, settings, resources, model)


def cut(prompts: Sequence[Prompt], settings: GenerateParams, folder: Path, size: int) -> list[Shard]:
    """Cuts prompts into shards of `size` prompts, in a folder that belongs to these prompts and settings alone."""
    return [
        Shard(folder / f"shard-{number:05d}.parquet", prompts[first : first + size], settings)
        for number, first in enumerate(range(0, len(prompts), size))
    ]


def sample_shards(
    shards: Sequence[Shard], start: Callable[[], Sampler], engines: int = 1, gpus_per_engine: int = 0
) -> list[pd.DataFrame]:
    """Samples what is missing, and gives the tables of all shards; those whose file is whole are not sampled again.

    Several engines work side by side, each in a process of its own, where it sees so many GPUs; none is started if no
    shard is missing.

    Raises:
        UserError: the disk is full, or an engine's process was killed; finished shards stay.
    """
    tables = {shard.path: read_shard(shard) for shard in shards}
    missing = [shard for shard in shards if tables[shard.path] is None]
    if engines > 1 and len(missing) > 1:
        _sample_side_by_side(missing, start, min(engines, len(missing)), gpus_per_engine)
    elif missing:
        _sample_one_by_one(missing, start, done=len(shards) - len(missing))
    tables |= {shard.path: read_shard(shard) for shard in missing}
    return [tables[shard.path] for shard in shards]


def write(path: Path, table: pd.DataFrame) -> None:
    """Writes a table of samples, whole or not at all."""
    with disk_space_needed(path), replacing(path) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")


def read_shard(shard: Shard) -> pd.DataFrame | None:
    """Reads a finished shard; None if there is none, or if it is damaged or of other prompts (with a warning)."""
    if not shard.path.exists():
        return None
    try:
        table = pd.read_parquet(shard.path, columns=COLUMNS)
    except (OSError, ValueError, KeyError, pa.ArrowException):
        Bar.write(f"generate: {shard.path} is damaged and is sampled again.", file=sys.stderr)
        return None
    expected = [(prompt.note_id, sample) for prompt in shard.prompts for sample in range(shard.settings.samples)]
    if list(zip(table["note_id"], table["sample"], strict=True)) != expected:
        wrong = "does not hold the samples of its prompts and is sampled again."
        Bar.write(f"generate: {shard.path} {wrong}", file=sys.stderr)
        return None
    return table


def _sample_one_by_one(shards: Sequence[Shard], start: Callable[[], Sampler], done: int = 0, position: int = 0) -> None:
    sampler = start()
    progress = Bar(shards, "shards", done + len(shards), unit="shard", initial=done, position=position)
    for shard in progress:
        if _must_stop():
            return
        write(shard.path, sampler(shard.prompts, shard.settings))


def _sample_side_by_side(shards: Sequence[Shard], start: Callable[[], Sampler], engines: int, gpus: int) -> None:
    """Gives every engine each `engines`-th shard and its own GPUs; if one fails, the others end after their shard."""
    context = multiprocessing.get_context("spawn")  # a forked process could not use a GPU
    stop = context.Event()
    with ProcessPoolExecutor(engines, mp_context=context, initializer=_heed, initargs=(stop,)) as pool:
        futures = [
            pool.submit(_work, shards[rank::engines], start, rank, devices_of(rank, gpus)) for rank in range(engines)
        ]
        wait(futures, return_when=FIRST_EXCEPTION)
        stop.set()
        try:
            for future in futures:
                future.result()
        except BrokenProcessPool:
            raise UserError(
                "generate: the process of an engine was killed, perhaps for memory. Run `dvc repro` again: it goes on "
                "after the shards that are finished."
            ) from None


def _heed(stop: Event) -> None:
    """Keeps, in an engine's process, the sign to stop."""
    global _stop
    _stop = stop


def _work(shards: Sequence[Shard], start: Callable[[], Sampler], rank: int, devices: str | None) -> None:
    if devices is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices  # before the engine looks for any
    _sample_one_by_one(shards, start, position=rank)


def _must_stop() -> bool:
    """Whether, in an engine's process, another has failed, or the parent was killed and nobody would read shards."""
    parent = multiprocessing.parent_process()
    return parent is not None and ((_stop is not None and _stop.is_set()) or not parent.is_alive())


def devices_of(rank: int, gpus: int) -> str | None:
    """Gives the GPUs of an engine, as CUDA_VISIBLE_DEVICES names them: the next `gpus` of those that this process sees.

    None where there is none to share out.
    """
    if not gpus:
        return None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = visible.split(",") if visible else list(map(str, range((rank + 1) * gpus)))
    return ",".join(names[rank * gpus : (rank + 1) * gpus])
