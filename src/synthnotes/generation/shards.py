"""Shards: sampling piece by piece, so that a killed run loses one piece at most."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
from tqdm import tqdm

from synthnotes.files import replacing
from synthnotes.generation.sampling import COLUMNS, Prompt, Sampler


def sample_in_shards(
    prompts: Sequence[Prompt], start: Callable[[], Sampler], folder: Path, prompts_per_shard: int
) -> pd.DataFrame:
    """Samples from all prompts, shard by shard; shards that lie in the folder already are not sampled again.

    Args:
        prompts: all prompts, in order.
        start: starts the sampler; called only if a shard is missing.
        folder: where the shards lie, named so that it belongs to these prompts and settings alone.
        prompts_per_shard: size of a shard.

    Returns:
        The shards' tables, one after the other.
    """
    shards = [prompts[first : first + prompts_per_shard] for first in range(0, len(prompts), prompts_per_shard)]
    paths = [folder / f"shard-{number:05d}.parquet" for number in range(len(shards))]
    tables = [read_shard(path, shard) for path, shard in zip(paths, shards, strict=True)]
    sampler = None
    for number, path in enumerate(tqdm(paths, desc="shards", unit="shard")):
        if tables[number] is None:
            sampler = sampler or start()
            tables[number] = sampler(shards[number])
            with replacing(path) as temporary:
                tables[number].to_parquet(temporary, index=False, compression="zstd")
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def read_shard(path: Path, prompts: Sequence[Prompt]) -> pd.DataFrame | None:
    """Reads a finished shard; None if there is none, or if it is damaged or of other prompts (with a warning)."""
    if not path.exists():
        return None
    try:
        table = pd.read_parquet(path, columns=COLUMNS)
    except (OSError, ValueError, KeyError, pa.ArrowException):
        tqdm.write(f"generate: {path} is damaged and is sampled again.")
        return None
    if list(dict.fromkeys(table["note_id"])) != [prompt.note_id for prompt in prompts]:
        tqdm.write(f"generate: {path} does not hold the samples of its prompts and is sampled again.")
        return None
    return table
