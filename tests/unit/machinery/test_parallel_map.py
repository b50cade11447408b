"""Work over threads: in order, bounded, and with errors that arrive."""

from itertools import count, islice
from threading import Barrier

import pytest

from synthnotes.machinery.parallel_map import map_in_order


def test_two_items_are_worked_on_at_once_and_come_in_order():
    both_at_work = Barrier(2, timeout=10)

    def function(item):
        both_at_work.wait()
        return -item

    assert list(map_in_order(function, range(10), 2)) == [-item for item in range(10)]


def test_items_are_read_only_somewhat_ahead():
    numbers = count()
    results = map_in_order(abs, numbers, 2)
    assert list(islice(results, 3)) == [0, 1, 2]
    results.close()
    assert next(numbers) <= 3 + 2 * 2


def test_no_items():
    assert list(map_in_order(abs, [], 2)) == []


def test_the_first_error_arrives():
    with pytest.raises(KeyError, match="7"):
        list(map_in_order({}.__getitem__, [7, 8], 2))
