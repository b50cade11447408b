"""Samples: what can be said of them as a whole, and against the real notes of their prompts."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from synthnotes.generation.quality import jaccard, language, loops, near_identical
from synthnotes.generation.sampling import TOO_LONG
from synthnotes.machinery.disclosure import over, people, share

PAIRS = 2000  # pairs of notes that a mean similarity is taken over


def summarise(samples: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Describes samples: how they ended, how long they are, and how much they differ.

    Similarity is the Jaccard index of two notes' sets of lower-case words, averaged over at most 2,000 random pairs:
    first samples of two prompts (`between_prompts`) against the first two samples of one prompt (`within_prompts`).
    Where prompts decide what a note says, the second is clearly higher.

    Args:
        samples: table with note_id, sample, text, finish_reason, prompt_tokens, new_tokens and mean_log_probability.
        seed: draws the pairs.
    """
    drawn = samples[samples["finish_reason"] != TOO_LONG]
    first = drawn[drawn["sample"] == 0]
    ends = drawn["finish_reason"].value_counts()
    copies = first["text"].value_counts()
    prompts = int(samples["note_id"].nunique())
    too_long = prompts - int(drawn["note_id"].nunique())
    # How a sample ends is the generator's doing: of the people behind the prompts, it tells in the mean alone.
    measures = {
        "prompts": people(prompts),
        "prompts_too_long": people(too_long),
        "samples": people(len(drawn), of=len(drawn) + too_long),
        "share_stopped": _round(ends.get("stop", 0) / len(drawn)) if len(drawn) else None,
        "share_cut": _round(ends.get("length", 0) / len(drawn)) if len(drawn) else None,
        "empty": int((drawn["text"].str.strip() == "").sum()),
        "empty_first": int((first["text"].str.strip() == "").sum()),
        "prompt_tokens": int(first["prompt_tokens"].sum()),
        "new_tokens": int(drawn["new_tokens"].sum()),
        "mean_log_probability": _round(drawn["mean_log_probability"].mean()) if len(drawn) else None,
        "mean_words": _round(drawn["text"].str.split().map(len).mean()) if len(drawn) else None,
        "identical_first_pairs": int((copies * (copies - 1) // 2).sum()),
        "similarity": {
            "between_prompts": _similarity_between(first["text"].tolist(), seed),
            "within_prompts": _similarity_within(drawn, seed),
        },
    }
    return over(prompts, measures)


def assess(samples: pd.DataFrame, real: pd.Series, corpus: str) -> dict[str, Any]:
    """Compares samples as texts with the real notes of their prompts.

    Args:
        samples: table with note_id, text and finish_reason.
        real: the texts of the real notes.
        corpus: `mimic` or `sepr`, which decides the language.

    Returns:
        For `real` and `samples` what `of_texts` gives, and in `prompts_near_identical` the number and share of the
        prompts of which all samples are near-identical (of those with two samples or more).
    """
    drawn = samples[samples["finish_reason"] != TOO_LONG]
    of_prompts = [texts.tolist() for _, texts in drawn.groupby("note_id", sort=False)["text"]]
    several = [texts for texts in of_prompts if len(texts) > 1]
    alike = sum(map(near_identical, several))
    return {
        "real": of_texts(real, corpus),
        "samples": of_texts(drawn["text"], corpus),
        "prompts_near_identical": {"prompts": people(alike), "share": share(alike, len(several), digits=4)},
    }


def of_texts(texts: pd.Series, corpus: str) -> dict[str, Any]:
    """Describes notes as texts; all None if there are none.

    Returns:
        Mean, median, and 5th and 95th percentile of their words; the share of them that loop, that are empty, that are
        in the other corpus's language, and that hold too few function words to tell.
    """
    lengths = texts.str.split().map(len).to_numpy(dtype=float)
    languages = [language(text) for text in texts]
    measures = {
        "mean_words": np.mean,
        "median_words": np.median,
        "percentile_5_words": lambda words: np.percentile(words, 5),
        "percentile_95_words": lambda words: np.percentile(words, 95),
    }
    counts = {
        "share_looping": sum(map(loops, texts)),
        "share_empty": int((lengths == 0).sum()),
        "share_other_language": sum(found not in (corpus, None) for found in languages),
        "share_language_unknown": sum(found is None for found in languages),
    }
    told = {name: _round(measure(lengths)) if len(texts) else None for name, measure in measures.items()}
    return over(len(texts), told) | {name: share(count, len(texts), digits=4) for name, count in counts.items()}


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
