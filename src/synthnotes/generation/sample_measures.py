"""Measures of samples: how they end and differ, what they are as texts, and whether they show the codes asked for.

And of the records that they are asked by: what these hold, and what their prompts lack.

The last is what the ablation of repetition penalty and temperature is after. vLLM's repetition penalty counts the
prompt's tokens, too, so that it punishes the very words of the diagnoses that a note is asked for (Keskar et al. 2019
penalise what was generated alone).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from synthnotes.generation.records import Record
from synthnotes.generation.sampling import TOO_LONG
from synthnotes.machinery.disclosure import over, people, setting, share

PAIRS = 2000  # pairs of notes that a mean similarity is taken over
LOOP_WORDS, LOOP_TIMES = 20, 3  # a note loops if it holds the same 20 words in a row three times
NEAR_IDENTICAL = 0.9  # Jaccard index of word sets from which on two notes are near-identical

TELLING_HITS = 3  # a note with fewer function words of every language tells nothing about its language
_WORD = re.compile(r"[^\W\d_]+")


def summarise_records(records: Sequence[Record], notes: pd.DataFrame) -> dict[str, Any]:
    """Counts what the records of a note table hold, and what their prompts lack (repair c).

    Args:
        records: of the notes of the table.
        notes: note table.

    Returns:
        Numbers of records and codes; of codes without a description, and of the prompts that are shortened or left
        without any by that; mean numbers of descriptions per prompt and of words (split at white space) per prompt and
        note.
    """
    codes, titles = notes["codes"].map(len), notes["descriptions"].map(len)
    prompt_words = pd.Series([len(record.prompt.split()) for record in records])
    counts = {
        "records": len(notes),
        "codes": int(codes.sum()),
        "codes_without_description": int((codes - titles).sum()),
        "prompts_shortened": int(((titles < codes) & (titles > 0)).sum()),
        "prompts_without_descriptions": int((titles == 0).sum()),
    }
    means = {
        "mean_descriptions": round(float(titles.mean()), 3),
        "mean_prompt_words": round(float(prompt_words.mean()), 2),
        "mean_note_words": round(float(_count_words(notes["text"]).mean()), 2),
    }
    return {name: people(count) for name, count in counts.items()} | over(len(notes), means)


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
    copies = first["text"].value_counts()
    prompts = int(samples["note_id"].nunique())
    too_long = prompts - int(drawn["note_id"].nunique())
    # How a sample ends is the generator's doing: of the people behind the prompts, it tells in the mean alone.
    measures = {
        "prompts": people(prompts),
        "prompts_too_long": people(too_long),
        "samples": people(len(drawn), of=len(drawn) + too_long),
        "share_stopped": _round((drawn["finish_reason"] == "stop").mean()),
        "share_cut": _round((drawn["finish_reason"] == "length").mean()),
        "empty": int((drawn["text"].str.strip() == "").sum()),
        "empty_first": int((first["text"].str.strip() == "").sum()),
        "prompt_tokens": int(first["prompt_tokens"].sum()),
        "new_tokens": int(drawn["new_tokens"].sum()),
        "mean_log_probability": _round(drawn["mean_log_probability"].mean()),
        "mean_words": _round(_count_words(drawn["text"]).mean()),
        "identical_first_pairs": int((copies * (copies - 1) // 2).sum()),
        "similarity": {
            "between_prompts": _similarity_between(first["text"].tolist(), seed),
            "within_prompts": _similarity_within(drawn, seed),
        },
    }
    return over(prompts, measures)


def assess(
    samples: pd.DataFrame, real: pd.Series, language: str, stop_words: Mapping[str, frozenset[str]]
) -> dict[str, Any]:
    """Compares samples as texts with the real notes of their prompts.

    Args:
        samples: table with note_id, text and finish_reason.
        real: the texts of the real notes.
        language: that of the corpus.
        stop_words: function words, by language.

    Returns:
        For `real` and `samples` what `describe_texts` gives, and in `prompts_near_identical` the number and share of
        the prompts of which all samples are near-identical (of those with two samples or more).
    """
    drawn = samples[samples["finish_reason"] != TOO_LONG]
    several = [texts.tolist() for _, texts in drawn.groupby("note_id", sort=False)["text"] if len(texts) > 1]
    alike = sum(map(near_identical, several))
    return {
        "real": describe_texts(real, language, stop_words),
        "samples": describe_texts(drawn["text"], language, stop_words),
        "prompts_near_identical": {"prompts": people(alike), "share": share(alike, len(several), digits=4)},
    }


def describe_texts(texts: pd.Series, language: str, stop_words: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    """Describes notes as texts; all None if there are none.

    Returns:
        Mean, median, and 5th and 95th percentile of their words; the share of them that loop, that are empty, that are
        in another language than their corpus, and that hold too few function words to tell.
    """
    lengths = _count_words(texts)
    languages = [detect_language(text, stop_words) for text in texts]
    measures = {
        "mean_words": lengths.mean(),
        "median_words": lengths.median(),
        "percentile_5_words": lengths.quantile(0.05),
        "percentile_95_words": lengths.quantile(0.95),
    }
    counts = {
        "share_looping": sum(map(loops, texts)),
        "share_empty": int((lengths == 0).sum()),
        "share_other_language": sum(found not in (language, None) for found in languages),
        "share_language_unknown": sum(found is None for found in languages),
    }
    described = {name: _round(measure) for name, measure in measures.items()}
    return over(len(texts), described) | {name: share(count, len(texts), digits=4) for name, count in counts.items()}


def describe_setting(samples: pd.DataFrame, penalty: float, temperature: float) -> dict[str, Any]:
    """Describes the samples of one pair of values: how they ended, how long they are, how many of them loop."""
    measures = {
        "samples": len(samples),
        "share_stopped": _round((samples["finish_reason"] == "stop").mean()),
        "mean_words": _round(_count_words(samples["text"]).mean()),
        "share_looping": _round(samples["text"].map(loops).mean()),
        "mean_log_probability": _round(samples["mean_log_probability"].mean()),
    }
    return setting({"repetition_penalty": penalty, "temperature": temperature}) | over(len(samples), measures)


def count_codes_found(
    notes: pd.DataFrame, codes: Sequence[str], titled: set[str], predicted: np.ndarray
) -> dict[str, Any]:
    """Counts how many of the prompted codes a coder finds again in the notes.

    Args:
        notes: note table; the codes of a note that have a title were in its prompt.
        codes: the coder's codes.
        titled: the codes that have a title.
        predicted: bool [notes, codes], what the coder finds.

    Returns:
        The prompted codes, those of them that are found and their share, the predicted codes per note, and the share of
        the words of the prompted titles that stand in the note.
    """
    column = {code: index for index, code in enumerate(codes)}
    prompted = [[column[code] for code in listed if code in titled] for listed in notes["codes"]]
    total = sum(map(len, prompted))
    found = sum(int(row[columns].sum()) for row, columns in zip(predicted, prompted, strict=True))
    of_titles = [set(words(" ".join(titles))) for titles in notes["descriptions"]]
    asked = sum(map(len, of_titles))
    repeated = sum(len(own & set(words(text))) for own, text in zip(of_titles, notes["text"], strict=True))
    measures = {
        "prompted_codes": total,
        "found_codes": found,
        "share_found": round(found / total, 4) if total else None,
        "predicted_per_note": _round(predicted.sum() / len(notes)),
        "share_of_title_words": round(repeated / asked, 4) if asked else None,
    }
    return over(len(notes), measures)


def words(text: str) -> list[str]:
    """Gives a text's runs of letters, in lower case."""
    return _WORD.findall(text.lower())


