"""Work over processes: in order, bounded, and with errors that arrive."""

import os
import signal
from itertools import count, islice

import pytest

from synthnotes.corpus.bulk import clean_notes
from synthnotes.corpus.processes import map_in_order
from synthnotes.files import UserError


def fail(item: int) -> int:
    raise KeyError(item)


def end(item: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.parametrize("processes", [1, 2])
def test_order(processes):
    batches = [[f"Note {n} & more", "å"] for n in range(9)]
    assert list(map_in_order(clean_notes, batches, processes)) == [[f"Note {n} more", "aa"] for n in range(9)]


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
        list(map_in_order(fail, [7, 8], 2))


def test_a_killed_process_is_told():
    with pytest.raises(UserError, match="memory"):
        list(map_in_order(end, [1, 2, 3], 2))
