"""The flow table: what is left of a corpus after each step, and why the rest was dropped (as in a CONSORT diagram)."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import pandas as pd


class Flow:
    """Records the notes that each step keeps.

    Used as `notes = flow.keep("with_text", notes[...], "no text")`, so that a recipe reads as a list of steps and no
    step can drop notes uncounted.

    Args:
        names_patients: whether the source names admissions and patients; if not, their counts are None.
        steps: the steps of an earlier flow to go on from.
    """

    def __init__(self, names_patients: bool, steps: dict[str, dict[str, Any]] | None = None) -> None:
        self.names_patients = names_patients
        self.steps = dict(steps or {})

    def keep(self, step: str, notes: pd.DataFrame, why: str | None = None) -> pd.DataFrame:
        """Records `notes` as what `step` leaves and returns them.

        Args:
            step: the step's name, snake_case.
            notes: columns note_id (the admission, where the source names one), patient_id and, once joined, codes.
            why: what the dropped notes have in common; None for the first step, which drops none.
        """
        before = list(self.steps.values())[-1]["notes"] if self.steps else len(notes)
        self.steps[step] = {
            "notes": len(notes),
            "admissions": int(notes["note_id"].nunique()) if self.names_patients else None,
            "patients": int(notes["patient_id"].nunique()) if self.names_patients else None,
            "codes": distinct(notes["codes"]) if "codes" in notes else None,
            "dropped": before - len(notes),
            "why": why,
        }
        return notes


def distinct(code_lists: Iterable[list[str]]) -> int:
    """The number of different codes in lists of codes."""
    return len(set(chain.from_iterable(code_lists)))
