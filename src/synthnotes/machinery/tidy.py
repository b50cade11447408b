"""Tidy: what stages of earlier parameters have left, and no stage makes any more (`make tidy`).

When a member of a list in params.yaml goes (a seed, a level of noise, a study), DVC forgets its stage, but neither its
files nor its entry in dvc.lock. Left in build/, they make a folder that other stages read another one than a fresh
clone has; left in results/, they stay in git. What goes from build/ stays in DVC's cache: put the member back, and
`dvc repro` brings it back without computing it.
"""

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from synthnotes.machinery import params, pipeline
from synthnotes.machinery.files import UserError, read_yaml, replacing


@dataclass(frozen=True)
class Leftovers:
    """What no stage makes.

    Attributes:
        entries: names of stages in dvc.lock that dvc.yaml does not have.
        paths: outputs that dvc.lock records and no stage declares any more, relative to the project; those that exist.
        strangers: files below results/ of which DVC knows nothing. They are somebody's own, and stay.
    """

    entries: list[str]
    paths: list[Path]
    strangers: list[Path]


def leftovers(root: Path, results: Path, lock: dict[str, Any]) -> Leftovers:
    """Finds them; hidden files are let be.

    Args:
        root: the project.
        results: the folder of results, relative to it.
        lock: the content of dvc.lock.
    """
    made = pipeline.stages(root)
    wanted = {Path(path) for paths in made.values() for path in paths}
    of_stages = lock.get("stages", {})
    outs = {Path(out["path"]) for entry in of_stages.values() for out in entry.get("outs", [])}
    gone = [path for path in sorted(outs - wanted) if not wanted.intersection(path.parents) and (root / path).exists()]
    files = [path.relative_to(root) for path in sorted((root / results).rglob("*")) if path.is_file()]
    known = wanted | outs
    strangers = [path for path in files if path.name[0] != "." and not known.intersection([path, *path.parents])]
    return Leftovers([name for name in of_stages if name not in made], gone, strangers)


def recorded(lock_file: Path) -> dict[str, Any]:
    """What dvc.lock records; nothing where no stage has run yet."""
    return read_yaml(lock_file) if lock_file.exists() else {}


def tidy(root: Path, results: Path, lock_file: Path) -> Leftovers:
    """Removes leftover outputs and entries of dvc.lock, and gives what it found."""
    found = leftovers(root, results, recorded(lock_file))
    for path in found.paths:
        if (root / path).is_dir() and not (root / path).is_symlink():
            shutil.rmtree(root / path)
        else:
            (root / path).unlink(missing_ok=True)  # it may lie in a folder that has just gone
    if found.entries:
        editor = YAML()
        lock = read_yaml(lock_file, editor)
        for name in found.entries:
            del lock["stages"][name]
        with replacing(lock_file) as temporary:
            editor.dump(lock, temporary)
    return found


def main() -> None:
    """Says what no stage makes, and removes it unless `--dry` is given."""
    parser = argparse.ArgumentParser(prog="python -m synthnotes.machinery.tidy", description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="the folder of results")
    parser.add_argument("--lock", type=Path, required=True, help="dvc.lock")
    parser.add_argument("--dry", action="store_true", help="remove nothing")
    options = parser.parse_args()
    try:
        params.read()  # of a misspelled corpus no stage makes anything: all that was made for the right one would go
        if options.dry:
            found = leftovers(Path(), options.results, recorded(options.lock))
        else:
            found = tidy(Path(), options.results, options.lock)
    except UserError as error:
        raise SystemExit(f"tidy: error: {error}") from None
    done = "would be" if options.dry else "was"
    for name in found.entries:
        print(f"tidy: {name}, an entry of {options.lock} whose stage is no more, {done} removed")
    for path in found.paths:
        print(f"tidy: {path}, which no stage makes any more, {done} removed")
    for path in found.strangers:
        print(f"tidy: {path}: no stage makes it and DVC does not know it; it stays")
    if not (found.entries or found.paths or found.strangers):
        print("tidy: nothing to remove")


if __name__ == "__main__":
    main()
