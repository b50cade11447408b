"""Files: written whole or not at all, and read whole or refused.

Every result is written to a temporary name and renamed, so that a killed run leaves no half of one. Every reader gives
a value or raises a `UserError` that names the file and never quotes it, whatever bytes the file holds; none of them can
run code. Unfinished work that survives a kill lies in a folder under a name that says what determines it.
"""

import errno
import glob
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from synthnotes.machinery import kinds

MOST_VALUES = 200_000  # in a YAML file; a few lines of aliases that point to aliases can stand for billions
AGAIN = "If the pipeline made it, delete it and run `dvc repro`; if not, copy it again from its source."

SPACE = "no space left to write it. Free some."
ACCESS = "it may not be written there. Give yourself the right to write into the folder."
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What safetensors and PyTorch, which pass no errno on, say of a full disk.
SAY_FULL = ("No space left on device", "Disk quota exceeded", "File too large", "file write failed", "unexpected pos")
REFUSED = {
    **dict.fromkeys(FULL, SPACE),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), ACCESS),
}

# What file managers, indexers, editors and copying leave in folders; .dvcignore lists the same.
DROPPINGS = (
    *(".DS_Store", "._*", ".Spotlight-V100", ".Trashes", ".Trash-*", ".fseventsd", ".AppleDouble", "__MACOSX"),  # macOS
    *("Thumbs.db", "ehthumbs.db", "desktop.ini", "Desktop.ini", "$RECYCLE.BIN", "System Volume Information"),  # Windows
    *(".directory", ".nfs*", ".fuse_hidden*", "lost+found", "@eaDir", ".~lock.*#", "~$*", ".*.sw?", "*~"),
    ".ipynb_checkpoints",
)


def is_dropping(path: Path) -> bool:
    """Whether a file or folder is nobody's, by its name or by that of a folder around it: give a relative path."""
    return any(fnmatchcase(part, pattern) for part in path.parts for pattern in DROPPINGS)


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
    """Reads a JSON object, as `write_json` writes it: NaN and infinities are refused."""
    require(path)

    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=refuse)
    except (ValueError, RecursionError):  # bytes that are no text, text that is no JSON, brackets without end
        raise unreadable(path, kinds.TEXT, f"not valid JSON. {AGAIN}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: a JSON {type(value).__name__}, expected an object. {AGAIN}")
    return value


def read_yaml(path: Path, reader: YAML | None = None) -> Any:
    """Reads a YAML file of plain values: no tag can make an object of any class, aliases cannot stand for millions.

    Args:
        path: the file.
        reader: another than that of YAML 1.2, as DVC reads it (`5e-5` is a number).
    """
    require(path)
    try:
        value = (reader or YAML(typ="safe", pure=True)).load(path)
    except MarkedYAMLError as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{path}{where}: not valid YAML: {error.problem or error.context}.") from None
    except Exception:  # bytes that are no text, and the reader's own defects: damaged text ends in a dozen ways
        raise unreadable(path, kinds.TEXT, "not valid YAML. Expected UTF-8 text of keys and values.") from None
    refuse_bomb(value, str(path))
    return value


def refuse_bomb(value: Any, where: str) -> None:
    """Raises a `UserError` if the content of a YAML file, its aliases written out, has too many values to be walked."""
    waiting, seen = [value], 0
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict):
            waiting += current.values()
        elif isinstance(current, list | tuple | set):
            waiting += current
        seen += 1
        if seen + len(waiting) > MOST_VALUES:
            raise UserError(f"{where}: more than {MOST_VALUES:,} values. Write out what its aliases (*name) stand for.")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Writes a table as CSV with six significant digits for floats, which is what plots and tables show at most."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def read_csv(path: Path, text: bool = False) -> pd.DataFrame:
    """Reads a CSV table that the pipeline has written; as `text`, all cells stay as they stand, and none is missing."""
    require(path)
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False) if text else pd.read_csv(path)
    except (ValueError, OverflowError):  # whatever pandas finds wrong; its message may quote cells
        raise unreadable(path, kinds.TEXT, f"not a well-formed CSV file. {AGAIN}") from None


def read_parquet(path: Path, columns: list[str]) -> pa.Table:
    """Reads columns of a parquet file."""
    require(path)
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            missing = [name for name in columns if name not in names]
            if twice := [name for name in columns if names.count(name) > 1]:
                raise UserError(f"{path}: column {twice[0]} stands there more than once. {AGAIN}")
            table = None if missing else file.read(columns)
        if table is not None:
            table.validate(full=True)  # damaged pages decode to text that is none
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        raise unreadable(path, kinds.PARQUET, f"not a parquet file, or a damaged one. {AGAIN}") from None
    if missing:
        raise UserError(f"{path}: column {missing[0]} is missing. {AGAIN}")
    return table


def unreadable(path: Path, expected: str, otherwise: str) -> UserError:
    """The error of a file that its reader cannot read: that it is of another kind (`kinds`), or else `otherwise`."""
    return UserError(kinds.other_kind(path, expected) or f"{path}: {otherwise}")


def refuse_linked_folders(data: Path, folder: Path) -> None:
    """Raises a `UserError` for the first link to a folder in a folder of data/, or on the way to it.

    Links to files are none of these, nor is data/ itself if it is a link: DVC follows them.
    """
    way = [path for path in (folder, *folder.parents) if path != data and path.is_relative_to(data)]
    below = [Path(parent, name) for parent, names, _ in os.walk(folder) for name in names]
    for path in [*reversed(way), *sorted(below)]:
        if path.is_symlink() and path.is_dir():
            raise UserError(
                f"{path}: a link to a folder. DVC hashes nothing behind it: another release there would go unnoticed. "
                "Make a folder of that name and copy the files into it, or link them one by one (`cp -rs /the/folder "
                f"{path}`: DVC then puts copies in place of the links), or mount the other disk there, or make {data}/ "
                "itself a link, which DVC follows."
            )


def require(*paths: Path) -> None:
    """Raises a `UserError` for the first path that does not exist or is empty."""
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder. `make check` says what belongs into data/.")
        if path.is_file() and path.stat().st_size == 0:
            raise UserError(f"{path}: the file is empty. {AGAIN}")


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
