"""Items worked on side by side, given back in order: by threads where code is compiled, by processes where it is not.

Items are read only as far ahead as keeps the workers busy, so that memory stays bounded; `Executor.map` reads them all.
"""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from synthnotes.machinery.files import UserError

CORES = len(os.sched_getaffinity(0))
AHEAD = 2  # items per worker that may wait to be fetched

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item], threads: int = CORES) -> Iterator[Result]:
    """Yields `function(item)` for each item in turn, computed by some threads a few items ahead.

    Args:
        function: lets go of the interpreter's lock, as compiled loops do. What it raises, the first item's is raised.
        items: read only as far ahead as keeps the threads busy.
        threads: how many.
    """
    return _in_order(ThreadPoolExecutor(threads), function, items, threads)


def map_in_processes(function: Callable[[Item], Result], items: Iterable[Item], processes: int) -> Iterator[Result]:
    """Does the same by processes, of which 1 is this process alone: `function` is one of a module.

    Raises:
        UserError: one of the processes was killed.
    """
    if processes == 1:
        yield from map(function, items)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of the threads that read files
    pool = ProcessPoolExecutor(processes, context, initializer=_end_with_parent)
    try:
        yield from _in_order(pool, function, items, processes)
    except BrokenProcessPool:
        raise UserError(
            f"{function.__name__}: one of its processes was killed, perhaps for memory. Run `dvc repro` again."
        ) from None


def _in_order(
    pool: Executor, function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[Result]:
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Has a process of the pool end when the one that started it is killed, rather than wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
