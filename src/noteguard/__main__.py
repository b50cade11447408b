"""Noteguard: `python -m noteguard <what>` refuses what would carry notes of patients out of this machine.

- `tracked` looks at every file that git knows, and at what DVC's files say of their outputs;
- `staged`, `message` and `push` are what the git hooks call: what is about to be committed, its message, and what a
  push would send; `hooks` installs them;
- `files` looks for text and ids in files that git ignores, before they are sent to somebody;
- `cache` asks where DVC's cache is to lie, unless all data are invented.

What a project's notes are stands in its pyproject.toml: see noteguard/settings.py.
"""

import argparse
import re
import sys
import traceback
from pathlib import Path

from noteguard import NoteguardError, checks, outputs, repository, settings
from noteguard.repository import Content

# Below it, `git commit -v` shows what is committed, and what is taken out. Other lines with a # stay in messages that
# no editor has been asked for.
SCISSORS = re.compile(r"^\S+ -+ >8 -+$.*", re.MULTILINE | re.DOTALL)


def main() -> int:
    """Runs one check; prints a line for each reason to refuse, and gives 1 if there is any."""
    parser = argparse.ArgumentParser(prog="python -m noteguard", description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("tracked", "staged", "message", "push", "files", "hooks", "cache"))
    parser.add_argument("given", nargs="*", help="files; of `message` the one with it, of `cache` its folder")
    options = parser.parse_args()
    project = settings.load(repository.working_tree())
    if options.what in ("hooks", "cache"):
        checks.remember_own_data(project)
        cache = options.what == "cache"
        message = outputs.choose_cache(project, *options.given[:1]) if cache else repository.install(project.root)
        if message:
            print(message)
        return 0
    known = checks.known_notes(project)
    found, seen = look(options.what, options.given, project, known)
    for line in found:
        print(f"! {line}", file=sys.stderr)
    compared = "" if known else "; no notes on this machine to compare with"
    count = f"{len(found) or 'no'} reason{'s' * (len(found) != 1)} to refuse"
    print(f"noteguard: {seen}{compared}; {count}.", file=sys.stderr)
    return 1 if found else 0


def look(
    what: str, given: list[str], project: settings.Settings, known: checks.Fingerprint | None
) -> tuple[list[str], str]:
    """Collects what is to be looked at, and gives the reasons to refuse it with a description of what was seen."""
    root, of = project.root, project.outputs
    if what == "message":
        message = SCISSORS.sub("", Path(given[0]).read_text(encoding="utf-8", errors="replace"))
        return checks.findings(project, [Content("the message", message.encode(), file=False)], known), "the message"
    if what == "files":
        contents = [Content(name, Path(name).read_bytes(), file=False) for name in given]
        return checks.findings(project, contents, known), f"{len(contents)} files"
    if what == "push":
        contents = list(repository.pushed(root, given[0] if given else "", sys.stdin.read().splitlines()))
        return checks.findings(project, contents, known), f"{len(contents)} files and messages to be sent"
    contents = list(repository.staged(root) if what == "staged" else repository.tracked(root))
    # DVC takes a second or two: of what is staged, it is asked only where it may have something to say.
    telling = (".yaml", ".dvc", ".gitignore")
    asked = of and (
        what == "tracked"
        or any(
            c.path.endswith(telling) or Path(c.path).parts[0] in {Path(f).parts[0] for f in of.results}
            for c in contents
        )
    )
    declared = outputs.declared(root, of.file) if of and asked else None
    found = checks.findings(project, contents, known, declared)
    if declared is None:
        return found, f"{len(contents)} {what} files"
    return outputs.problems(root, declared) + found, f"{len(contents)} {what} files, {len(declared)} outputs"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (NoteguardError, OSError) as error:
        sys.exit(f"noteguard: error: {error}")
    except Exception as error:  # whose message may quote a note
        at = traceback.extract_tb(error.__traceback__)[-1]
        sys.exit(f"noteguard: error: a defect, {type(error).__name__} at {Path(at.filename).name}, line {at.lineno}")
