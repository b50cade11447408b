"""Work spread over processes, results in order: for what is many times the work of sending it there and back."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from synthnotes.files import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")
WAITING = 2  # items sent ahead for each process, so that none idles and memory stays bounded


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item], processes: int) -> Iterator[Result]:
    """Gives `function(item)` for each item, in their order, computed by some processes; by this one if that is one.

    Args:
        function: a function at the top level of a module, for the processes import it.
        items: read only as far ahead as keeps the processes busy.
        processes: how many.

    Raises:
        UserError: a process ended before its work, killed by the system as a rule.
        Exception: what `function` raised, for the first item for which it did.
    """
    if processes == 1:
        yield from map(function, items)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of the readers' threads
    pool = ProcessPoolExecutor(processes, mp_context=context)
    sent: deque[Future[Result]] = deque()
    try:
        for item in items:
            sent.append(pool.submit(function, item))
            if len(sent) > WAITING * processes:
                yield sent.popleft().result()
        while sent:
            yield sent.popleft().result()
    except BrokenProcessPool as error:
        raise UserError(
            f"One of {processes} processes was ended from outside, most likely because memory ran out: free some "
            "memory, or allow one core only (taskset -c 0), and run again."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
