"""Samples: the synthetic corpus that they make, and what can be said of them as a whole."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from synthnotes.generation.sampling import TOO_LONG

PAIRS = 2000  # pairs of notes that a mean similarity is taken over


def first_samples(samples: pd.DataFrame, real: pd.DataFrame) -> pd.DataFrame:
    """Makes the note table of the synthetic corpus: each prompt's first sample, with all but the text of its real note.

    Args:
        samples: table with note_id, sample and text.
        real: note table that the prompts come from.

    Returns:
        A note table in the order of `real`, without the notes whose first sample is empty.
    """
    first = samples[samples["sample"] == 0].set_index("note_id")["text"]
    synthetic = real.assign(text=real["note_id"].map(first).fillna(""))
    return synthetic[synthetic["text"].str.strip() != ""].reset_index(drop=True)


def summarise(samples: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Describes samples: how they ended, how long they are, and how much they differ.

    Similarity is the Jaccard index of two notes' sets of lower-case words, averaged over at most 2,000 random pairs:
    first samples of two prompts (`between_prompts`) against the first two samples of one prompt (`within_prompts`).
    Where prompts decide what a note says, the second is clearly higher.

    Args:
        samples: table with note_id, sample, text, finish_reason, prompt_tokens and new_tokens.
        seed: draws the pairs.
    """
    drawn = samples[samples["finish_reason"] != TOO_LONG]
    first = drawn[drawn["sample"] == 0]
    ends = drawn["finish_reason"].value_counts()
    copies = first["text"].value_counts()
    return {
        "prompts": int(samples["note_id"].nunique()),
        "prompts_too_long": int(samples["note_id"].nunique() - drawn["note_id"].nunique()),
        "samples": len(drawn),
        "share_stopped": _round(ends.get("stop", 0) / len(drawn)) if len(drawn) else None,
        "share_cut": _round(ends.get("length", 0) / len(drawn)) if len(drawn) else None,
        "empty": int((drawn["text"].str.strip() == "").sum()),
        "empty_first": int((first["text"].str.strip() == "").sum()),
        "prompt_tokens": int(first["prompt_tokens"].sum()),
        "new_tokens": int(drawn["new_tokens"].sum()),
        "mean_words": _round(drawn["text"].str.split().map(len).mean()) if len(drawn) else None,
        "identical_first_pairs": int((copies * (copies - 1) // 2).sum()),
        "similarity": {
            "between_prompts": _similarity_between(first["text"].tolist(), seed),
            "within_prompts": _similarity_within(drawn, seed),
        },
    }


def jaccard(first: str, second: str) -> float:
    """Gives the Jaccard index of two texts' sets of lower-case words; of two empty texts 1."""
    a, b = set(first.lower().split()), set(second.lower().split())
    return len(a & b) / len(a | b) if a | b else 1.0


def _similarity_between(texts: list[str], seed: int) -> float | None:
    if len(texts) < 2:
        return None
    generator = np.random.default_rng(seed)
    left = generator.integers(len(texts), size=PAIRS)
    right = (left + generator.integers(1, len(texts), size=PAIRS)) % len(texts)  # never the same note
    return _mean_similarity((texts[i], texts[j]) for i, j in zip(left, right, strict=True))


def _similarity_within(drawn: pd.DataFrame, seed: int) -> float | None:
    two = drawn[drawn["sample"] < 2].pivot(index="note_id", columns="sample", values="text").dropna()
    if two.shape[1] < 2 or two.empty:
        return None
    chosen = two.sample(min(PAIRS, len(two)), random_state=seed)
    return _mean_similarity(zip(chosen[0], chosen[1], strict=True))


def _mean_similarity(pairs: Iterable[tuple[str, str]]) -> float:
    return _round(np.mean([jaccard(a, b) for a, b in pairs]))


def _round(value: float) -> float:
    return round(float(value), 4)
