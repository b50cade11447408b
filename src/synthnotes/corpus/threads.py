"""Work spread over threads, results in order: for functions that let go of the interpreter's lock."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
WAITING = 2  # items taken ahead for each thread, so that none idles and memory stays bounded


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Gives `function(item)` for each item, in their order, computed by some threads.

    Args:
        function: safe to call from several threads at once.
        items: read only as far ahead as keeps the threads busy.
        threads: how many.

    Raises:
        Exception: what `function` raised, for the first item for which it did.
    """
    pool = ThreadPoolExecutor(threads)
    sent: deque[Future[Result]] = deque()
    try:
        for item in items:
            sent.append(pool.submit(function, item))
            if len(sent) > WAITING * threads:
                yield sent.popleft().result()
        while sent:
            yield sent.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
