"""Files: every result is written to a temporary name and renamed, so that a killed run leaves no half of one."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd


class UserError(Exception):
    """An error that the user can mend: its message names the file, the row or key, what was expected and what to do."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` that takes its place when the block ends without an error.

    Works for files and for folders (a folder that stands in the place already is removed first).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        if path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


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
