"""What git is about to keep or to send, files with their content and messages, and the hooks that look at it.

Names of files are bytes to git, and need not be UTF-8 (a Latin-1 `ö` from an old archive): they are decoded as Python
does for the file system, so that the file is found under its name, and encoded in the same way.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from noteguard import NoteguardError

LINK, SUBMODULE = "120000", "160000"  # git's modes of a symbolic link, and of another repository's commit
HOOKS = {"pre-commit": "staged", "pre-merge-commit": "staged", "commit-msg": "message", "pre-push": "push"}
CALLS = ("-m noteguard", "-m synthnotes.guard")  # of this module; as it was called once
OURS = tuple(f"#!/bin/sh\n# python {call}".encode() for call in CALLS)  # how a hook begins that is ours altogether
GONE = (
    "noteguard: error: the environment that it was installed from has been moved or removed. Install the hooks again: "
    "`python -m noteguard hooks`, or `make hooks` where there is a Makefile for it."
)


@dataclass(frozen=True)
class Content:
    """Something that git holds."""

    name: str  # the file's path, or what it is (`message of commit 1a2b3c4d`)
    data: bytes  # of a link, where it points
    link: bool = False
    file: bool = True  # of the tree, not a message

    @property
    def path(self) -> str:
        """The file's path, without the commit that it stands in."""
        return self.name.partition(" in commit ")[0]


def git(*words: str, given: bytes = b"", root: Path = Path(), most: int = 0) -> bytes:
    """Gives what git prints of objects as they are, without `git replace`; an error if its exit code exceeds `most`."""
    command = ["git", "--no-replace-objects", "-C", str(root), *words]
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    if not 0 <= done.returncode <= most:
        raise NoteguardError(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def answer(*words: str, root: Path = Path()) -> str:
    """What git answers to a question in one line."""
    return os.fsdecode(git(*words, root=root)).rstrip("\n")


def is_bare(root: Path = Path()) -> bool:
    """Whether a repository has no working tree."""
    return answer("rev-parse", "--is-bare-repository", root=root) == "true"


def working_tree() -> Path:
    """The folder of the files; of a repository without any (a bare one), that of the repository."""
    return Path(answer("rev-parse", "--absolute-git-dir" if is_bare() else "--show-toplevel"))


def common_folder(root: Path) -> Path:
    """Git's own folder that all working trees of a repository share: `.git`, or that of the clone or the submodule."""
    return (root / answer("rev-parse", "--git-common-dir", root=root)).resolve()


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

    `to` is the remote's name, or its address if it has none: what another one has (the hospital's own) is new to it.
    `lines` are what git tells a pre-push hook: local ref, its object, remote ref, its object.
    """
    for line in lines:
        ref, local, _, remote = line.rsplit(" ", 3)  # a ref may be given as `HEAD^{/words of a message}`
        if not local.strip("0"):  # a branch is deleted
            continue
        while (kind := answer("cat-file", "-t", local, root=root)) == "tag":
            tag = git("cat-file", "-p", local, root=root)
            yield Content(f"message of tag {local[:8]}", tag, file=False)
            local = tag.split(maxsplit=2)[1].decode()  # which may be a tag itself
        if kind != "commit":
            raise NoteguardError(f"{ref.split()[0]}: leads to a {kind}. Push commits, and tags of commits, alone.")
        there = git("cat-file", "--batch-check", given=remote.encode(), root=root)  # says `missing` of what is not
        known = [] if b"missing" in there else [f"^{remote}"]
        for commit in answer("rev-list", local, *known, "--not", f"--remotes={to}", root=root).split():
            message = git("log", "-1", "--format=%an%n%ae%n%B%n%N", commit, root=root)
            yield Content(f"message of commit {commit[:8]}", message, file=False)
            words = ("-r", "-m", "--root", "--raw", "-z", "--no-renames", "--no-commit-id")
            yield from _blobs(root, git("diff-tree", *words, commit, root=root), f" in commit {commit[:8]}")


def ignored(root: Path, names: Iterable[str]) -> set[str]:
    """Those of some paths that git ignores, be they tracked by force or not; in a bare repository, none."""
    if is_bare(root):
        return set()
    given = os.fsencode("\0".join(names))
    found = git("check-ignore", "--no-index", "-z", "--stdin", given=given, root=root, most=1)
    return set(os.fsdecode(found).split("\0")) - {""}


def _blobs(root: Path, changes: bytes, where: str = "") -> Iterator[Content]:
    """The new side of what `--raw -z` lists: `:old new old-object new-object status`, path, and so on."""
    parts = os.fsdecode(changes).split("\0")[:-1]
    for description, name in zip(parts[::2], parts[1::2], strict=True):
        _, mode, _, blob, status = description.split()
        if status != "D" and mode != SUBMODULE:
            yield Content(name + where, git("cat-file", "blob", blob, root=root), link=mode == LINK)


def install(root: Path) -> str:
    """Installs the hooks into a repository, unless they are somebody else's; gives what was done, in a line."""
    folder = root / answer("rev-parse", "--git-path", "hooks", root=root)
    if not any(folder.resolve().is_relative_to(own) for own in (root.resolve(), common_folder(root))):
        raise NoteguardError(
            f"{folder}: core.hooksPath leads there, where the hooks are not of this repository alone. Give it hooks of "
            f"its own: `git config core.hooksPath {shlex.quote(str(common_folder(root) / 'hooks'))}`, and try again."
        )
    python = shlex.quote(sys.executable)
    ours = {}
    for name, what in HOOKS.items():
        line = f'{python} {CALLS[0]} {what} "$@"'
        there = (folder / name).read_bytes() if (folder / name).exists() else b""
        if not there or there.startswith(OURS):
            gone = f"[ -x {python} ] || {{ echo {shlex.quote(GONE)} >&2; exit 1; }}"
            ours[folder / name] = f"#!/bin/sh\n# python {CALLS[0]} {what}\n{gone}\nexec {line}\n"
        elif f"{CALLS[0]} {what}".encode() not in there:  # with our line in it, somebody's own stays as it is
            raise NoteguardError(f"{folder / name}: another hook is there. Add this line to it: {line}")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in ours.items():
        path.write_bytes(os.fsencode(text))
        path.chmod(0o755)
    return f"installed {', '.join(HOOKS)} in {folder}"
