"""Git hooks that run the guard before a commit, on its message, and before a push."""

import os
import shlex
import sys
from pathlib import Path

from synthnotes.guard.repository import common_folder, git
from synthnotes.machinery.files import UserError

HOOKS = {"pre-commit": "staged", "pre-merge-commit": "staged", "commit-msg": "message", "pre-push": "push"}
MARK = "#!/bin/sh\n# python -m synthnotes.guard"  # how a hook begins that is ours altogether

GONE = "guard: error: the environment that it was installed from has been moved or removed. Run `make hooks` again."


def install(root: Path) -> str:
    """Installs the hooks into a repository; gives what was done, in a line.

    Raises:
        UserError: a hook of that name is there already, and not ours; or the hooks are those of all repositories.
    """
    folder = root / os.fsdecode(git("rev-parse", "--git-path", "hooks", root=root)).rstrip("\n")
    if not any(folder.resolve().is_relative_to(own) for own in (root.resolve(), common_folder(root))):
        raise UserError(
            f"{folder}: core.hooksPath leads there, where the hooks are not of this repository alone. Give it hooks of "
            f"its own: `git config core.hooksPath {shlex.quote(str(common_folder(root) / 'hooks'))}`, and try again."
        )
    python = shlex.quote(sys.executable)
    lines = {name: f'{python} -m synthnotes.guard {what} "$@"' for name, what in HOOKS.items()}
    for name, line in lines.items():
        path = folder / name
        there = path.read_bytes() if path.exists() else b""
        if there and not there.startswith(MARK.encode()) and f"-m synthnotes.guard {HOOKS[name]}".encode() not in there:
            raise UserError(f"{path}: another hook is there. Add this line to it: {line}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, what in HOOKS.items():
        path = folder / name
        if path.exists() and not path.read_bytes().startswith(MARK.encode()):
            continue  # somebody's own, with our line in it
        gone = f"[ -x {python} ] || {{ echo {shlex.quote(GONE)} >&2; exit 1; }}"
        text = f"{MARK} {what}: see SECURITY.md\n{gone}\nexec {lines[name]}\n"
        path.write_bytes(os.fsencode(text))
        path.chmod(0o755)
    return f"installed {', '.join(HOOKS)} in {folder}"
