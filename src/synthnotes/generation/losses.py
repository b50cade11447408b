"""Losses: the curve of fine-tuning, and what the tuned model makes of notes that it has not seen."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cross_entropy

from synthnotes.generation.encoding import NO_LOSS, TrainingTexts
from synthnotes.generation.models import load_generator


def curve(losses: Sequence[tuple[int, float]], updates: int) -> pd.DataFrame:
    """Averages the losses of the updates.

    Args:
        losses: of every update its number and its loss.
        updates: how many make a point. What is left over at the end makes none, unless there is no other.

    Returns:
        Table with `step`, the last update of each point, and `loss`.
    """
    points = [losses[start : start + updates] for start in range(0, max(len(losses) - updates, 0) + 1, updates)]
    rows = [(point[-1][0], float(np.mean([loss for _, loss in point]))) for point in points if point]
    return pd.DataFrame(rows, columns=["step", "loss"])


@torch.inference_mode()
def mean_loss(model: Path, texts: TrainingTexts, precision: str) -> float | None:
    """Gives a model's mean cross-entropy per response token of all texts; None if there is none.

    The texts are read one at a time, so that no padding comes in, on the GPU where there is one.

    Args:
        model: the merged model's folder.
        texts: what it has not been trained on.
        precision: `float32` or `bfloat16`, of its weights; the cross-entropy itself is float32.
    """
    if not texts.response_tokens:
        return None
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaded = load_generator(model, precision).to(device).eval()
    total = 0.0
    for ids, labels in zip(texts.input_ids, texts.labels, strict=True):
        tokens, expected = (torch.from_numpy(row).long().to(device) for row in (ids, labels))
        logits = loaded(input_ids=tokens[None], use_cache=False).logits[0, :-1].float()
        total += float(cross_entropy(logits, expected[1:], ignore_index=NO_LOSS, reduction="sum"))
    return total / texts.response_tokens
