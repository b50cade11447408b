"""Training the coder: AdamW with warm-up and linear decay; the epoch with the best validation MAP gives the weights."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import AdamW
from transformers import get_linear_schedule_with_warmup

from synthnotes.coding.plm_icd import checkpoints, thresholds
from synthnotes.coding.plm_icd.checkpoints import Progress
from synthnotes.coding.plm_icd.data import EncodedNotes, batches
from synthnotes.coding.plm_icd.model import PlmIcd
from synthnotes.coding.plm_icd.processes import ALONE, Processes
from synthnotes.coding.plm_icd.reading import logits_of, predict
from synthnotes.coding.ranking import mean_average_precision
from synthnotes.machinery.files import UserError
from synthnotes.machinery.progress import Bar
from synthnotes.machinery.sections import CodingParams

CURVE = ["epoch", "training_loss", "validation_map", "validation_micro_f1"]


@dataclass(frozen=True)
class Fit:
    """What training found out; the model itself holds the weights of the best epoch.

    Attributes:
        best_epoch: counted from 1; the first among equals.
        validation_map: mean average precision of the best epoch.
        threshold: the best on the validation notes, with the best epoch's weights.
        curve: one row per epoch: epoch, training_loss, validation_map, validation_micro_f1 (at the best threshold).
    """

    best_epoch: int
    validation_map: float
    threshold: float
    curve: pd.DataFrame


def fit(
    model: PlmIcd,
    training: EncodedNotes,
    validation: EncodedNotes,
    settings: CodingParams,
    seed: int,
    micro_batch: int | None = None,
    work: Path | None = None,
    processes: Processes = ALONE,
) -> Fit:
    """Trains the model in place.

    Deterministic on a CPU: the order of the notes and the dropout follow from the seed, also in a run that was killed
    and goes on from its last finished epoch.

    Args:
        model: the coder, on its device.
        training: the notes to learn from, at least two.
        validation: the notes that choose epoch and threshold, at least one.
        settings: the section `coding`.
        seed: of dropout and of the order of the notes.
        micro_batch: notes that are read at once, at most; None reads a whole batch.
        work: the folder of this very training's checkpoints; None to do without.
        processes: those that train together; all end with the same weights.

    Raises:
        UserError: there are too few notes, or the loss became infinite or not a number.
    """
    require_enough(training, validation)
    torch.manual_seed(seed + processes.rank)  # each process draws its own dropout
    if settings.bias_from_frequencies:
        model.attention.start_at(smoothed_shares(training))
    truth = validation.labels.toarray()
    steps = settings.epochs * math.ceil(len(training) / settings.batch)
    progress = start(model, settings, seed, steps)
    if work is not None:
        checkpoints.resume(work, progress)
    if progress.curve and not processes.is_first:  # the checkpoint holds the first process's random state
        torch.manual_seed(seed + processes.rank + processes.count * len(progress.curve))
    done = len(progress.curve) * steps // settings.epochs
    with Bar(total=steps, initial=done, desc="train", unit="step", leave=False, disable=processes.rank > 0) as bar:
        while not progress.is_over(settings):
            loss = train_epoch(progress, training, settings, bar, micro_batch, processes)
            probabilities = predict(model, validation, settings, micro_batch)
            require_numbers(probabilities, f"{progress.updates} of {steps}", validation)
            threshold, micro_f1 = thresholds.best(truth, probabilities, settings.threshold_steps)
            progress.add(loss, mean_average_precision(truth, probabilities), threshold, micro_f1)
            if work is not None and processes.is_first:
                checkpoints.save(work, progress)
            bar.set_postfix(loss=f"{loss:.4f}", best_validation_map=f"{progress.best_map:.3f}")
    model.load_state_dict(progress.best_weights)
    curve = pd.DataFrame(progress.curve, columns=CURVE).astype({"epoch": int})
    return Fit(progress.best_epoch, progress.best_map, progress.best_threshold, curve)


def start(model: PlmIcd, settings: CodingParams, seed: int, steps: int) -> Progress:
    """A training before its first epoch, that will take so many updates."""
    optimizer = AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, settings.warmup_steps, steps)
    return Progress(model, optimizer, schedule, np.random.default_rng(seed))


def train_epoch(
    progress: Progress,
    training: EncodedNotes,
    settings: CodingParams,
    bar: Bar,
    micro_batch: int | None = None,
    processes: Processes = ALONE,
) -> float:
    """Lets the model learn from every note once. Returns the mean loss over the notes."""
    progress.model.train()
    total = 0.0
    for indices in batches(training.lengths, settings.batch, progress.rng):
        progress.optimizer.zero_grad()
        loss = accumulate_gradients(progress.model, training, indices, settings, micro_batch, processes)
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
    processes: Processes = ALONE,
) -> float:
    """Adds up the gradients of one batch, `micro_batch` notes at a time; they are those of the whole batch.

    Returns:
        The loss of the whole batch.
    """
    total = torch.zeros((), device=model.attention.bias.device, dtype=torch.float64)
    own = processes.part(indices)
    size = micro_batch or settings.batch
    for start in range(0, len(own), size):
        part = own[start : start + size]
        loss = loss_of(model, notes, part, settings) * (len(part) / len(indices))
        loss.backward()
        total += loss.detach()
    if processes.count > 1:  # a process without notes in this batch adds zeros
        processes.add_up([total, *(gradient_of(weight) for weight in model.parameters())])
    return total.item()


def gradient_of(weight: torch.nn.Parameter) -> torch.Tensor:
    """A weight's gradient, zeros where nothing has been computed."""
    if weight.grad is None:
        weight.grad = torch.zeros_like(weight)
    return weight.grad


def loss_of(model: PlmIcd, notes: EncodedNotes, indices: np.ndarray, settings: CodingParams) -> torch.Tensor:
    """Mean binary cross-entropy over some notes and all codes."""
    logits = logits_of(model, notes, indices, settings)
    targets = torch.from_numpy(notes.labels[indices].toarray()).to(logits)
    return binary_cross_entropy_with_logits(logits, targets)


def smoothed_shares(notes: EncodedNotes) -> np.ndarray:
    """Each code's share of the notes, [codes]; half a note is added with and half a note without the code."""
    return (notes.labels.sum(axis=0) + 0.5) / (len(notes) + 1)


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
