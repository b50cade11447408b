"""What a search may take, and what it leaves: blocks that fit a budget, and checkpoints of a killed run."""

import hashlib
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from synthnotes.machinery.files import UserError, replacing

GIB = 1 << 30
DEFAULT = 2 * GIB
SECONDS_BETWEEN = 20.0  # checkpoints


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


class Checkpoint:
    """What one search has found so far: some arrays for each of its parts, and up to where it has come in them.

    Args:
        work: the work folder; None keeps nothing.
        name: what is searched for.
        inputs: the arrays that determine the result; of other inputs nothing is taken over.
    """

    def __init__(self, work: Path | None, name: str, inputs: Sequence[np.ndarray]) -> None:
        self._folder: Path | None = None
        self._saved = time.monotonic()
        if work is not None:
            digest = hashlib.sha256(name.encode())
            for array in inputs:
                digest.update(f"{array.dtype} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
            self._folder = work / f"{name}-{digest.hexdigest()[:16]}"

    def load(self, part: str, state: Sequence[np.ndarray]) -> int:
        """Fills the arrays with what was saved; gives how far the search had come, 0 where nothing usable lies."""
        if self._folder is None or not (self._folder / f"{part}.npz").exists():
            return 0
        try:
            with np.load(self._folder / f"{part}.npz", allow_pickle=False) as saved:
                arrays = [saved[f"arr_{number}"] for number in range(len(state))]
                done = int(saved["done"])
        except Exception:  # damaged bytes raise whatever they happen to mean
            return 0  # and cost the time to do it again, nothing else
        for array, old in zip(state, arrays, strict=True):
            array[:] = old
        return done

    def save(self, part: str, state: Sequence[np.ndarray], done: int) -> None:
        """Saves the arrays if the last time lies some seconds back."""
        if self._folder is not None and time.monotonic() - self._saved >= SECONDS_BETWEEN:
            with replacing(self._folder / f"{part}.npz") as temporary:
                np.savez(temporary, *state, done=done)
            self._saved = time.monotonic()

    def remove(self) -> None:
        """Forgets everything, once the search is done."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
