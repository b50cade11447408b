"""What DVC would carry off: outputs, as dvc.yaml and the .dvc files declare them, and the cache, which holds copies."""

import os
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from noteguard import NoteguardError
from noteguard.repository import git, ignored
from noteguard.settings import Settings, read_yaml

ADVICE = (
    "{} holds data of your own. DVC will keep copies of them, and of all that is made from them, in its cache. "
    "Choose a folder for it on an encrypted disk that only you can read, outside of synchronised folders and backups."
)


class Output(NamedTuple):
    """An output: its path, who makes it, how sensitive it is (patient or aggregate), and whether DVC would push it."""

    path: str
    owner: str
    sensitivity: str | None
    push: bool


def declared(root: Path, file: str = "dvc.yaml") -> list[Output]:
    """Every output of the pipeline, its matrices resolved, and of the .dvc files that git knows or would take."""
    from dvc.dvcfile import load_file
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            stages = load_file(repo, str(root / file)).resolver.resolve()["stages"]
    except DvcException as error:
        raise NoteguardError(f"{root / file}: DVC cannot read it: {error}") from None
    kinds = ("outs", "metrics", "plots")
    found = [_output(item, name) for name, stage in stages.items() for kind in kinds for item in stage.get(kind, [])]
    pointers = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.dvc", root=root)
    for name in sorted(set(os.fsdecode(pointers).split("\0")) - {""}):
        if (root / name).is_file():
            folder = PurePosixPath(name).parent
            try:
                found += [_output({str(folder / out["path"]): out}, name) for out in read_yaml(root / name)["outs"]]
            except (KeyError, TypeError, AttributeError):
                message = "not as DVC writes it: expected `outs`, each with a `path`."
                raise NoteguardError(f"{root / name}: {message}") from None
    return found


def problems(root: Path, outputs: list[Output]) -> list[str]:
    """Outputs whose sensitivity is not told, and those of patients that `dvc push` or git would carry off."""
    patient = [output for output in outputs if output.sensitivity == "patient"]
    hidden = ignored(root, [place for output in patient for place in _places(root, output)])
    untold = [output for output in outputs if output.sensitivity not in ("patient", "aggregate")]
    seen = [output for output in patient if not set(_places(root, output)) <= hidden]
    reasons = {
        "say `meta: {sensitivity: patient}` or aggregate in dvc.yaml": untold,
        "of patients, but `dvc push` would send it: say `push: false`": [output for output in patient if output.push],
        "of patients, but git does not ignore it, or where it links to": seen,
    }
    return [f"{output.path} ({output.owner}): {reason}" for reason, those in reasons.items() for output in those]


def undeclared_result(name: str, outputs: list[Output], folders: list[str]) -> str | None:
    """Refuses a file among the results that no stage makes, by itself or in a folder of its own, but for `.gitkeep`."""
    path, made = PurePosixPath(name), {PurePosixPath(o.path) for o in outputs if o.sensitivity == "aggregate"}
    among = any(path.is_relative_to(folder) for folder in folders)
    if not among or made.intersection([path, *path.parents]) or path.name == ".gitkeep":
        return None
    return "lies among the results, but no stage of dvc.yaml makes it: move or remove it"


def choose_cache(settings: Settings, given: str | None = None) -> str | None:
    """Sees to it that the place of DVC's cache has been chosen, if there is anything to hide.

    It is kept in .dvc/config.local, which git ignores. Unless told otherwise, the cache lies in the repository, where
    backups and synchronised folders may find it. Gives a line that says where; None where no data are anybody's.
    """
    root, data = settings.root, settings.folder(*settings.notes)
    if all(map(settings.is_invented, settings.files([f"{data.relative_to(root)}/**"]))):
        return None
    known = _dvc(root, "config", "--local", "cache.dir", check=False)
    if known and not given:
        return f"DVC's cache: {known} (.dvc/config.local)"
    place = Path(given or _ask(data)).expanduser()
    folder = (root / place).resolve()
    if folder.is_relative_to(root.resolve()) and not ignored(root, [str(folder.relative_to(root.resolve()))]):
        raise NoteguardError(f"{folder}: git would track the cache there. Choose a folder outside of the repository.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _dvc(root, "config", "--local", "cache.dir", str(folder))
    return f"DVC's cache: {folder}, kept in .dvc/config.local"


def _ask(data: Path) -> str:
    if not sys.stdin.isatty():
        raise NoteguardError(
            f"{ADVICE.format(data)} Name it: `python -m noteguard cache /folder`, or `CACHE=/folder make data` where "
            "there is a Makefile for it (.dvc/cache leaves it in the repository)."
        )
    return input(f"{ADVICE.format(data)}\nFolder (empty: .dvc/cache): ").strip() or ".dvc/cache"


def _dvc(root: Path, *words: str, check: bool = True) -> str:
    command = [sys.executable, "-m", "dvc", *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise NoteguardError(f"dvc {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def _output(item: str | dict[str, Any], owner: str) -> Output:
    path, options = next(iter(item.items())) if isinstance(item, dict) else (item, {})
    return Output(path, owner, (options.get("meta") or {}).get("sensitivity"), options.get("push", True))


def _places(root: Path, output: Output) -> list[str]:
    """Where an output lies: its path as far as git looks at it, so up to a link, and where links on the way lead."""
    real, path = Path(os.path.realpath(root / output.path)), PurePosixPath(output.path)
    ends = [*reversed(path.parents), path]
    seen = next((str(end) for end in ends[1:] if (root / end).is_symlink()), output.path)
    inside = real.is_relative_to(root.resolve())
    return [seen, *([real.relative_to(root.resolve()).as_posix()] if inside else [])]
