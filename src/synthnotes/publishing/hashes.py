"""Hashes as DVC writes them into dvc.lock and data.dvc."""

import hashlib
import json
import os
from pathlib import Path

from synthnotes.machinery.files import is_dropping


def digest(path: Path, algorithm: str = "md5") -> str:
    """The hash of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def of_folder(folder: Path, skipped: tuple[str, ...] = ("__pycache__",)) -> str:
    """DVC's hash of a folder: of the list of its files with their hashes, as JSON, marked by `.dir`.

    Args:
        folder: the folder.
        skipped: names of folders that .dvcignore leaves out besides what file managers leave.
    """
    entries = []
    for parent, below, names in os.walk(folder, followlinks=True):
        below[:] = [name for name in below if name not in skipped]
        for name in names:
            path = Path(parent, name)
            if is_dropping(path.relative_to(folder)):
                continue
            entries.append({"md5": digest(path), "relpath": path.relative_to(folder).as_posix()})
    entries.sort(key=lambda entry: entry["relpath"])  # as text: `a.txt` comes before what lies in `a/`
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def recomputed(path: Path) -> str | None:
    """DVC's hash of what lies at a path now; None if nothing does."""
    if path.is_dir():
        return of_folder(path)
    return digest(path) if path.is_file() else None
