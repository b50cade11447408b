"""Training the coder: AdamW with warm-up and linear decay; the epoch with the best validation MAP gives the weights.

One threshold for all codes is tuned on the validation notes (Edin et al., SIGIR 2023).

Several processes may train one coder: each reads its part of every batch, and the gradients are added up. After each
epoch a checkpoint is left, from which a killed run goes on.
"""

import json
import math
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import torch
from accelerate import PartialState
from torch import distributed
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler
from transformers import get_linear_schedule_with_warmup

from synthnotes.coding.plm_icd.data import EncodedNotes, batches
from synthnotes.coding.plm_icd.model import PlmIcd, compute_logits, predict
from synthnotes.coding.rates import f1, mean_average_precision
from synthnotes.machinery.files import UserError, disk_space_needed, replacing
from synthnotes.machinery.params import CodingParams
from synthnotes.machinery.progress import Bar

CHECKPOINT = "checkpoint.pt"
STATES = ("model", "optimizer", "schedule")  # in a checkpoint, beside the random states and
FOUND = ("curve", "best_epoch", "best_threshold", "best_weights")
CURVE = ["epoch", "training_loss", "validation_map", "validation_micro_f1"]


@dataclass(frozen=True)
class Fit:
    """What training found out; the model itself holds the weights of the best epoch.

    MAP and threshold are those of the best epoch (from 1, the first among equals) on the validation notes; the curve
    has a row of `CURVE` per epoch, with the micro-F1 at the epoch's best threshold.
    """

    best_epoch: int
    validation_map: float
    threshold: float
    curve: pd.DataFrame


@dataclass
class Progress:
    """A training under way: all that the next epoch depends on, but the random state of torch.

    `rng` draws the order of the notes, `curve` has a row of the values of `CURVE` per finished epoch, and `best_epoch`
    is 0 before the first; threshold and weights (on the CPU) are those of the best epoch.
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


def processes() -> PartialState:
    """The processes that accelerate has started, or this one alone; they talk by gloo where there is no GPU."""
    return PartialState(cpu=not torch.cuda.is_available())


def fit(
    model: PlmIcd,
    training: EncodedNotes,
    validation: EncodedNotes,
    settings: CodingParams,
    seed: int,
    micro_batch: int | None = None,
    work: Path | None = None,
) -> Fit:
    """Trains the model in place; the processes that train together all end with the same weights.

    Deterministic on a CPU: the order of the notes and the dropout follow from the seed, also in a run that was killed
    and goes on from its last finished epoch, whose checkpoint is in `work`.

    Raises:
        UserError: there are too few notes, or the loss became infinite or not a number.
    """
    require_enough(training, validation)
    own = processes()
    torch.manual_seed(seed + own.process_index)  # each process draws its own dropout
    if settings.bias_from_frequencies:
        # Half a note is added with and half a note without each code.
        model.attention.start_at((training.labels.sum(axis=0) + 0.5) / (len(training) + 1))
    truth = validation.labels.toarray()
    steps = settings.epochs * math.ceil(len(training) / settings.batch)
    optimizer = AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, settings.warmup_steps, steps)
    progress = Progress(model, optimizer, schedule, np.random.default_rng(seed))
    if work is not None:
        resume(work, progress)
    if progress.curve and not own.is_main_process:  # the checkpoint holds the first process's random state
        torch.manual_seed(seed + own.process_index + own.num_processes * len(progress.curve))
    done = len(progress.curve) * steps // settings.epochs
    with Bar(total=steps, initial=done, desc="train", unit="step", leave=False, disable=not own.is_main_process) as bar:
        while not progress.is_over(settings):
            loss = train_epoch(progress, training, settings, bar, micro_batch)
            probabilities = predict(model, validation, settings, micro_batch)
            require_numbers(probabilities, f"{progress.updates} of {steps}", validation)
            threshold, micro_f1 = best_threshold(truth, probabilities, settings.threshold_steps)
            progress.add(loss, mean_average_precision(truth, probabilities), threshold, micro_f1)
            if work is not None and own.is_main_process:
                save_checkpoint(work, progress)
            bar.set_postfix(loss=f"{loss:.4f}", best_validation_map=f"{progress.best_map:.3f}")
    model.load_state_dict(progress.best_weights)
    curve = pd.DataFrame(progress.curve, columns=CURVE).astype({"epoch": int})
    return Fit(progress.best_epoch, progress.best_map, progress.best_threshold, curve)


def train_epoch(
    progress: Progress,
    training: EncodedNotes,
    settings: CodingParams,
    bar: Bar,
    micro_batch: int | None = None,
) -> float:
    """Lets the model learn from every note once. Returns the mean loss over the notes."""
    progress.model.train()
    total = 0.0
    for indices in batches(training.lengths, settings.batch, progress.rng):
        progress.optimizer.zero_grad()
        loss = accumulate_gradients(progress.model, training, indices, settings, micro_batch)
        require_finite(loss, f"{progress.updates + 1} of {bar.total}", training, indices)
        progress.optimizer.step()
        progress.schedule.step()
        bar.update()
        total += loss * len(indices)
    return total / len(training)


def accumulate_gradients(
    model: PlmIcd,
    notes: EncodedNotes,
    indices: np.ndarray,
    settings: CodingParams,
    micro_batch: int | None = None,
) -> float:
    """Adds up the gradients of one batch, `micro_batch` notes at a time; they are those of the whole batch.

    Each process reads its part. Notes of a batch are sorted by length, so that the parts are alike. Returns the loss of
    the whole batch: mean binary cross-entropy over its notes and all codes.
    """
    total = torch.zeros((), device=model.attention.bias.device, dtype=torch.float64)
    together = processes()
    own = indices[together.process_index :: together.num_processes]
    size = micro_batch or settings.batch
    for start in range(0, len(own), size):
        part = own[start : start + size]
        logits = compute_logits(model, notes, part, settings)
        targets = torch.from_numpy(notes.labels[part].toarray()).to(logits)
        loss = binary_cross_entropy_with_logits(logits, targets) * (len(part) / len(indices))
        loss.backward()
        total += loss.detach()
    if together.num_processes > 1:
        distributed.all_reduce(total)
        for weight in model.parameters():
            if weight.grad is None:  # a process without notes in this batch adds zeros
                weight.grad = torch.zeros_like(weight)
            distributed.all_reduce(weight.grad)
    return total.item()


def best_threshold(truth: np.ndarray, probabilities: np.ndarray, steps: int) -> tuple[float, float]:
    """Finds the threshold with the best micro-F1 over all codes, and that; the lowest among equals.

    A code is predicted where its probability is greater than the threshold, both as `predictions.above` compares them.

    Args:
        truth, probabilities: [notes, codes].
        steps: how many equidistant thresholds in [0, 1] to try.
    """
    values = np.linspace(0, 1, steps).astype(np.float32)
    # For each decision, below how many of the thresholds does it lie? One pass gives the counts at all of them.
    exceeded = np.searchsorted(values, probabilities.astype(np.float16).astype(np.float32), side="left")
    predicted, correct = (
        np.bincount(decisions, minlength=steps + 1)[::-1].cumsum()[::-1][1:]  # that exceed at least so many
        for decisions in (exceeded.ravel(), exceeded[truth])
    )
    scores = f1(truth.sum(), predicted, correct)
    chosen = int(scores.argmax())
    return float(values[chosen]), float(scores[chosen])


def save_checkpoint(folder: Path, progress: Progress) -> None:
    """Writes the checkpoint of a finished epoch in the place of the one before, all of it or nothing."""
    state = {name: getattr(progress, name).state_dict() for name in STATES}
    state |= {name: getattr(progress, name) for name in FOUND}
    state |= {"order": json.dumps(progress.rng.bit_generator.state)}
    state |= {"dropout": _random(progress.model).get_rng_state()}
    with disk_space_needed(folder), replacing(folder / CHECKPOINT) as temporary:
        torch.save(state, temporary)


def resume(folder: Path, progress: Progress) -> None:
    """Puts a training where its checkpoint in the folder left it; does nothing where there is none or a damaged one."""
    path = folder / CHECKPOINT
    if not path.exists():
        return
    state = _read_checkpoint(path)
    if state is None:
        Bar.write(f"coding: {path} is damaged; training starts again from the first epoch.", file=sys.stderr)
        return
    for name in STATES:
        getattr(progress, name).load_state_dict(state[name])
    for name in FOUND:
        setattr(progress, name, state[name])
    progress.rng.bit_generator.state = json.loads(state["order"])
    _random(progress.model).set_rng_state(state["dropout"])


def _read_checkpoint(path: Path) -> dict[str, Any] | None:
    """Reads a checkpoint without running any code in it; None if a single bit of it has changed."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:  # PyTorch does not compare the checksums that it writes
                return None
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # a damaged file raises whatever its bytes happen to mean
        return None


