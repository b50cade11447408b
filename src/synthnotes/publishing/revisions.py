"""Revisions: the parameters and results of a commit, an experiment or the workspace, without a checkout."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthnotes.machinery import pipeline
from synthnotes.machinery.files import UserError, read_json
from synthnotes.machinery.makers import without_makers

if TYPE_CHECKING:
    from dvc.repo import Repo

WORKSPACE = "workspace"


@dataclass(frozen=True)
class Revision:
    """One run as the repository holds it.

    Attributes:
        name: as the user calls it.
        commit: its hash, None of the workspace.
        subject: of the commit's message.
        folder: in which copies of its files lie, by their paths in the project.
        files: the result files, relative to the folder of results, in the order of the pipeline.
        lacking: those that its pipeline declares and it does not have.
    """

    name: str
    commit: str | None
    subject: str
    folder: Path
    files: list[str]
    lacking: list[str] = field(default_factory=list)

    def metrics(self, results: str) -> dict[str, dict[str, Any]]:
        """The values of its JSON files, by what the report's keys begin with: `utility.mimic`.

        Raises:
            UserError: a file is no JSON object.
        """
        found = {}
        for name in self.files:
            if name.endswith(".json"):
                try:
                    found[pipeline.key_of(name)] = without_makers(read_json(self.folder / results / name))
                except UserError as error:
                    raise UserError(f"{self.name}: {self.without_folder(error)}") from None
        return found

    def without_folder(self, error: Exception) -> str:
        """What an error says, without the temporary place of the copies."""
        return str(error).replace(f"{self.folder}/", "")


def copy(root: Path, name: str, results: str, params_file: str, folder: Path) -> Revision:
    """Copies what a comparison needs of a revision: its parameters, and the results that its own pipeline declares.

    Args:
        root: the project.
        name: `workspace`, or whatever git or DVC can resolve: a commit, a branch, a tag, `HEAD~1`, an experiment.
        results: the folder of the results, in the project.
        params_file: the parameters, in the project.
        folder: for the copies.

    Raises:
        UserError: there is no such revision, DVC cannot read its pipeline, or it holds no parameters or no results.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import resolve_rev

    try:
        with Repo(str(root)) as here:
            commit = None if name == WORKSPACE else resolve_rev(here.scm, name or " ")  # git takes "" for HEAD
            subject = "" if commit is None else _subject(here, commit)
    except DvcException:
        raise UserError(
            f"{name!r}: no such revision. Give a commit, a branch, a tag, an experiment, or {WORKSPACE!r}."
        ) from None
    try:
        with Repo(str(root), rev=commit) as repo:
            # A pipeline of another time may name any path; only result files, which lie inside, are copied.
            declared = pipeline.result_files(pipeline.declared(repo, repo.root_dir), results)
            names = [params_file, *(f"{results}/{file}" for file in declared)]
            copied = [file for file in names if _copied(repo, file, folder / file)]
    except DvcException as error:
        raise UserError(f"{name}: DVC cannot read its pipeline: {error}") from None
    for needed, kind in ((names[:1], "parameters"), (names[1:], "results")):
        if not set(needed) & set(copied):
            where = params_file if kind == "parameters" else f"{results}/"
            raise UserError(f"{name}: holds no {kind} ({where}). Give a revision in which they are in git.")
    there = [file for file in declared if f"{results}/{file}" in copied]
    return Revision(name, commit, subject, folder, there, [file for file in declared if file not in there])


def _copied(repo: "Repo", name: str, to: Path) -> bool:
    """Copies a file of a revision, if it has it."""
    path = repo.fs.join(repo.root_dir, name)
    if not repo.fs.isfile(path):
        return False
    to.parent.mkdir(parents=True, exist_ok=True)
    with repo.fs.open(path, mode="rb") as file:
        to.write_bytes(file.read())
    return True


def _subject(repo: "Repo", commit: str) -> str:
    message = repo.scm.resolve_commit(commit).message
    return next(iter(message.splitlines()), "")
