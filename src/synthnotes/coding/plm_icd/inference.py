"""Reading notes with a coder: logits of a few notes, probabilities of many."""

import numpy as np
import torch

from synthnotes.coding.plm_icd.data import EncodedNotes, pack
from synthnotes.coding.plm_icd.model import PlmIcd
from synthnotes.machinery.progress import Bar
from synthnotes.machinery.sections import CodingParams


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
