"""Redaction of what libraries say: an exception, a warning or a line of a log may quote a note.

Of an exception its type and the places in the code stay, of a warning and of a log's line the kind and the place. The
messages of our own errors (`UserError`) name files, parameters, ids and counts, and stay whole.

Of the demo's data, whose patients are invented, everything is shown. `SYNTHNOTES_SHOW_VALUES=1` shows it of all: for a
terminal that may show notes, and whose output is kept nowhere.
"""

import logging
import os
import resource
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from synthnotes.machinery.disclosure import is_demo
from synthnotes.machinery.files import UserError
from synthnotes.machinery.network_isolation import NetworkDeniedError

SHOW = "SYNTHNOTES_SHOW_VALUES"
SAFE_ERRORS = (UserError, NetworkDeniedError)  # errors whose messages are ours, and hold no value of a note
HOW = f"What it says is redacted, since it may quote a note; {SHOW}=1 shows it (SECURITY.md)."


@cache
def shown() -> bool:
    """Whether the user has asked to see values, or all data in the current folder are the demo's."""
    return os.environ.get(SHOW) == "1" or is_demo(Path("data"))


def describe(error: BaseException) -> str:
    """Tells an exception and those that caused it by their types and the places in the code, without their messages.

    An operating system's error keeps what its number means, and a missing module its name.
    """
    if shown():
        return "".join(traceback.format_exception(error)).rstrip()
    lines: list[str] = []
    for one in chain(error):
        lines.append(f"{'  caused by ' if lines else ''}{_name(one)}")
        frames = traceback.extract_tb(one.__traceback__, limit=None)
        lines += [f"    {_place(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames]
    return "\n".join([*lines, HOW])


def install() -> None:
    """Redacts, in this process, what would be written to the terminal past `cli.run`, and what a crash would dump."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if shown():
        return
    sys.excepthook = _uncaught
    threading.excepthook = lambda hooked: _uncaught(hooked.exc_type, hooked.exc_value, hooked.exc_traceback)
    sys.unraisablehook = lambda hooked: _uncaught(hooked.exc_type, hooked.exc_value, hooked.exc_traceback)
    warnings.showwarning = _warned
    logging.setLogRecordFactory(_LogRecord)


class _LogRecord(logging.LogRecord):
    """A line of a log that holds the place that wrote it, and nothing of what it was given."""

    def __init__(self, name: str, level: int, pathname: str, lineno: int, *_: Any, **__: Any) -> None:
        message = f"at {_place(pathname)}:{lineno} (redacted, {SHOW}=1 shows it)"
        super().__init__(name, level, pathname, lineno, message, None, None)


def _warned(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any) -> None:
    print(f"{category.__name__} at {_place(filename)}:{lineno} (redacted, {SHOW}=1 shows it)", file=sys.stderr)


def _uncaught(kind: type[BaseException], error: BaseException | None, _: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    elif not issubclass(kind, SystemExit):
        print(kind.__name__ if error is None else describe(error), file=sys.stderr)


def chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and those that caused it, each once."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += getattr(one, "exceptions", ())  # of an ExceptionGroup
        waiting.append(one.__cause__ or (None if one.__suppress_context__ else one.__context__))


def _name(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(error, SAFE_ERRORS):
        return f"{name}: {error}"
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return f"{name}: {os.strerror(error.errno)}"
    if isinstance(error, ModuleNotFoundError) and isinstance(error.name, str):
        return f"{name}: {error.name[:100]}"
    return name


def _place(filename: str) -> str:
    """A source file, from the package or the folder of packages on: no path of the machine."""
    parts = Path(filename).parts
    for root in ("site-packages", "src"):
        if root in parts:
            return "/".join(parts[parts.index(root) + 1 :])
    return parts[-1] if parts else filename
