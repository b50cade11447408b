"""Pipeline: what dvc.yaml declares, and by which names its results are known.

No path of a result is written anywhere but in dvc.yaml. Who reads results (report, `make diff`, `make verify`, `make
tidy`) asks here which files there are; DVC's own parser resolves the matrices with the lists of params.yaml.

`make tidy` removes what stages of earlier parameters have left, and no stage makes any more. When a member of a list in
params.yaml goes (a seed, a level of noise, a study), DVC forgets its stage, but neither its files nor its entry in
dvc.lock. Left in build/, they make a folder that other stages read another one than a fresh clone has; left in
results/, they stay in git. What goes from build/ stays in DVC's cache: put the member back, and `dvc repro` brings it
back without computing it.
"""

import argparse
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from synthnotes.machinery import params
from synthnotes.machinery.files import UserError, read_yaml, replacing

if TYPE_CHECKING:
    from dvc.repo import Repo

KINDS = ("outs", "metrics", "plots")  # under which a stage can list what it makes
NOISE = "hypotheses"  # the stage whose list of corpora may be empty
TOLD = (".json", ".csv")  # results are files of these kinds


def stages(root: Path) -> dict[str, list[str]]:
    """All stages of a project, their matrices resolved, with what each makes, in the order of dvc.yaml.

    Takes no lock and reads neither dvc.lock nor the outputs, so that it works inside a running `dvc repro`, whatever
    the state of git, and in a bare copy of dvc.yaml and params.yaml.

    Returns:
        Paths relative to `root`, by the name of the stage, which is that of its entry in dvc.lock: `cohort@mimic`.

    Raises:
        UserError: there is no dvc.yaml, DVC cannot read it, or params.yaml is not valid: of a list that is none
            (`corpora: sepr`), DVC would say no more than "'Value' object is not iterable".
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    folder = str(root.resolve())
    try:
        with Repo(folder, uninitialized=True) as repo:
            return declared(repo, folder)
    except (DvcException, TypeError) as error:
        if (root / "params.yaml").exists():
            params.read(root / "params.yaml")
        raise UserError(f"{root / 'dvc.yaml'}: DVC cannot read it: {error}") from error


def declared(repo: "Repo", folder: str) -> dict[str, list[str]]:
    """Does what `stages` does for an open repository, which may be that of a revision; raises DVC's own errors."""
    from dvc.dvcfile import load_file

    resolved = load_file(repo, repo.fs.join(folder, "dvc.yaml")).resolver.resolve()["stages"]
    return {
        name: [
            path if isinstance(path, str) else next(iter(path))  # a path, or a path with its options
            for kind in KINDS
            for path in stage.get(kind, [])
        ]
        for name, stage in resolved.items()
    }


def result_files(made: Mapping[str, Sequence[str]], results: str = "results") -> list[str]:
    """The result files among what stages make (`stages`), relative to the folder of results.

    Folders are left out: results/headline repeats numbers of other results.
    """
    paths = [PurePosixPath(path) for of_stage in made.values() for path in of_stage]
    inside = [path for path in paths if path.parts[0] == results and ".." not in path.parts and path.suffix in TOLD]
    return [str(path.relative_to(results)) for path in dict.fromkeys(inside)]


def key_of(file: str) -> str:
    """The name by which a result file is known: what its numbers' keys begin with.

    `cohort/mimic.json` holds numbers `cohort.mimic.…`, `cohort/mimic-attrition.csv` the table `cohort.mimic.attrition`:
    what follows the last dash tells the view, since members, such as studies of raters, may have dashes themselves.
    """
    path = PurePosixPath(file)
    member, dash, view = path.stem.rpartition("-") if path.suffix == ".csv" else (path.stem, "", "")
    return ".".join([*path.parent.parts, *([member, view] if dash else [path.stem])])


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
    """Finds them, by the content of dvc.lock; hidden files are let be."""
    made = stages(root)
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
    """Removes leftover outputs and entries of dvc.lock, and gives what it found.

    Where no corpus has coders trained on noise, no stage makes the folder of their results, which other stages read.
    """
    (root / results / NOISE).mkdir(parents=True, exist_ok=True)
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
    parser = argparse.ArgumentParser(prog="python -m synthnotes.machinery.pipeline", description=main.__doc__)
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
