"""The guard: `python -m synthnotes.guard <what>` refuses what would carry notes of patients out of this machine.

- `tracked` looks at every file that git knows, and at what dvc.yaml says of its outputs (`make check`);
- `staged`, `message` and `push` are what the git hooks call: what is about to be committed, its message, and what a
  push would send; `hooks` installs them (`make hooks`).

What it sees and what it does not see stands in SECURITY.md.
"""

import argparse
import re
import sys
from pathlib import Path

from synthnotes.guard import checks, hooks, outputs, repository
from synthnotes.machinery import progress
from synthnotes.machinery.files import UserError

# Below it, `git commit -v` shows what is committed, and what is taken out. Other lines with a # stay in messages that
# no editor has been asked for.
SCISSORS = re.compile(r"^\S+ -+ >8 -+$.*", re.MULTILINE | re.DOTALL)


def main() -> int:
    """Runs one check; prints a line for each reason to refuse, and gives 1 if there is any."""
    parser = argparse.ArgumentParser(prog="python -m synthnotes.guard", description=__doc__)
    parser.add_argument("what", choices=("tracked", "staged", "message", "push", "hooks"))
    parser.add_argument("file", nargs="*", help="of `message`: the file that holds it; git tells `push` the remote")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--fingerprint", type=Path, help="its folder; by default in git's own")
    options = parser.parse_args()
    root = repository.working_tree()
    if options.what == "hooks":
        checks.remember_own_data(root, options.data)
        print(hooks.install(root))
        return 0
    with progress.told("guard"):
        known = checks.known_notes(root, options.data, options.build / "notes", options.fingerprint)
        found, seen = look(options.what, options.file, root, known)
    for line in found:
        print(f"! {line}", file=sys.stderr)
    if known is None:
        seen += "; no notes on this machine to compare with"
    print(f"guard: {seen}; {len(found) or 'no'} reason{'s' * (len(found) != 1)} to refuse.", file=sys.stderr)
    return 1 if found else 0


def look(what: str, given: list[str], root: Path, known: checks.Fingerprint | None) -> tuple[list[str], str]:
    """Collects what is to be looked at, and gives the reasons to refuse it with a description of what was seen."""
    if what == "message":
        message = SCISSORS.sub("", Path(given[0]).read_text(encoding="utf-8", errors="replace"))
        contents = [repository.Content("the message", message.encode(), file=False)]
        return checks.findings(root, contents, known), "the message"
    if what == "push":
        contents = list(repository.pushed(root, given[0] if given else "", sys.stdin.read().splitlines()))
        return checks.findings(root, contents, known), f"{len(contents)} files and messages to be sent"
    contents = list(repository.staged(root) if what == "staged" else repository.tracked(root))
    described = f"{len(contents)} {what} files"
    declared = outputs.declared(root) if what == "tracked" or any(map(_concerns_outputs, contents)) else None
    found = outputs.problems(root, declared) if declared is not None else []
    if declared is not None:
        described += f", {len(declared)} outputs"
    return found + checks.findings(root, contents, known, declared), described


def _concerns_outputs(content: repository.Content) -> bool:
    """Whether a staged file makes it worth asking DVC, which takes a second or two."""
    named = content.name in ("dvc.yaml", "params.yaml", ".gitignore")
    return named or content.name.startswith("results") or content.name.endswith(".dvc")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(f"guard: error: {error}")
