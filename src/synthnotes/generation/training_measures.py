"""Measures of fine-tuning: the curve of its loss, and its loss on notes that it has not seen."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthnotes.generation.generators import load_generator
from synthnotes.generation.records import NO_LOSS, TrainingTexts
from synthnotes.machinery.disclosure import over, people


def average_losses(losses: Sequence[tuple[int, float]], updates: int) -> pd.DataFrame:
    """Averages the losses of the updates, given with their numbers, over so many each: the training's curve.

    What is left over at the end makes no point, unless there is no other. Gives a table with `step`, the last update of
    each point, and `loss`.
    """
    points = [losses[start : start + updates] for start in range(0, max(len(losses) - updates, 0) + 1, updates)]
    rows = [(point[-1][0], float(np.mean([loss for _, loss in point]))) for point in points if point]
    return pd.DataFrame(rows, columns=["step", "loss"])


def describe_training(
    counts: Mapping[str, Any], points: pd.DataFrame, unseen: float | None, validation: int
) -> dict[str, Any]:
    """Gives the counts of a training, and the first, the last and the mean loss of its curve beside that on new notes.

    The counts are those of `fine_tuning.summarise`; `unseen` is the loss on `validation` notes, None where there are
    none.
    """
    records, losses = counts["records"], points["loss"]
    averages = {"first_loss": losses.iloc[0], "last_loss": losses.iloc[-1], "mean_loss": losses.mean()}
    described = {
        **counts,
        **{name: people(counts[name]) for name in ("records", "records_truncated", "records_dropped")},
        "sequences_per_epoch": people(counts["sequences_per_epoch"], of=records),  # unpacked, as many as not dropped
        **{name: round(float(loss), 4) for name, loss in averages.items()},
        "validation_loss": over(validation, None if unseen is None else round(unseen, 4)),
    }
    return over(records, described)


def mean_loss(model: Path, texts: TrainingTexts, precision: str) -> float | None:
    """Gives a model's mean cross-entropy per response token of all texts; None if there is none.

    The texts are read one at a time, so that no padding comes in, on the GPU where there is one. The weights have the
    precision, the cross-entropy itself is float32.
    """
    import torch
    from torch.nn.functional import cross_entropy

    if not texts.response_tokens:
        return None
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    loaded = load_generator(model, precision).to(device).eval()
    total = 0.0
    with torch.inference_mode():
        for ids, labels in zip(texts.input_ids, texts.labels, strict=True):
            tokens, expected = (torch.from_numpy(row).long().to(device) for row in (ids, labels))
            logits = loaded(input_ids=tokens[None], use_cache=False).logits[0, :-1].float()
            total += float(cross_entropy(logits, expected[1:], ignore_index=NO_LOSS, reduction="sum"))
    return total / texts.response_tokens
