"""Synthetic notes against a control: are they nearer to training than real notes that the generator never saw?

A nearest-neighbour score means nothing alone, since all discharge summaries share phrases. The control makes the same
search from unseen real notes (repairs q and r), matched in number: the larger side is sampled down to the smaller.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthnotes.privacy.overlap import ngram_overlap
from synthnotes.privacy.rouge import nearest_neighbours
from synthnotes.privacy.summaries import passage_summary, recall_distribution, recall_summary
from synthnotes.privacy.tokens import Tokenizer
from synthnotes.sections import PrivacyParams


class Comparison(NamedTuple):
    """Both measures for synthetic notes and control.

    Attributes:
        results: the summaries.
        neighbours: the columns of `nearest_neighbours` after `kind`, synthetic or control; patient data.
        distribution: recall by kind over the matched notes, as `recall_distribution` gives it.
    """

    results: dict[str, Any]
    neighbours: pd.DataFrame
    distribution: pd.DataFrame


def compare(
    training: Sequence[str],
    synthetic: Sequence[str],
    control: Sequence[str],
    settings: PrivacyParams,
    tokenizer: Tokenizer,
) -> Comparison:
    """Measures how near synthetic and control notes are to the training notes.

    Args:
        training: the notes that the generator was trained on, in training order.
        synthetic: the notes that it wrote.
        control: real notes that it never saw.
        settings: n-gram lengths, how many of the highest to summarise apart, and the seed of the control's sample.
        tokenizer: cuts notes into the words of ROUGE.
    """
    rng = np.random.default_rng(settings.seed)
    size = min(len(synthetic), len(control))
    matched = _sample(len(synthetic), size, rng)
    unseen = _sample(len(control), size, rng)
    control_notes = [control[index] for index in unseen]

    of_synthetic = nearest_neighbours(synthetic, training, settings.rouge_n, tokenizer)
    of_matched = of_synthetic.iloc[matched]
    of_control = nearest_neighbours(control_notes, training, settings.rouge_n, tokenizer)
    of_control["synthetic_index"] = unseen  # counts in the control's own table, as for the synthetic notes

    def passages(neighbours: pd.DataFrame, notes: Sequence[str]) -> dict[str, Any]:
        return passage_summary(neighbours, notes, training, settings.top_passages, settings.rouge_n, tokenizer)

    summaries = {
        "synthetic": recall_summary(of_synthetic, settings.top_recall),
        "synthetic_matched": recall_summary(of_matched, settings.top_recall),
        "control": recall_summary(of_control, settings.top_recall),
    }
    results = {
        "notes": {"training": len(training), "synthetic": len(synthetic), "control": len(control), "matched": size},
        "rouge": {
            "n": settings.rouge_n,
            "tokenizer": tokenizer,
            "recall": summaries | {"difference": _difference(summaries["synthetic_matched"], summaries["control"])},
            "passages": {"synthetic": passages(of_synthetic, synthetic), "control": passages(of_control, control)},
        },
        "overlap": _overlap(
            training, synthetic, [synthetic[index] for index in matched], control_notes, settings.overlap_n
        ),
    }
    neighbours = pd.concat({"synthetic": of_synthetic, "control": of_control}, names=["kind"]).reset_index("kind")
    distribution = recall_distribution({"synthetic": of_matched["recall"], "control": of_control["recall"]})
    return Comparison(results, neighbours, distribution)


def _sample(number: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of a random sample in ascending order; all positions where the sample is the whole."""
    return np.sort(rng.choice(number, size, replace=False))


def _difference(matched: dict[str, Any], control: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Synthetic minus control: above zero, synthetic notes lie nearer to training than unseen real ones."""
    return {
        notes: {statistic: matched[notes][statistic] - control[notes][statistic] for statistic in ("mean", "median")}
        for notes in ("all", "top")
    }


def _overlap(
    training: Sequence[str], synthetic: Sequence[str], matched: Sequence[str], control: Sequence[str], n: int
) -> dict[str, Any]:
    whole = ngram_overlap(training, synthetic, n)
    part = whole if len(matched) == len(synthetic) else ngram_overlap(training, matched, n)
    unseen = ngram_overlap(training, control, n)
    return {
        "n": n,
        **whole,
        "synthetic_matched_share": part["synthetic_share"],
        "control_unique": unseen["synthetic_unique"],
        "control_common": unseen["common"],
        "control_share": unseen["synthetic_share"],
    }
