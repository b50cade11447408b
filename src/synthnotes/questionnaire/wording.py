"""The texts of a questionnaire in one language (`paper/questionnaire/<corpus>.yaml`)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from synthnotes.machinery.files import UserError

ENDS = 2  # of a scale


@dataclass(frozen=True)
class Wording:
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

    language: str
    language_tag: str
    title: str
    welcome: str
    consent: str
    consent_options: tuple[str, ...]
    screening: str
    screening_options: tuple[str, ...]
    screened_out: tuple[str, ...]
    definitions: str
    note: str
    readability: str
    readability_ends: tuple[str, ...]
    coherence: str
    coherence_ends: tuple[str, ...]
    justification: str
    codes: str
    goodbye: str
    form_help: str
    form_rater: str
    form_note: str
    form_code: str

    @property
    def screened_out_codes(self) -> list[int]:
        """The positions of `screened_out` among the options, from 1, which are their codes in an export."""
        return [self.screening_options.index(option) + 1 for option in self.screened_out]


def parse(texts: Any, where: str) -> Wording:
    """Checks the texts of a questionnaire.

    Args:
        texts: what the YAML file holds.
        where: the file's name, for messages.

    Raises:
        UserError: a text is missing, unknown or of another type, or an option that screens out is none of the options.
    """
    kinds = {field.name: field.type for field in fields(Wording)}
    if not isinstance(texts, Mapping) or set(texts) != set(kinds):
        odd = sorted(map(str, set(kinds) ^ set(texts if isinstance(texts, Mapping) else ())))
        raise UserError(f"{where}: the texts {', '.join(odd)} are missing or unknown.")
    values = {}
    for name, kind in kinds.items():
        text = texts[name]
        several = kind is not str
        parts = text if several and isinstance(text, list) else [text]
        if several != isinstance(text, list) or not all(isinstance(part, str) and part.strip() for part in parts):
            expected = "a list of texts" if several else "a text"
            raise UserError(f"{where}: {name} must be {expected} (words such as yes and no stand in quotes).")
        values[name] = tuple(text) if several else text
    for name in ("readability_ends", "coherence_ends"):
        if len(values[name]) != ENDS:
            raise UserError(f"{where}: {name} must hold two texts, what 1 and what 5 mean.")
    for option in values["screened_out"]:
        if option not in values["screening_options"]:
            raise UserError(f"{where}: screened_out names {option!r}, which is none of screening_options.")
    return Wording(**values)
