"""Several processes that train one coder: each reads its part of every batch, and the gradients are added up."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import distributed


@dataclass(frozen=True)
class Processes:
    """One of the processes that accelerate has started, or a process alone.

    Attributes:
        rank: which one this is, from 0.
        count: how many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes files."""
        return self.rank == 0

    def part(self, indices: np.ndarray) -> np.ndarray:
        """This process's part of a batch: notes of a batch are sorted by length, so that the parts are alike."""
        return indices[self.rank :: self.count]

    def add_up(self, tensors: Iterable[torch.Tensor]) -> None:
        """Puts the sum over all processes into each tensor."""
        if self.count > 1:
            for tensor in tensors:
                distributed.all_reduce(tensor)

    def wait(self) -> None:
        """Waits until all processes are here."""
        if self.count > 1:
            distributed.barrier()


ALONE = Processes()


def join() -> Processes:
    """Joins the processes that accelerate has started, by the environment it has set; gloo where there is no GPU."""
    if not distributed.is_torchelastic_launched():
        return ALONE
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if gpu else "gloo")
    return Processes(distributed.get_rank(), distributed.get_world_size())
