"""What dvc.yaml and the .dvc files say of their outputs, resolved by DVC itself."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from synthnotes.guard.repository import git, ignored
from synthnotes.machinery.files import UserError, read_yaml

SENSITIVITIES = ("patient", "aggregate")


@dataclass(frozen=True)
class Output:
    """An output: its path, who makes it, how sensitive it is and whether `dvc push` would send it."""

    path: str
    owner: str
    sensitivity: str | None
    push: bool


def declared(root: Path) -> list[Output]:
    """Every output of the pipeline, its matrices resolved, and of the .dvc files that git knows or would take."""
    from dvc.dvcfile import load_file
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    found = []
    try:
        with Repo(str(root)) as repo:
            stages = load_file(repo, str(root / "dvc.yaml")).resolver.resolve()["stages"]
    except DvcException as error:
        raise UserError(f"{root / 'dvc.yaml'}: DVC cannot read it: {error}") from None
    for name, stage in stages.items():
        for kind in ("outs", "metrics", "plots"):
            found += [_output(item, name) for item in stage.get(kind, [])]
    pointers = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.dvc", root=root)
    for name in sorted(set(os.fsdecode(pointers).split("\0")) - {""}):
        if (root / name).is_file():
            folder = PurePosixPath(name).parent
            try:
                found += [_output({str(folder / out["path"]): out}, name) for out in read_yaml(root / name)["outs"]]
            except (KeyError, TypeError, AttributeError):
                raise UserError(f"{root / name}: not as DVC writes it: expected `outs`, each with a `path`.") from None
    return found


def problems(root: Path, outputs: list[Output]) -> list[str]:
    """Outputs whose sensitivity is not told, and those of patients that `dvc push` or git would carry off."""
    found = []
    patient = [output for output in outputs if output.sensitivity == "patient"]
    hidden = ignored(root, [place for output in patient for place in _places(root, output)])
    for output in outputs:
        if output.sensitivity not in SENSITIVITIES:
            found.append(
                f"{output.path} ({output.owner}): say `meta: {{sensitivity: patient}}` or aggregate in dvc.yaml"
            )
    for output in patient:
        if output.push:
            found.append(
                f"{output.path} ({output.owner}): of patients, but `dvc push` would send it: say `push: false`"
            )
        if not set(_places(root, output)) <= hidden:
            found.append(
                f"{output.path} ({output.owner}): of patients, but git does not ignore it, or where it links to"
            )
    return found


def _places(root: Path, output: Output) -> list[str]:
    """Where an output lies: its path, and where links on the way lead, as far as that is in the repository."""
    real = Path(os.path.realpath(root / output.path))
    inside = real.is_relative_to(root.resolve())
    return [_up_to_link(root, output.path), *([real.relative_to(root.resolve()).as_posix()] if inside else [])]


def _up_to_link(root: Path, path: str) -> str:
    """A path as far as git looks at it: what lies behind a link is not git's."""
    parts = PurePosixPath(path).parts
    ends = (PurePosixPath(*parts[:length]) for length in range(1, len(parts) + 1))
    return next((str(end) for end in ends if (root / end).is_symlink()), path)


def undeclared_result(name: str, outputs: list[Output]) -> str | None:
    """Refuses a file among the results that no stage makes, by itself or in a folder of its own, but for `.gitkeep`."""
    path, made = PurePosixPath(name), {PurePosixPath(o.path) for o in outputs if o.sensitivity == "aggregate"}
    folders = {one.parts[0] for one in made} - {
        PurePosixPath(o.path).parts[0] for o in outputs if o.sensitivity == "patient"
    }
    if path.parts[0] not in folders or made.intersection([path, *path.parents]) or path.name == ".gitkeep":
        return None
    return "lies among the results, but no stage of dvc.yaml makes it: move or remove it"


def _output(item: str | dict[str, Any], owner: str) -> Output:
    path, options = next(iter(item.items())) if isinstance(item, dict) else (item, {})
    return Output(path, owner, (options.get("meta") or {}).get("sensitivity"), options.get("push", True))
