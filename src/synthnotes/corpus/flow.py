"""The flow table: what is left of a corpus after each step, and why the rest was dropped (as in a CONSORT diagram)."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import pandas as pd

from synthnotes.machinery.disclosure import kept_steps

PLURALS = {"procedure": "procedures", "diagnosis": "diagnoses"}
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
        dropped = {unit: _minus(before.get(unit), left[unit]) for unit in UNITS}
        if dropped["notes"] < 0:
            raise ValueError(f"flow: step {step} leaves {left['notes']} notes of {before['notes']}")
        of_units = {f"dropped_{unit}": dropped[unit] for unit in UNITS[1:]}
        self.steps[step] = left | {"dropped": dropped["notes"]} | of_units | {"why": why}
        return notes


def told(
    steps: Mapping[str, Mapping[str, Any]], code_rows: Mapping[str, Mapping[str, int]], minimum: int
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, int | None]]]:
    """What may be told of a flow: steps that lose fewer than a minimum are put together with the next.

    Args:
        steps: those of a `Flow`.
        code_rows: as `tidy` takes them.
        minimum: of patients, admissions and notes alike; 1 leaves everything as it is.

    Returns:
        Steps and code rows with the same keys. Of a step that is put together with the next all counts are None, and
        the next one has its losses and its reason.
    """
    people = [unit for unit in UNITS if unit != "codes"]
    kept = kept_steps([{unit: step[unit] for unit in people} for step in steps.values()], minimum)
    found: dict[str, dict[str, Any]] = {}
    before, reasons = None, []
    for position, (name, step) in enumerate(steps.items()):
        reasons += [step["why"]] if step["why"] else []
        if position not in kept:
            found[name] = dict.fromkeys(step) | {"why": step["why"]}
            continue
        found[name] = dict(step)
        if position and position - 1 not in kept:
            lost = {unit: _minus(before[unit], step[unit]) if before else None for unit in UNITS}
            found[name] |= {"dropped" if unit == "notes" else f"dropped_{unit}": lost[unit] for unit in UNITS}
            found[name]["why"] = "; ".join(reasons)
        before, reasons = step, []
    return found, {kind: _told_rows(counts, minimum) for kind, counts in code_rows.items()}


def _told_rows(counts: Mapping[str, int], minimum: int) -> dict[str, int | None]:
    """Rows of codes likewise, each reason for dropping rows being a step."""
    reasons = [name for name in counts if name.startswith("dropped_")]
    left = [counts["released"]]
    for name in reasons:
        left.append(left[-1] - counts[name])
    kept = kept_steps([{"rows": rows} for rows in left], minimum)
    found: dict[str, int | None] = {"released": counts["released"] if 0 in kept else None}
    before = left[0] if 0 in kept else None
    for position, name in enumerate(reasons, 1):
        found[name] = _minus(before, left[position]) if position in kept else None
        before = left[position] if position in kept else before
    return found | {"kept": counts["kept"]}


def tidy(steps: Mapping[str, Mapping[str, Any]], code_rows: Mapping[str, Mapping[str, int]]) -> pd.DataFrame:
    """The flow as a tidy table.

    Args:
        steps: those of a `Flow`, or what may be told of them.
        code_rows: for each kind of code the rows that assign codes: `released`, `dropped_…` for each reason, `kept`.

    Returns:
        Columns of (notes, procedures, diagnoses), step, unit, left, dropped and why; a unit that is not known, and a
        step that is not told, has no row.
    """
    rows = [
        ("notes", step, unit, count[unit], count["dropped" if unit == "notes" else f"dropped_{unit}"], count["why"])
        for step, count in steps.items()
        for unit in UNITS
        if count[unit] is not None
    ]
    for kind, counts in code_rows.items():
        left = counts["kept"]
        of_kind = []
        for reason in reversed([name for name in counts if name.startswith("dropped_")]):
            dropped, step = counts[reason], reason.removeprefix("dropped_")
            if dropped is not None:
                of_kind.append((PLURALS[kind], f"without_{step}", "rows", left, dropped, step.replace("_", " ")))
                left += dropped
        if counts["released"] is not None:
            of_kind.append((PLURALS[kind], "released", "rows", counts["released"], 0, None))
            if left != counts["released"]:
                raise ValueError(f"flow: {kind} rows do not add up: {counts}")
        rows += reversed(of_kind)
    table = pd.DataFrame(rows, columns=["of", "step", "unit", "left", "dropped", "why"])
    return table.astype({"left": "int64", "dropped": "Int64"})


def named(ids: pd.Series) -> int:
    """The number of different ids, an absent or empty one not counted."""
    return int(ids[ids != ""].nunique())


def distinct(code_lists: Iterable[list[str]]) -> int:
    """The number of different codes in lists of codes."""
    return len(set(chain.from_iterable(code_lists)))


def _minus(before: int | None, left: int | None) -> int | None:
    return None if before is None or left is None else before - left
