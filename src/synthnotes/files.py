"""Files: every result is written to a temporary name and renamed, so that a killed run leaves no half of one."""

import errno
import glob
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

SPACE = "no space left to write it. Free some."
ACCESS = "it may not be written there. Give yourself the right to write into the folder."
REFUSED = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), SPACE),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), ACCESS),
}


class UserError(Exception):
    """An error that the user can mend: its message names the file, the row or key, what was expected and what to do."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place when the block ends without an error.

    Works for files and for folders (a folder that stands in the place already is removed first). What a killed process
    has left of an earlier attempt is removed.

    Raises:
        UserError: the disk is full, or the place may not be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in path.parent.glob(f".{glob.escape(path.name)}.*.tmp{glob.escape(path.suffix)}"):
            if not _runs(leftover.name.removeprefix(f".{path.name}.").partition(".")[0]):
                _remove(leftover)
        yield temporary
        if path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    except OSError as error:
        here = error.filename is None or Path(os.fsdecode(error.filename)).is_relative_to(path.parent)
        if error.errno in REFUSED and here:
            raise UserError(f"{path}: {REFUSED[error.errno]} Then run `dvc repro` again.") from error
        raise
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():  # asked first: where nothing may be written, removing nothing is an error, too
        path.unlink(missing_ok=True)


def _runs(process: str) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:  # of another user
        pass
    return True


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a JSON object. NaN and infinities raise a ValueError: a metric that does not exist is None."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object written by `write_json`."""
    require(path)
    return json.loads(path.read_text(encoding="utf-8"))


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Writes a table as CSV with six significant digits for floats, which is what plots and tables show at most."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def require(*paths: Path) -> None:
    """Raises a `UserError` for the first path that does not exist or is empty."""
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder. `make check` says what belongs into data/.")
        if path.is_file() and path.stat().st_size == 0:
            raise UserError(f"{path}: the file is empty. Copy it again from its source.")
