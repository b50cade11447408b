"""Progress of long work: bars on a terminal; where there is none (nohup, a log, a scheduler) one line per minute.

A bar is a `Bar`, whatever counts. Lines come from one thread per program, `reporting`, which says how long the program
has been at work and where its open bars stand; so also one long step, the start of an engine, say, is not silent.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from tqdm import tqdm

EVERY = 60.0  # seconds between two lines
RANK = "RANK"  # which of several processes that train together this is: accelerate sets it, and the first tells

_done: threading.Event | None = None  # set when this program has no more to tell


class Bar(tqdm):
    """A bar of tqdm's where there is a terminal; elsewhere it counts, and draws nothing."""

    at_work: ClassVar[list["Bar"]] = []

    def __init__(self, *args: Any, **options: Any) -> None:
        self.draws = sys.stderr.isatty()
        super().__init__(*args, **options)
        if not self.disable:
            self.at_work.append(self)

    def display(self, *args: Any, **options: Any) -> None:
        """Draws the bar."""
        if self.draws:
            super().display(*args, **options)

    def close(self) -> None:
        """Ends the bar, which tqdm would wipe from the terminal."""
        if self in self.at_work:
            self.at_work.remove(self)
        if not self.draws:
            self.delay = float("inf")  # a bar that ends before its delay has drawn nothing, and wipes nothing
        super().close()

    def line(self) -> str:
        """Where the bar stands, in words: `train: 120 of 400 step, loss=2.31`."""
        each = 1 if isinstance(self.unit_scale, bool) else self.unit_scale
        total = f" of {self.total * each:,}" if self.total else ""
        line = f"{(self.desc or 'done').removesuffix(': ')}: {self.n * each:,}{total} {self.unit.strip()}"
        return f"{line}, {self.postfix}" if self.postfix else line

    def __eq__(self, other: object) -> bool:  # tqdm's own compares positions
        return self is other

    __hash__ = tqdm.__hash__


@contextmanager
def reporting(what: str) -> Iterator[None]:
    """While the block runs, prints a line per minute to stderr that begins with `what`, unless that is a terminal."""
    global _done
    if sys.stderr.isatty() or os.environ.get(RANK, "0") != "0":
        yield
        return
    _done = done = threading.Event()
    threading.Thread(target=_tell, args=(what, done), daemon=True).start()
    try:
        yield
    finally:
        done.set()


def leave_to_others() -> None:
    """Tells nothing more: the program waits for others, which tell by themselves."""
    if _done is not None:
        _done.set()


def _tell(what: str, done: threading.Event) -> None:
    started = time.monotonic()
    while not done.wait(EVERY):
        bars = "; ".join(bar.line() for bar in list(Bar.at_work)) or "at work"
        hours, minutes = divmod(round((time.monotonic() - started) / 60), 60)
        after = f"{hours} h {minutes} min" if hours else f"{minutes} min"
        print(f"{what}, after {after}: {bars}", file=sys.stderr, flush=True)
