"""Ablation: what repetition penalty and temperature do to the samples, above all to the codes that they should show.

vLLM's repetition penalty counts the prompt's tokens, too, so that it punishes the very words of the diagnoses that a
note is asked for (Keskar et al. 2019 penalise what was generated alone).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthnotes.generation.quality import loops, words
from synthnotes.machinery.disclosure import over, setting


def to_code(samples: pd.DataFrame, real: pd.DataFrame) -> pd.DataFrame:
    """Gives the note table of all samples, for a coder: each with the codes of the real note that prompted it.

    Args:
        samples: table with note_id, sample and text.
        real: note table that the prompts come from.
    """
    prompted = real.set_index("note_id").loc[samples["note_id"]].reset_index()
    ids = [f"{note_id} {sample}" for note_id, sample in zip(samples["note_id"], samples["sample"], strict=True)]
    return prompted.assign(note_id=ids, text=samples["text"].to_numpy())


def codes_found(notes: pd.DataFrame, codes: Sequence[str], titled: set[str], predicted: np.ndarray) -> dict[str, Any]:
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
    asked = repeated = 0
    for titles, text in zip(notes["descriptions"], notes["text"], strict=True):
        of_titles = set(words(" ".join(titles)))
        asked += len(of_titles)
        repeated += len(of_titles & set(words(text)))
    measures = {
        "prompted_codes": total,
        "found_codes": found,
        "share_found": round(found / total, 4) if total else None,
        "predicted_per_note": round(float(predicted.sum()) / len(notes), 4),
        "share_of_title_words": round(repeated / asked, 4) if asked else None,
    }
    return over(len(notes), measures)


def describe(samples: pd.DataFrame, penalty: float, temperature: float) -> dict[str, Any]:
    """Describes the samples of one pair of values: how they ended, how long they are, how many of them loop."""
    measures = {
        "samples": len(samples),
        "share_stopped": round(float((samples["finish_reason"] == "stop").mean()), 4),
        "mean_words": round(float(samples["text"].str.split().map(len).mean()), 4),
        "share_looping": round(float(samples["text"].map(loops).mean()), 4),
        "mean_log_probability": round(float(samples["mean_log_probability"].mean()), 4),
    }
    return setting({"repetition_penalty": penalty, "temperature": temperature}) | over(len(samples), measures)
