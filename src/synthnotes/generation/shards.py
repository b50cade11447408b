"""Shards: sampling piece by piece, so that a killed run loses one piece per engine at most."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

import pandas as pd
import pyarrow as pa
from tqdm import tqdm

from synthnotes.generation.sampling import COLUMNS, Prompt, Sampler
from synthnotes.machinery.files import UserError, replacing
from synthnotes.machinery.sections import GenerateParams
from synthnotes.machinery.workdir import disk_space_needed

_stop: Event | None = None  # in the process of an engine: set when another engine has failed


@dataclass(frozen=True)
class Shard:
    """A piece of the work: the file of its samples, the prompts to draw them from, and the values to draw them with."""

    path: Path
    prompts: Sequence[Prompt]
    settings: GenerateParams


def cut(prompts: Sequence[Prompt], settings: GenerateParams, folder: Path) -> list[Shard]:
    """Cuts prompts into shards of `prompts_per_shard`.

    Args:
        prompts: all prompts, in order.
        settings: the section `generate`.
        folder: where the shards will lie, named so that it belongs to these prompts and settings alone.
    """
    size = settings.prompts_per_shard
    return [
        Shard(folder / f"shard-{number:05d}.parquet", prompts[first : first + size], settings)
        for number, first in enumerate(range(0, len(prompts), size))
    ]


def sample_shards(
    shards: Sequence[Shard], start: Callable[[], Sampler], engines: int = 1, gpus_per_engine: int = 0
) -> list[pd.DataFrame]:
    """Samples what is missing; shards whose file is whole already are not sampled again.

    Args:
        shards: all shards.
        start: starts an engine; called only if a shard is missing.
        engines: how many engines work side by side, each in a process of its own if there are several.
        gpus_per_engine: how many GPUs each of them sees; 0 where there is none.

    Returns:
        The shards' tables, in their order.

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


def read_shard(shard: Shard) -> pd.DataFrame | None:
    """Reads a finished shard; None if there is none, or if it is damaged or of other prompts (with a warning)."""
    if not shard.path.exists():
        return None
    try:
        table = pd.read_parquet(shard.path, columns=COLUMNS)
    except (OSError, ValueError, KeyError, pa.ArrowException):
        _warn(f"{shard.path} is damaged and is sampled again.")
        return None
    expected = [(prompt.note_id, sample) for prompt in shard.prompts for sample in range(shard.settings.samples)]
    if list(zip(table["note_id"], table["sample"], strict=True)) != expected:
        _warn(f"{shard.path} does not hold the samples of its prompts and is sampled again.")
        return None
    return table


def _sample_one_by_one(shards: Sequence[Shard], start: Callable[[], Sampler], done: int = 0, position: int = 0) -> None:
    sampler = start()
    progress = tqdm(shards, "shards", done + len(shards), unit="shard", initial=done, position=position, disable=None)
    for shard in progress:
        if _must_stop():
            return
        table = sampler(shard.prompts, shard.settings)
        with disk_space_needed(shard.path), replacing(shard.path) as temporary:
            table.to_parquet(temporary, index=False, compression="zstd")


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


def _warn(message: str) -> None:
    tqdm.write(f"generate: {message}", file=sys.stderr)
