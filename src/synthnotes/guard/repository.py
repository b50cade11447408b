"""What git is about to keep or to send: files with their content, and messages.

Names of files are bytes to git, and need not be UTF-8 (a Latin-1 `ö` from an old archive): they are decoded as Python
does for the file system, so that the file is found under its name, and encoded in the same way.
"""

import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from synthnotes.machinery.files import UserError

LINK = "120000"  # git's mode of a symbolic link
NOTHING = "0" * 40


@dataclass(frozen=True)
class Content:
    """Something that git holds.

    Attributes:
        name: the file's path, or what it is (`message of commit 1a2b3c4d`).
        data: the bytes; of a link, where it points.
        link: whether it is a link.
        file: whether it is a file of the tree, not a message.
    """

    name: str
    data: bytes
    link: bool = False
    file: bool = True


def git(*words: str, given: bytes = b"", root: Path = Path()) -> bytes:
    """Runs git and gives what it prints.

    Raises:
        UserError: git fails.
    """
    done = subprocess.run(["git", "-C", str(root), *words], input=given, capture_output=True, check=False)
    if done.returncode:
        raise UserError(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def working_tree() -> Path:
    """The folder of the files; of a repository without any (a bare one), that of the repository."""
    bare = git("rev-parse", "--is-bare-repository").strip() == b"true"
    return Path(git("rev-parse", "--absolute-git-dir" if bare else "--show-toplevel").decode().rstrip("\n"))


def common_folder(root: Path) -> Path:
    """Git's own folder that all working trees of a repository share: `.git`, or that of the clone or the submodule."""
    return (root / git("rev-parse", "--git-common-dir", root=root).decode().rstrip("\n")).resolve()


def is_set(root: Path, name: str) -> bool | None:
    """Whether one of git's settings is true; None where it is not set."""
    value = git("config", "--get", "--default", "", name, root=root).decode().strip().lower()
    return value in ("true", "yes", "on", "1") if value else None


def staged(root: Path) -> Iterator[Content]:
    """The files that the next commit adds or changes, as they are staged."""
    yield from _blobs(root, git("diff", "--cached", "--raw", "-z", "--no-renames", "--abbrev=64", root=root))


def tracked(root: Path) -> Iterator[Content]:
    """All files that git knows, as they lie in the working tree."""
    for entry in os.fsdecode(git("ls-files", "-s", "-z", root=root)).split("\0")[:-1]:
        mode, name = entry.split()[0], entry.partition("\t")[2]
        path = root / name
        if path.is_symlink():
            yield Content(name, os.fsencode(path.readlink()), link=True)
        elif path.is_file():
            yield Content(name, path.read_bytes(), link=mode == LINK)


def pushed(root: Path, lines: Iterable[str]) -> Iterator[Content]:
    """What a push would send that no remote has: messages of commits and tags, and every version of every file.

    Args:
        root: the repository.
        lines: what git tells a pre-push hook: local ref, its object, remote ref, its object.
    """
    for line in lines:
        _, local, _, remote = line.split()
        if set(local) == {"0"}:  # a branch is deleted
            continue
        if git("cat-file", "-t", local, root=root).strip() == b"tag":
            yield Content(f"message of tag {local[:8]}", git("cat-file", "-p", local, root=root), file=False)
        known = [f"^{remote}"] if set(remote) != {"0"} and _has(root, remote) else []
        for commit in git("rev-list", local, *known, "--not", "--remotes", root=root).decode().split():
            message = git("log", "-1", "--format=%an%n%ae%n%B%n%N", commit, root=root)
            yield Content(f"message of commit {commit[:8]}", message, file=False)
            changes = git(
                "diff-tree", "-r", "-m", "--root", "--raw", "-z", "--no-renames", "--no-commit-id", commit, root=root
            )
            yield from _blobs(root, changes, f" in commit {commit[:8]}")


def ignored(root: Path, names: Iterable[str]) -> set[str]:
    """Those of some paths that git ignores, be they tracked by force or not."""
    given = os.fsencode("\0".join(names))
    done = subprocess.run(
        ["git", "-C", str(root), "check-ignore", "--no-index", "-z", "--stdin"],
        input=given,
        capture_output=True,
        check=False,
    )
    if done.returncode > 1 and git("rev-parse", "--is-bare-repository", root=root).strip() != b"true":
        raise UserError(f"git check-ignore: {done.stderr.decode(errors='replace').strip()}")
    return set(os.fsdecode(done.stdout).split("\0")) - {""}


def _blobs(root: Path, changes: bytes, where: str = "") -> Iterator[Content]:
    """The new side of what `--raw -z` lists: `:old new old-object new-object status`, path, and so on."""
    parts = os.fsdecode(changes).split("\0")[:-1]
    for description, name in zip(parts[::2], parts[1::2], strict=True):
        _, mode, _, blob, status = description.split()
        if status != "D" and mode != "160000":
            yield Content(name + where, git("cat-file", "blob", blob, root=root), link=mode == LINK)


def _has(root: Path, commit: str) -> bool:
    done = subprocess.run(["git", "-C", str(root), "cat-file", "-e", commit], capture_output=True, check=False)
    return done.returncode == 0
