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

LINK, SUBMODULE = "120000", "160000"  # git's modes of a symbolic link, and of another repository's commit
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
    """Runs git on the objects as they are, whatever `git replace` shows in their places, and gives what it prints.

    Raises:
        UserError: git fails.
    """
    done = subprocess.run(
        ["git", "--no-replace-objects", "-C", str(root), *words], input=given, capture_output=True, check=False
    )
    if done.returncode:
        raise UserError(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def working_tree() -> Path:
    """The folder of the files; of a repository without any (a bare one), that of the repository."""
    bare = git("rev-parse", "--is-bare-repository").strip() == b"true"
    return Path(os.fsdecode(git("rev-parse", "--absolute-git-dir" if bare else "--show-toplevel")).rstrip("\n"))


def common_folder(root: Path) -> Path:
    """Git's own folder that all working trees of a repository share: `.git`, or that of the clone or the submodule."""
    return (root / os.fsdecode(git("rev-parse", "--git-common-dir", root=root)).rstrip("\n")).resolve()


def is_set(root: Path, name: str) -> bool | None:
    """Whether one of git's settings is true; None where it is not set."""
    value = git("config", "--get", "--default", "", name, root=root).decode().strip().lower()
    return value in ("true", "yes", "on", "1") if value else None


def staged(root: Path) -> Iterator[Content]:
    """The files that the next commit adds or changes, as they are staged."""
    yield from _blobs(root, git("diff", "--cached", "--raw", "-z", "--no-renames", "--abbrev=64", root=root))


def tracked(root: Path) -> Iterator[Content]:
    """All files that git knows, as they lie in the working tree; of those that do not, what is staged."""
    for entry in os.fsdecode(git("ls-files", "-s", "-z", root=root)).split("\0")[:-1]:
        (mode, blob, _), name = entry.partition("\t")[0].split(), entry.partition("\t")[2]
        path = root / name
        if path.is_symlink():
            yield Content(name, os.fsencode(path.readlink()), link=True)
        elif path.is_file():
            yield Content(name, path.read_bytes(), link=mode == LINK)
        elif mode != SUBMODULE:  # removed, or left out of a sparse checkout
            yield Content(name, git("cat-file", "blob", blob, root=root), link=mode == LINK)


def pushed(root: Path, to: str, lines: Iterable[str]) -> Iterator[Content]:
    """What a push would send that the remote does not have: messages of commits and tags, every version of every file.

    Args:
        root: the repository.
        to: the remote's name, or its address if it has none. What another one has (the hospital's own) is new to it.
        lines: what git tells a pre-push hook: local ref, its object, remote ref, its object.

    Raises:
        UserError: a tag leads to something that is no commit.
    """
    for line in lines:
        _, local, _, remote = line.rsplit(" ", 3)  # a ref may be given as `HEAD^{/words of a message}`
        if set(local) == {"0"}:  # a branch is deleted
            continue
        while (kind := git("cat-file", "-t", local, root=root).strip()) == b"tag":
            tag = git("cat-file", "-p", local, root=root)
            yield Content(f"message of tag {local[:8]}", tag, file=False)
            local = tag.split(maxsplit=2)[1].decode()  # which may be a tag itself
        if kind != b"commit":
            raise UserError(f"{line.split()[0]}: leads to a {kind.decode()}. Push commits, and tags of commits, alone.")
        known = [f"^{remote}"] if set(remote) != {"0"} and _has(root, remote) else []
        for commit in git("rev-list", local, *known, "--not", f"--remotes={to}", root=root).decode().split():
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
        if status != "D" and mode != SUBMODULE:
            yield Content(name + where, git("cat-file", "blob", blob, root=root), link=mode == LINK)


def _has(root: Path, commit: str) -> bool:
    done = subprocess.run(["git", "-C", str(root), "cat-file", "-e", commit], capture_output=True, check=False)
    return done.returncode == 0
