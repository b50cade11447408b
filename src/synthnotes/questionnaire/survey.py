"""The questionnaire on readability and medical coherence (paper 8): which notes it holds, and in which order."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from synthnotes.machinery.files import UserError
from synthnotes.questionnaire.wording import Wording

KEY_COLUMNS = ("survey", "corpus", "note", "pair", "kind", "note_id")
ANSWER_COLUMNS = ("readability", "why_readability", "coherence", "why_coherence", "codes")
SHEET_COLUMNS = ("survey", "rater", "position", "note", *ANSWER_COLUMNS)


@dataclass(frozen=True)
class SurveyNote:
    """One note of the questionnaire.

    Attributes:
        number: 1, 2, … in the blinded order, the only mark that raters see.
        pair: 1, 2, …; the real and the synthetic note of a pair answer the same prompt.
        kind: real or synthetic, known to the key alone.
        note_id: of the prompt.
        text: the note.
    """

    number: int
    pair: int
    kind: str
    note_id: str
    text: str


def sample_pairs(
    real: pd.DataFrame, synthetic: pd.DataFrame, pairs: int, minimum_words: int, maximum_words: int, seed: int
) -> list[SurveyNote]:
    """Draws pairs of a real note and the synthetic note for its codes, and shuffles them.

    Args:
        real, synthetic: note tables; notes with the same note_id make a pair.
        pairs: how many pairs to draw.
        minimum_words, maximum_words: limits for both notes of a pair, in words split at white space.
        seed: of the draw and of the order.

    Raises:
        UserError: fewer pairs than asked for keep within the limits.
    """
    both = real[["note_id", "text"]].merge(
        synthetic[["note_id", "text"]], on="note_id", suffixes=("_real", "_synthetic")
    )
    fits = pd.Series(True, index=both.index)
    for column in ("text_real", "text_synthetic"):
        fits &= both[column].str.split().str.len().between(minimum_words, maximum_words)
    if fits.sum() < pairs:
        raise UserError(
            f"params.yaml: questionnaire.pairs asks for {pairs} pairs of notes, but only {int(fits.sum())} have "
            f"{minimum_words} to {maximum_words} words each. Ask for fewer pairs or widen the limits."
        )
    random = np.random.default_rng(seed)
    drawn = both[fits].iloc[random.choice(int(fits.sum()), size=pairs, replace=False)]
    notes = [
        (pair, kind, row["note_id"], row[f"text_{kind}"])
        for pair, (_, row) in enumerate(drawn.iterrows(), start=1)
        for kind in ("real", "synthetic")
    ]
    order = random.permutation(len(notes))
    return [SurveyNote(number, *notes[index]) for number, index in enumerate(order, start=1)]


def version(notes: Sequence[SurveyNote], wording: Wording) -> str:
    """A name for exactly these notes in this order with this wording, by which answers and key find each other."""
    content = json.dumps([asdict(wording), [asdict(note) for note in notes]], sort_keys=True)
    return "q" + hashlib.sha256(content.encode()).hexdigest()[:8]


def key(notes: Sequence[SurveyNote], corpus: str, survey: str) -> pd.DataFrame:
    """The key that unblinds the answers, `KEY_COLUMNS`, without the texts; `survey` is the `version`."""
    rows = [(survey, corpus, n.number, n.pair, n.kind, n.note_id) for n in notes]
    return pd.DataFrame(rows, columns=KEY_COLUMNS)


def answer_sheet(notes: Sequence[SurveyNote], survey: str, raters: int, seed: int) -> pd.DataFrame:
    """An empty sheet for the answers of a printed form: for each rater all notes, in an order of the rater's own.

    Returns:
        columns `SHEET_COLUMNS`; `position` is the place of the note in the rater's order, the answers are empty.
    """
    random = np.random.default_rng([seed, 1])  # another stream than the draw's
    rows = [
        (survey, rater, position, notes[index].number, *[""] * len(ANSWER_COLUMNS))
        for rater in range(1, raters + 1)
        for position, index in enumerate(random.permutation(len(notes)), start=1)
    ]
    return pd.DataFrame(rows, columns=SHEET_COLUMNS)
