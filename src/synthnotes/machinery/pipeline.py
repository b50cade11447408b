"""Pipeline: what dvc.yaml declares, and by which names its results are known.

No path of a result is written anywhere but in dvc.yaml. Who reads results (report, `make diff`, `make verify`, `make
tidy`) asks here which files there are; DVC's own parser resolves the matrices with the lists of params.yaml.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from synthnotes.machinery import params
from synthnotes.machinery.files import UserError

if TYPE_CHECKING:
    from dvc.repo import Repo

KINDS = ("outs", "metrics", "plots")  # under which a stage can list what it makes
TOLD = (".json", ".csv")  # results are files of these kinds


def stages(root: Path) -> dict[str, list[str]]:
    """All stages of a project, their matrices resolved, with what each makes, in the order of dvc.yaml.

    Takes no lock and reads neither dvc.lock nor the outputs, so that it works inside a running `dvc repro`, whatever
    the state of git, and in a bare copy of dvc.yaml and params.yaml.

    Args:
        root: the folder of dvc.yaml.

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
    """The result files among what stages make, relative to the folder of results.

    Folders are left out: results/headline repeats numbers of other results.

    Args:
        made: what `stages` gives.
        results: the folder of results, in the project.
    """
    paths = [PurePosixPath(path) for of_stage in made.values() for path in of_stage]
    inside = [path for path in paths if path.parts[0] == results and ".." not in path.parts and path.suffix in TOLD]
    return [str(path.relative_to(results)) for path in dict.fromkeys(inside)]


def key_of(file: str) -> str:
    """The name by which a result file is known: what its numbers' keys begin with.

    `cohort/mimic.json` holds the numbers `cohort.mimic.…`; `cohort/mimic-flow.csv` is the table `cohort.mimic.flow`:
    what follows the last dash tells the view, since members, such as studies of raters, may have dashes themselves.

    Args:
        file: relative to the folder of results.
    """
    path = PurePosixPath(file)
    member, dash, view = path.stem.rpartition("-") if path.suffix == ".csv" else (path.stem, "", "")
    return ".".join([*path.parent.parts, *([member, view] if dash else [path.stem])])
