"""Checkpoints: what a search has found so far, left in a work folder after each block, so that a killed run goes on."""

import hashlib
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synthnotes.machinery.files import replacing

SECONDS_BETWEEN = 20.0


class Checkpoint:
    """The state of one search: some arrays, and up to where it has come.

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
        self._file = "state.npz"

    def of(self, part: str) -> "Checkpoint":
        """The checkpoint of one part of the search."""
        other = Checkpoint(None, "", [])
        other._folder, other._file = self._folder, f"part-{part}.npz"
        return other

    def load(self, state: Sequence[np.ndarray]) -> int:
        """Fills the arrays with what was saved; gives how far the search had come, 0 where nothing usable lies."""
        if self._folder is None or not (self._folder / self._file).exists():
            return 0
        try:
            with np.load(self._folder / self._file, allow_pickle=False) as saved:
                arrays = [saved[f"arr_{number}"] for number in range(len(state))]
                done = int(saved["done"])
        except Exception:  # damaged bytes raise whatever they happen to mean
            return 0  # and cost the time to do it again, nothing else
        for array, old in zip(state, arrays, strict=True):
            array[:] = old
        return done

    def save(self, done: int, state: Sequence[np.ndarray]) -> None:
        """Saves the arrays if the last time lies some seconds back."""
        if self._folder is not None and time.monotonic() - self._saved >= SECONDS_BETWEEN:
            with replacing(self._folder / self._file) as temporary:
                np.savez(temporary, *state, done=done)
            self._saved = time.monotonic()

    def remove(self) -> None:
        """Forgets everything, once the search is done."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
