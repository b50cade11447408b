"""Work folders: unfinished work that survives a kill, under a name that says what determines it."""

import errno
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from synthnotes.machinery.files import UserError, is_dropping

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# What safetensors and PyTorch, which pass no errno on, say of a full disk.
SAY_FULL = ("No space left on device", "Disk quota exceeded", "File too large", "file write failed", "unexpected pos")


def fingerprint(
    values: Any, folder: Path, tokens: Iterable[Sequence[int] | np.ndarray] = (), rows: Iterable[Any] = ()
) -> str:
    """Gives 16 hexadecimal digits that change with any of the arguments.

    Args:
        values: anything that JSON holds.
        folder: a folder whose files are read.
        tokens: lists of token ids; hashed as they come, since a corpus of them would make a gigabyte of JSON.
        rows: anything that JSON holds, each by itself; hashed as they come for the same reason.
    """
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    files = (path for path in folder.rglob("*") if path.is_file() and not is_dropping(path.relative_to(folder)))
    for path in sorted(files):
        with path.open("rb") as file:
            digest.update(f"{path.relative_to(folder)} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    for ids in tokens:
        digest.update(f"{len(ids)}:".encode() + np.asarray(ids, dtype=np.int64).tobytes())
    for row in rows:
        digest.update(json.dumps(row, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()[:16]


@contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """Yields a folder for unfinished work and removes it once the block has ended without an error."""
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # of several processes, one is the first to do it


@contextmanager
def disk_space_needed(path: Path) -> Iterator[None]:
    """Turns a full disk, quota or file size limit, met while `path` is written, into a `UserError`."""
    try:
        yield
    except Exception as error:
        if getattr(error, "errno", None) not in FULL and not any(words in str(error) for words in SAY_FULL):
            raise
        raise UserError(
            f"{path}: no space left to write it. Free some and run `dvc repro` again: finished work is kept."
        ) from error
