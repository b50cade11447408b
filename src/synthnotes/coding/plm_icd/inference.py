"""Inference with a coder: logits of a few notes, probabilities of many, and the threshold that makes them decisions.

One threshold for all codes is tuned on the validation notes (Edin et al., SIGIR 2023).
"""

import numpy as np
import torch

from synthnotes.coding.plm_icd.data import EncodedNotes, pack
from synthnotes.coding.plm_icd.model import PlmIcd
from synthnotes.coding.rates import f1
from synthnotes.machinery.params import CodingParams
from synthnotes.machinery.progress import Bar


@torch.inference_mode()
def predict(model: PlmIcd, notes: EncodedNotes, settings: CodingParams, micro_batch: int | None = None) -> np.ndarray:
    """The probability of every code for every note: float32 [notes, codes]; `micro_batch` notes are read at once."""
    model.eval()
    size = micro_batch or settings.batch
    probabilities = np.empty(notes.labels.shape, dtype=np.float32)
    by_length = np.argsort(notes.lengths, kind="stable")
    for start in Bar(range(0, len(notes), size), desc="predict", unit="batch", leave=False):
        indices = by_length[start : start + size]
        probabilities[indices] = torch.sigmoid(logits_of(model, notes, indices, settings)).cpu().numpy()
    return probabilities


def logits_of(model: PlmIcd, notes: EncodedNotes, indices: np.ndarray, settings: CodingParams) -> torch.Tensor:
    """The logits of some notes, float32 [indices, codes]."""
    device = model.attention.bias.device
    tokens = [notes.tokens[index] for index in indices]
    kind = model.encoder.config.model_type
    chunks = pack(tokens, settings.chunk_tokens, notes.padding_id, settings.attend_to_padding, kind).to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=settings.precision == "bfloat16"):
        return model(chunks)


def best_threshold(truth: np.ndarray, probabilities: np.ndarray, steps: int) -> tuple[float, float]:
    """The threshold with the best micro-F1, out of equidistant values in [0, 1].

    A code is predicted where its probability is greater than the threshold, both as `predictions.above` compares them.

    Args:
        truth: bool [notes, codes].
        probabilities: float [notes, codes].
        steps: how many values to try; among equals the lowest wins.

    Returns:
        The threshold, and its micro-F1 over all codes.
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
