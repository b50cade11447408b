"""Measures of training: the curve of fine-tuning, and what the tuned model makes of notes that it has not seen."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cross_entropy

from synthnotes.generation.encoding import NO_LOSS, TrainingTexts
from synthnotes.generation.generators import load_generator
from synthnotes.machinery.disclosure import over, people


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


def describe(counts: Mapping[str, Any], points: pd.DataFrame, unseen: float | None, validation: int) -> dict[str, Any]:
    """What is told of a training.

    Args:
        counts: of its texts and updates, as `fine_tuning.summarise` gives them.
        points: its curve.
        unseen: the tuned model's loss on notes that it has not seen; None where there are none.
        validation: how many notes these are.

    Returns:
        The counts, and the first, the last and the mean loss of the curve beside that on unseen notes.
    """
    records, cut, dropped, sequences = (
        counts[name] for name in ("records", "records_truncated", "records_dropped", "sequences_per_epoch")
    )
    losses = {
        "first_loss": points["loss"].iloc[0],
        "last_loss": points["loss"].iloc[-1],
        "mean_loss": points["loss"].mean(),
    }
    told = {
        **counts,
        "records": people(records),
        "records_truncated": people(cut),
        "records_dropped": people(dropped),
        "sequences_per_epoch": people(sequences, of=records),  # without packing, as many as were not dropped
        **{name: round(float(loss), 4) for name, loss in losses.items()},
        "validation_loss": over(validation, None if unseen is None else round(unseen, 4)),
    }
    return over(records, told)


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
