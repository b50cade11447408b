"""Completeness of the prompts: what the instruction records of a note table hold, and what they lack (repair c)."""

from typing import Any

import pandas as pd

from synthnotes.generation.prompts import render_prompt
from synthnotes.machinery.disclosure import over, people


def summarise(corpus: str, notes: pd.DataFrame) -> dict[str, Any]:
    """Counts what the records of a note table hold, and what their prompts lack (repair c).

    Returns:
        Numbers of records and codes; of codes without a description, and of the prompts that are shortened or left
        without any by that; mean numbers of descriptions per prompt and of words (split at white space) per prompt and
        note.
    """
    codes, titles = notes["codes"].map(len), notes["descriptions"].map(len)
    prompt_words = notes["descriptions"].map(lambda descriptions: len(render_prompt(corpus, descriptions).split()))
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
        "mean_note_words": round(float(notes["text"].str.split().map(len).mean()), 2),
    }
    return {name: people(count) for name, count in counts.items()} | over(len(notes), means)