def _random(model: PlmIcd) -> ModuleType:
    """What holds the random state of the model's device."""
    return torch.cuda if model.attention.bias.device.type == "cuda" else torch


def require_enough(training: EncodedNotes, validation: EncodedNotes) -> None:
    """Raises a `UserError` if there is nothing to learn from or nothing to choose by."""
    if len(training) < 2 or len(validation) < 1:
        raise UserError(
            f"the coder's training table holds {len(training)} notes of fold train and {len(validation)} of fold "
            "validation, expected at least 2 and 1. Bring more notes, or change corpus.validation_share; of synthetic "
            "ones, those that the generator left empty are not counted."
        )


def require_finite(loss: float, step: str, notes: EncodedNotes, indices: np.ndarray) -> None:
    """Raises a `UserError` with the step and the ids of its notes if training has diverged."""
    if not math.isfinite(loss):
        raise UserError(
            f"the coder's loss became {loss} in step {step}, on the notes "
            f"{', '.join(notes.note_ids[index] for index in indices)}; nothing was saved. "
            "Lower coding.learning_rate or raise coding.warmup_steps in params.yaml."
        )


def require_numbers(probabilities: np.ndarray, step: str, notes: EncodedNotes) -> None:
    """Raises a `UserError` if the last step of an epoch, whose loss was still finite, has ruined the weights."""
    ruined = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if len(ruined):
        raise UserError(
            f"after step {step}, the coder's probabilities for {len(ruined)} validation notes are no numbers, "
            f"the first is {notes.note_ids[ruined[0]]}; nothing was saved. "
            "Lower coding.learning_rate or raise coding.warmup_steps in params.yaml."
        )
