"""The code of the folder that a stage runs in, whatever has been installed.

DVC runs experiments (`dvc exp run --queue`, `--temp`) in copies of the repository, and git makes worktrees. What is
installed in the environment is the package of one folder, though: there, the result of its code would be recorded as
that of the copy's.
"""

import os
import sys
from pathlib import Path

import synthnotes

STARTED = "SYNTHNOTES_STARTED_WITH"  # the code with which a process has been started again


def insist() -> None:
    """Starts this process again with ./src, if there is such code and Python has imported another. Comes first of all.

    Raises:
        SystemExit: that does not help, since Python has been told to ignore PYTHONPATH.
    """
    own, imported = Path("src", synthnotes.__name__).resolve(), Path(synthnotes.__file__).resolve().parent
    if own == imported or not (own / "__init__.py").is_file():
        return
    if os.environ.get(STARTED) == str(own):
        message = "Start Python without -E, -I or -P, so that PYTHONPATH counts, or install the package from here"
        raise SystemExit(f"error: {imported}: code of another folder than this one ({own.parent}). {message}.")
    print(f"with the code of {own.parent}, not of {imported.parent}", file=sys.stderr, flush=True)
    paths = [str(own.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ |= {STARTED: str(own), "PYTHONPATH": os.pathsep.join(paths)}
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  (the same program and words)
