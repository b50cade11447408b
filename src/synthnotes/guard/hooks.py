"""Git hooks that run the guard before a commit, on its message, and before a push."""

import sys
from pathlib import Path

from synthnotes.guard.repository import git
from synthnotes.machinery.files import UserError

HOOKS = {"pre-commit": "staged", "commit-msg": "message", "pre-push": "push"}
MARK = "python -m synthnotes.guard"


def install(root: Path) -> str:
    """Installs the hooks into a repository; gives what was done, in a line.

    Raises:
        UserError: a hook of that name is there already, and not ours.
    """
    folder = root / git("rev-parse", "--git-path", "hooks", root=root).decode().strip()
    for name, what in HOOKS.items():
        path = folder / name
        if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
            line = f'{sys.executable} -m synthnotes.guard {what} "$@"'
            raise UserError(f"{path}: another hook is there. Add this line to it: {line}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, what in HOOKS.items():
        path = folder / name
        path.write_text(
            f'#!/bin/sh\n# {MARK} {what}: see SECURITY.md\nexec "{sys.executable}" -m synthnotes.guard {what} "$@"\n'
        )
        path.chmod(0o755)
    return f"installed {', '.join(HOOKS)} in {folder}"
