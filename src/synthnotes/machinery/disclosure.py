"""Disclosure control: what is published tells nothing that rests on fewer patients than a minimum.

A result says itself how many patients it rests on: by an entry or a column `patients` or, where patients are not told
apart, by the notes that it counts. Everything that a stage writes into results/ goes through `publish`, and the report
reads results/ alone, so that what is suppressed is suppressed everywhere. Nothing is hidden of the demo's data, whose
patients are invented; that they are the demo's is checked where data enter (`require_demo`).

A value that is hidden must not be computable from those around it. So a curve's bins and the steps of a flow are
put together until there are enough patients in each, instead of being left out between two sums; and of a note that is
the longest or the nearest, nothing is told at all. What cannot be helped: who holds the data of all patients but one
learns from any sum about the last, and the results of two runs on nearly the same patients can be subtracted.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synthnotes.machinery.files import UserError, read_json, write_csv, write_json
from synthnotes.machinery.sections import DisclosureParams

HOLDERS = ("patients", "notes")  # entries and columns that say what a result rests on, the better one first
# Counts of people, of notes, and of single decisions about a note. What counts codes or words is none of them.
COUNTS = re.compile(
    r"(^|_)(patients|notes|admissions|records|prompts|documents|texts|predictions|decisions)($|_)"
    r"|^(dropped(?!_codes)|train|validation|evaluation|empty|exact|proper_subset|wrong|within|out_of|of_unknown|right_by|training)"
)
SUMS = (("train", "validation", "evaluation"), ("within_family", "out_of_family"))  # whose total stands elsewhere
SIGN = "notes_beyond"  # notes that look like copies: few of them are told of as few, never as nothing
EXTREMES = {"min", "max", "minimum", "maximum"}  # what one note alone decides
ACCUMULATED = re.compile(r"^cumulative_|_longer$")  # of a bin and all before it
DEMO = "DEMO.json"  # what the demo kit leaves beside its data: the SHA-256 of each of its files


def require_demo(data: Path, checksums: Mapping[str, str], settings: DisclosureParams) -> None:
    """Refuses to call data the demo's that are not, since nothing of them would be suppressed.

    Args:
        data: the folder data/, with what the demo kit has written about its files, if it has made any.
        checksums: SHA-256 by path in that folder.
        settings: the section.

    Raises:
        UserError: the parameters call the data the demo's, and a file is not, or not as the demo kit made it.
    """
    if not settings.demo:
        return
    made = read_json(data / DEMO)["files"] if (data / DEMO).is_file() else {}
    for name, checksum in checksums.items():
        if made.get(name) != checksum:
            raise UserError(
                f"{data / name}: not the demo's, but disclosure.demo is true in params.yaml, and nothing about few "
                f"patients would be suppressed. Set it to false."
            )


def publish(path: Path, found: Mapping[str, Any] | pd.DataFrame, settings: DisclosureParams) -> None:
    """Writes a result, suppressed as `settings` ask: a table as CSV, anything else as JSON."""
    told = suppress(found, settings.least)
    if isinstance(told, pd.DataFrame):
        write_csv(path, told)
    else:
        write_json(path, told)


def suppress(found: Any, minimum: int) -> Any:
    """Takes out of a result what rests on at least one and fewer than `minimum` patients.

    Args:
        found: nested results or a table. Of results that rest on too few, every value becomes None, as does every
            count that is too low, the share that belongs to it, and every extreme. Of a table the rows that rest on too
            few are left out, or put together with the next where the table accumulates; counts become missing.
        minimum: 1 suppresses nothing.
    """
    if minimum <= 1:
        return found
    if isinstance(found, pd.DataFrame):
        return _table(found, minimum)
    return _results(found, minimum)


def few(count: Any, minimum: int) -> bool:
    """Whether something is a number of people of whom there are some, but too few."""
    return isinstance(count, int) and not isinstance(count, bool) and 0 < count < minimum


def kept_steps(left: Sequence[Mapping[str, int | None]], minimum: int) -> list[int]:
    """Which steps of a flow may be told, so that between any two of them nobody is lost, or enough are.

    Args:
        left: of each step how many of each unit it leaves; None where that is not known.
        minimum: how many are enough.

    Returns:
        Positions, ascending. The last step, whose counts stand elsewhere too, is always one of them; the first wherever
        it can be.
    """
    kept: list[int] = []
    for position, step in enumerate(left):
        while position == len(left) - 1 and kept and _loses_few(left[kept[-1]], step, minimum):
            kept.pop()
        if not kept or not _loses_few(left[kept[-1]], step, minimum):
            kept.append(position)
    return kept


def _loses_few(before: Mapping[str, int | None], after: Mapping[str, int | None], minimum: int) -> bool:
    known = [unit for unit, count in before.items() if count is not None and after.get(unit) is not None]
    return any(few(abs(before[unit] - after[unit]), minimum) for unit in known)


def _results(found: Any, minimum: int) -> Any:
    if not isinstance(found, Mapping):
        return found
    if few(next((found[name] for name in HOLDERS if isinstance(found.get(name), int)), None), minimum):
        return _emptied(found)
    if few(found.get(SIGN), minimum):
        return _emptied(found) | {SIGN: f"1 to {minimum - 1}"}
    hidden = {name for name, value in found.items() if COUNTS.search(str(name)) and few(value, minimum)}
    for parts in SUMS:
        others = [name for name in parts if found.get(name) and name not in hidden]
        if len(hidden & set(parts)) == 1 and others:
            hidden.add(min(others, key=found.get))
    hidden |= {f"{name}_share" for name in hidden} | EXTREMES
    return {name: None if name in hidden else _results(value, minimum) for name, value in found.items()}


def _emptied(found: Any) -> Any:
    return {name: _emptied(value) for name, value in found.items()} if isinstance(found, Mapping) else None


def _table(found: pd.DataFrame, minimum: int) -> pd.DataFrame:
    holder = next((name for name in (*HOLDERS, "decisions") if name in found), None)
    if holder is None:
        return found
    if any(ACCUMULATED.search(column) for column in found):
        return _pooled(found, holder, minimum)
    told = found[~found[holder].between(1, minimum - 1)].reset_index(drop=True)
    for column in [column for column in told if COUNTS.search(column)]:
        told[column] = told[column].mask(told[column].between(1, minimum - 1))
    return told


def _pooled(found: pd.DataFrame, holder: str, minimum: int) -> pd.DataFrame:
    """Puts bins together, in their order and for each kind of note, until each holds enough."""
    curves = []
    for _, curve in found.groupby("kind", sort=False):
        ways = {column: "sum" if column in (holder, "share") else "last" for column in curve}
        pooled = curve.groupby(_bins(curve[holder].tolist(), minimum)).agg(ways)
        longest_alone = any(column.endswith("_longer") for column in curve)  # its last row would tell the extreme
        curves.append(pooled.iloc[:-1] if longest_alone else pooled)
    return pd.concat(curves, ignore_index=True)


def _bins(counts: Sequence[int], minimum: int) -> np.ndarray:
    """The bin that each row joins: int [rows], ascending. Rows of nobody stay by themselves."""
    bin_of, sizes = [], [0]
    for count in counts:
        bin_of.append(len(sizes) - 1)
        sizes[-1] += count
        if sizes[-1] == 0 or sizes[-1] >= minimum:
            sizes.append(0)
    if 0 < sizes[-1] < minimum:  # too few at the end: they join the last bin that holds anybody
        before = max((bin for bin, size in enumerate(sizes[:-1]) if size), default=0)
        bin_of = [min(bin, before) for bin in bin_of]
    return np.array(bin_of)
