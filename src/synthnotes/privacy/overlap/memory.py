"""Memory: how corpora are cut into blocks so that what is computed for each fits a budget."""

from collections.abc import Iterator

import numpy as np

from synthnotes.machinery.files import UserError

GIB = 1 << 30
DEFAULT = 2 * GIB


def blocks(bytes_per_note: np.ndarray, budget: int, what: str) -> Iterator[tuple[int, int]]:
    """Cuts notes into blocks of as many as fit.

    Args:
        bytes_per_note: the memory that each note needs.
        budget: the bytes that a block may need.
        what: what is computed, for messages.

    Yields:
        The first note of a block, and the one after its last.

    Raises:
        UserError: a single note does not fit.
    """
    if len(bytes_per_note) and (most := int(bytes_per_note.max())) > budget:
        raise UserError(
            f"privacy.memory_gib leaves {budget / GIB:.3g} GiB for {what}, "
            f"and note {int(bytes_per_note.argmax())} alone needs {most / GIB:.3g} GiB. Raise privacy.memory_gib."
        )
    ends = np.cumsum(bytes_per_note, dtype=np.int64)
    first = 0
    while first < len(ends):
        before = ends[first - 1] if first else 0
        last = int(np.searchsorted(ends, before + budget, side="right"))
        yield first, last
        first = last


def parts(bytes_needed: int, budget: int, most: int, what: str) -> int:
    """How many parts make something fit that can be divided evenly; a `UserError` where more than `most` would."""
    number = max(1, -(-bytes_needed // max(1, budget)))
    if number > most:
        raise UserError(
            f"privacy.memory_gib leaves {budget / GIB:.3g} GiB for {what}, "
            f"which need {bytes_needed / GIB:.3g} GiB in at most {most} parts. Raise privacy.memory_gib."
        )
    return number