def loops(text: str) -> bool:
    """Whether a note repeats itself: any 20 words in a row (split at white space) occur at least three times."""
    tokens = text.split()
    runs = Counter(tuple(tokens[start : start + LOOP_WORDS]) for start in range(len(tokens) - LOOP_WORDS + 1))
    return max(runs.values(), default=0) >= LOOP_TIMES


def detect_language(text: str, stop_words: Mapping[str, frozenset[str]]) -> str | None:
    """Tells by function words in which of some languages a note is: the one with most hits.

    None on a tie, or where none has three.
    """
    counts = Counter(words(text))
    hits = {language: sum(counts[word] for word in known) for language, known in stop_words.items()}
    most = max(hits.values(), default=0)
    found = [language for language, of_language in hits.items() if of_language == most]
    return found[0] if most >= TELLING_HITS and len(found) == 1 else None


def jaccard(first: str, second: str) -> float:
    """Gives the Jaccard index of two texts' sets of lower-case words; of two empty texts 1."""
    a, b = set(first.lower().split()), set(second.lower().split())
    return len(a & b) / len(a | b) if a | b else 1.0


def near_identical(texts: Sequence[str]) -> bool:
    """Whether all of several texts are near-identical: every two have a Jaccard index of 0.9 or more."""
    return len(texts) > 1 and all(jaccard(a, b) >= NEAR_IDENTICAL for a, b in combinations(texts, 2))


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


def _mean_similarity(pairs: Iterable[tuple[str, str]]) -> float | None:
    return _round(np.mean([jaccard(a, b) for a, b in pairs]))


def _count_words(texts: pd.Series) -> pd.Series:
    return texts.str.split().map(len).astype(float)


def _round(value: float | np.floating) -> float | None:
    """To four digits; None for the mean of nothing."""
    return None if np.isnan(value) else round(float(value), 4)
