"""The stages. One that runs as a program (`python -m synthnotes.stages.x`) puts itself, and all it starts, under guard.

Before that, it sees to it that it runs the code of the folder that it works in: DVC runs experiments (`dvc exp run
--queue`, `--temp`) in copies of the repository, and git makes worktrees. What is installed in the environment is the
package of one folder, though: there, the result of its code would be recorded as that of the copy's.
That comes here, before anything else is imported, since a namespace cannot be entered once there are threads. A test
that imports a stage stays as it is.
"""

import os
import sys
from multiprocessing import parent_process
from pathlib import Path

import synthnotes
from synthnotes.machinery import network_isolation

STARTED = "SYNTHNOTES_STARTED_WITH"  # the code with which a process has been started again


def insist_on_own_code() -> None:
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


if sys.argv[:1] == ["-m"]:
    insist_on_own_code()
    network_isolation.isolate()
if sys.argv[:1] == ["-m"] or parent_process() is not None:
    from synthnotes.machinery import redaction  # and with it pandas, which starts threads

    redaction.install()
