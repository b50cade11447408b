"""Checkpoints of a coder's training: what a killed run goes on from, at the end of its last finished epoch."""

import json
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from synthnotes.coding.plm_icd.model import PlmIcd
from synthnotes.machinery.files import replacing
from synthnotes.machinery.progress import Bar
from synthnotes.machinery.sections import CodingParams
from synthnotes.machinery.workdir import disk_space_needed

FILE = "checkpoint.pt"


@dataclass
class Progress:
    """A training under way: all that the next epoch depends on, but the random state of torch.

    Attributes:
        model: the coder.
        optimizer: of its weights.
        schedule: of the learning rate, one step per update.
        rng: draws the order of the notes.
        curve: a row per finished epoch: epoch, training loss, validation MAP, validation micro-F1.
        best_epoch: counted from 1; 0 before the first.
        best_threshold: on the validation notes, with the weights of that epoch.
        best_weights: of that epoch, on the CPU.
    """

    model: PlmIcd
    optimizer: Optimizer
    schedule: LRScheduler
    rng: np.random.Generator
    curve: list[list[float]] = field(default_factory=list)
    best_epoch: int = 0
    best_threshold: float = 0.0
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def updates(self) -> int:
        """How many updates the weights have had; a progress bar that is not shown does not count."""
        return self.schedule.last_epoch

    @property
    def best_map(self) -> float:
        """The validation MAP of the best epoch, below every other before the first."""
        return self.curve[self.best_epoch - 1][2] if self.curve else -1.0

    def add(self, loss: float, average_precision: float, threshold: float, micro_f1: float) -> None:
        """Notes a finished epoch, and keeps its weights if it is better than all before."""
        if average_precision > self.best_map:
            self.best_epoch, self.best_threshold = len(self.curve) + 1, float(threshold)
            self.best_weights = {name: value.to("cpu", copy=True) for name, value in self.model.state_dict().items()}
        self.curve.append([len(self.curve) + 1, float(loss), float(average_precision), float(micro_f1)])

    def is_over(self, settings: CodingParams) -> bool:
        """Whether all epochs are done, or the last `patience` of them brought nothing better."""
        done = len(self.curve)
        tired = settings.patience is not None and done - self.best_epoch >= settings.patience and done > 0
        return done >= settings.epochs or tired


def save(folder: Path, progress: Progress) -> None:
    """Writes the checkpoint of a finished epoch in the place of the one before, all of it or nothing."""
    state = {
        "model": progress.model.state_dict(),
        "optimizer": progress.optimizer.state_dict(),
        "schedule": progress.schedule.state_dict(),
        "order": json.dumps(progress.rng.bit_generator.state),
        "dropout": _random_state(progress.model),
        "curve": progress.curve,
        "best_epoch": progress.best_epoch,
        "best_threshold": progress.best_threshold,
        "best_weights": progress.best_weights,
    }
    with disk_space_needed(folder), replacing(folder / FILE) as temporary:
        torch.save(state, temporary)


def resume(folder: Path, progress: Progress) -> None:
    """Puts a training where its checkpoint in the folder left it; does nothing where there is none or a damaged one."""
    path = folder / FILE
    if not path.exists():
        return
    state = _read(path)
    if state is None:
        Bar.write(f"coding: {path} is damaged; training starts again from the first epoch.", file=sys.stderr)
        return
    progress.model.load_state_dict(state["model"])
    progress.optimizer.load_state_dict(state["optimizer"])
    progress.schedule.load_state_dict(state["schedule"])
    progress.rng.bit_generator.state = json.loads(state["order"])
    _set_random_state(progress.model, state["dropout"])
    progress.curve, progress.best_weights = state["curve"], state["best_weights"]
    progress.best_epoch, progress.best_threshold = state["best_epoch"], state["best_threshold"]


def _read(path: Path) -> dict[str, Any] | None:
    """Reads a checkpoint without running any code in it; None if a single bit of it has changed."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:  # PyTorch does not compare the checksums that it writes
                return None
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # a damaged file raises whatever its bytes happen to mean
        return None


def _random_state(model: PlmIcd) -> torch.Tensor:
    device = model.attention.bias.device
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _set_random_state(model: PlmIcd, state: torch.Tensor) -> None:
    device = model.attention.bias.device
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)
