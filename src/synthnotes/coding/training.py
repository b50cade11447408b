"""Training the coder: AdamW with warm-up and linear decay; the epoch with the best validation MAP gives the weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import AdamW
from tqdm import tqdm
from transformers import get_linear_schedule_with_warmup

from synthnotes.coding import thresholds
from synthnotes.coding.data import EncodedNotes, batches, pack
from synthnotes.coding.metrics import mean_average_precision
from synthnotes.coding.model import PlmIcd
from synthnotes.files import UserError
from synthnotes.sections import CodingParams


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


def fit(model: PlmIcd, training: EncodedNotes, validation: EncodedNotes, settings: CodingParams) -> Fit:
    """Trains the model in place.

    Deterministic on a CPU: the order of the notes and the dropout follow from the seed.

    Args:
        model: the coder, on its device.
        training: the notes to learn from, at least two.
        validation: the notes that choose epoch and threshold, at least one.
        settings: the section `coding`.

    Raises:
        UserError: there are too few notes, or the loss became infinite or not a number.
    """
    require_enough(training, validation)
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    truth = validation.labels.toarray()
    if settings.bias_from_frequencies:
        model.attention.start_at(smoothed_shares(training))
    steps = settings.epochs * math.ceil(len(training) / settings.batch)
    optimizer = AdamW(model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, settings.warmup_steps, steps)
    epochs, best = [], -1.0
    with tqdm(total=steps, desc="train", unit="step", leave=False, disable=None) as progress:
        for epoch in range(1, settings.epochs + 1):
            model.train()
            total = 0.0
            for indices in batches(training.lengths, settings.batch, rng):
                loss = loss_of(model, training, indices, settings)
                note_ids = [training.note_ids[index] for index in indices]
                total += require_finite(loss.item(), f"{progress.n + 1} of {steps}", note_ids) * len(indices)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                progress.update()
            probabilities = predict(model, validation, settings)
            threshold, micro_f1 = thresholds.best(truth, probabilities, settings.threshold_steps)
            average_precision = mean_average_precision(truth, probabilities)
            epochs.append((epoch, total / len(training), average_precision, micro_f1))
            progress.set_postfix(loss=f"{total / len(training):.4f}", validation_map=f"{average_precision:.3f}")
            if average_precision > best:
                best, best_epoch, best_threshold = average_precision, epoch, threshold
                best_weights = {name: value.to("cpu", copy=True) for name, value in model.state_dict().items()}
    model.load_state_dict(best_weights)
    curve = pd.DataFrame(epochs, columns=["epoch", "training_loss", "validation_map", "validation_micro_f1"])
    return Fit(best_epoch, best, best_threshold, curve)


@torch.inference_mode()
def predict(model: PlmIcd, notes: EncodedNotes, settings: CodingParams) -> np.ndarray:
    """The probability of every code for every note: float32 [notes, codes]."""
    model.eval()
    probabilities = np.empty(notes.labels.shape, dtype=np.float32)
    by_length = np.argsort(notes.lengths, kind="stable")
    for start in tqdm(range(0, len(notes), settings.batch), desc="predict", unit="batch", leave=False, disable=None):
        indices = by_length[start : start + settings.batch]
        probabilities[indices] = torch.sigmoid(logits_of(model, notes, indices, settings)).cpu().numpy()
    return probabilities


def loss_of(model: PlmIcd, notes: EncodedNotes, indices: np.ndarray, settings: CodingParams) -> torch.Tensor:
    """Mean binary cross-entropy over the notes of one batch and all codes."""
    logits = logits_of(model, notes, indices, settings)
    targets = torch.from_numpy(notes.labels[indices].toarray()).to(logits)
    return binary_cross_entropy_with_logits(logits, targets)


def logits_of(model: PlmIcd, notes: EncodedNotes, indices: np.ndarray, settings: CodingParams) -> torch.Tensor:
    """The logits of one batch, float32 [indices, codes]; mixed precision only on a GPU."""
    device = model.attention.bias.device
    tokens = [notes.tokens[index] for index in indices]
    chunks = pack(tokens, settings.chunk_tokens, notes.padding_id, settings.attend_to_padding).to(device)
    mixed = settings.precision == "bfloat16" and device.type == "cuda"
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed):
        return model(chunks)


def smoothed_shares(notes: EncodedNotes) -> np.ndarray:
    """Each code's share of the notes, [codes]; half a note is added with and half a note without the code."""
    return (notes.labels.sum(axis=0) + 0.5) / (len(notes) + 1)


def require_enough(training: EncodedNotes, validation: EncodedNotes) -> None:
    """Raises a `UserError` if there is nothing to learn from or nothing to choose by."""
    if len(training) < 2 or len(validation) < 1:
        raise UserError(
            f"the coder's training table holds {len(training)} notes of fold train and {len(validation)} of fold "
            "validation, expected at least 2 and 1. Bring more notes, or change corpus.validation_share."
        )


def require_finite(loss: float, step: str, note_ids: Sequence[str]) -> float:
    """Gives the loss back, or raises a `UserError` if training has diverged."""
    if not math.isfinite(loss):
        raise UserError(
            f"the coder's loss became {loss} in step {step}, on the notes {', '.join(note_ids)}; nothing was saved. "
            "Lower coding.learning_rate or raise coding.warmup_steps in params.yaml."
        )
    return loss
