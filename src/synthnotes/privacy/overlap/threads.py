"""Threads for compiled loops, which let go of Python's lock: results in order, whoever is ready first."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

THREADS = len(os.sched_getaffinity(0))
AHEAD = 2  # tasks per thread that may wait to be fetched

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yields `work(item)` for each item in turn, computed on several threads a few items ahead."""
    with ThreadPoolExecutor(THREADS) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > AHEAD * THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
