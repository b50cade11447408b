"""The flow table: what is left of a corpus after each step, and why the rest was dropped (as in a CONSORT diagram)."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import pandas as pd

UNITS = ("notes", "admissions", "patients", "codes")


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

        A step's record holds what is left of each of `UNITS` and how much the step dropped of it: `dropped` are notes,
        `dropped_patients` patients none of whose notes is left, and so on; None where a unit is not known (yet).

        Args:
            step: the step's name, snake_case.
            notes: columns note_id (the admission, where the source names one), patient_id and, once joined, codes.
            why: what the dropped notes have in common; None for the first step, which drops none.

        Raises:
            ValueError: the step exists, or leaves more notes than there were.
        """
        if step in self.steps:
            raise ValueError(f"flow: step {step} twice")
        left = {
            "notes": len(notes),
            "admissions": named(notes["note_id"]) if self.names_patients else None,
            "patients": named(notes["patient_id"]) if self.names_patients else None,
            "codes": distinct(notes["codes"]) if "codes" in notes else None,
        }
        before = next(reversed(self.steps.values())) if self.steps else left
        dropped = {unit: minus(before.get(unit), left[unit]) for unit in UNITS}
        if dropped["notes"] < 0:
            raise ValueError(f"flow: step {step} leaves {left['notes']} notes of {before['notes']}")
        of_units = {f"dropped_{unit}": dropped[unit] for unit in UNITS[1:]}
        self.steps[step] = left | {"dropped": dropped["notes"]} | of_units | {"why": why}
        return notes


def named(ids: pd.Series) -> int:
    """The number of different ids, an absent or empty one not counted."""
    return int(ids[ids != ""].nunique())


def distinct(code_lists: Iterable[list[str]]) -> int:
    """The number of different codes in lists of codes."""
    return len(set(chain.from_iterable(code_lists)))


def minus(before: int | None, left: int | None) -> int | None:
    """What a step drops of a unit, None where that is not known of both sides."""
    return None if before is None or left is None else before - left
