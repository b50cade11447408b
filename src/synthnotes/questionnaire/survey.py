"""The questionnaire on readability and medical coherence (paper 8): its texts, its notes in their order, its form.

The texts are those of one language (`languages/<language>.yaml`). `sosci` writes the same for a survey server.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined, TemplateError
from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from synthnotes.machinery.files import UserError
from synthnotes.machinery.language import read_language
from synthnotes.machinery.params import validate

KEY_COLUMNS = ("survey", "corpus", "note", "pair", "kind", "note_id")
ANSWER_COLUMNS = ("readability", "why_readability", "coherence", "why_coherence", "codes")
SHEET_COLUMNS = ("survey", "rater", "position", "note", *ANSWER_COLUMNS)
Text = Annotated[str, StringConstraints(pattern=r"\S")]  # which YAML's yes and no are not: they stand in quotes


class Wording(BaseModel):
    """What raters read besides the notes.

    Attributes:
        language: three letters (ISO 639-2), as SoSci Survey names it.
        language_tag: two letters (ISO 639-1), as HTML does.
        consent_options: the first one consents, any other ends the interview.
        screening_options: training of the rater.
        screened_out: those of `screening_options` that end the interview.
        readability_ends, coherence_ends: what 1 and what 5 mean.
        form_help, form_rater, form_note: instructions of the printed form, the rater's number, a note's number.
        form_code: what stands before the questionnaire's version on every printed page.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Text
    language_tag: Text
    title: Text
    welcome: Text
    consent: Text
    consent_options: tuple[Text, ...]
    screening: Text
    screening_options: tuple[Text, ...]
    screened_out: tuple[Text, ...]
    definitions: Text
    note: Text
    readability: Text
    readability_ends: tuple[Text, Text]
    coherence: Text
    coherence_ends: tuple[Text, Text]
    justification: Text
    codes: Text
    goodbye: Text
    form_help: Text
    form_rater: Text
    form_note: Text
    form_code: Text

    @model_validator(mode="after")
    def _screens_out_options(self) -> Self:
        for option in self.screened_out:
            if option not in self.screening_options:
                raise ValueError(f"screened_out names {option!r}, which is none of screening_options")
        return self

    @property
    def screened_out_codes(self) -> list[int]:
        """The positions of `screened_out` among the options, from 1, which are their codes in an export."""
        return [self.screening_options.index(option) + 1 for option in self.screened_out]


def read_wording(language: Path) -> Wording:
    """Reads the texts of the questionnaire from a language file."""
    return validate(read_language(language).questionnaire, f"{language}, questionnaire", Wording)


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


def name_version(notes: Sequence[SurveyNote], wording: Wording) -> str:
    """A name for exactly these notes in this order with this wording, by which answers and key find each other."""
    content = json.dumps([wording.model_dump(), [asdict(note) for note in notes]], sort_keys=True)
    return "q" + hashlib.sha256(content.encode()).hexdigest()[:8]


def make_key(notes: Sequence[SurveyNote], corpus: str, survey: str) -> pd.DataFrame:
    """The key that unblinds the answers, `KEY_COLUMNS`, without the texts; `survey` is its version."""
    rows = [(survey, corpus, n.number, n.pair, n.kind, n.note_id) for n in notes]
    return pd.DataFrame(rows, columns=KEY_COLUMNS)


def make_answer_sheet(notes: Sequence[SurveyNote], survey: str, raters: int, seed: int) -> pd.DataFrame:
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


def fill_form(template: str, notes: Sequence[SurveyNote], wording: Wording, survey: str, where: str) -> str:
    """Fills the template of the printed form: one HTML file, a page per note, for raters who do not work at a screen.

    Args:
        template: HTML with Jinja's marks; all that is filled in is escaped.
        notes: in blinded order. The template sees their numbers and texts alone, so that no form can tell kinds.
        wording: the texts around them.
        survey: the questionnaire's version, printed on every page.
        where: the template's name, for messages.

    Raises:
        UserError: the template is faulty.
    """
    blinded = [{"number": note.number, "text": note.text} for note in notes]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    try:
        return environment.from_string(template).render(notes=blinded, wording=wording, survey=survey)
    except TemplateError as error:
        raise UserError(f"{where}: {error.message}") from error
