"""An attacker of suppressed results: what is hidden, and by which sum, difference, product or quotient it comes back.

The attacker sees several studies of the same shape. A formula counts if it gives the hidden value in every one of them,
so that small numbers that agree by chance do not.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthnotes.machinery.disclosure import Table, suppress

TOLERANCE = 1e-7
FEWEST = 3  # different values of a cell over the studies: of what hardly varies, any constant is a formula
WEIGHTS = {
    "codes_in_evaluation",
    "codes",
    "notes",
    "n",
    "decisions",
    "patients",
    "predictions",
    "count",
    "total",
    "wrong",
}


def recovered(studies: Sequence[Mapping[str, Any]], minimum: int = 10) -> tuple[list[str], list[str]]:
    """Attacks studies.

    Args:
        studies: the results and tables of each, by the name of their file, not yet suppressed.
        minimum: for the suppression.

    Returns:
        The places that are hidden in all studies, and the formulas that give one of them.
    """
    seen = [dict(_shown(study, minimum)) for study in studies]
    truth = [dict(_true(study)) for study in studies]
    shown = {place: _over(seen, place) for place in seen[0] if all(place in one for one in seen)}
    hidden = {
        place: _over(truth, place)
        for place in truth[0]
        if all(place in one for one in truth) and not any(place in one for one in seen)
    }
    known = shown | _sums(shown)
    known |= _products(shown)
    targets = {place: values for place, values in hidden.items() if len(np.unique(values)) >= FEWEST}
    # Whoever knows how many codes or notes a hidden part has gets it from a weighted sum.
    for place, values in list(targets.items()):
        stem = place.rsplit("/", 1)[0]
        for other in truth[0]:
            beside, name = other.rsplit("/", 1)
            near = beside in (stem, stem.rsplit("/", 1)[0])
            if near and name in WEIGHTS and all(other in one for one in truth):
                targets[f"{place} x {other}"] = values * _over(truth, other)
    return sorted(hidden), list(_formulas(targets, known))


def _over(studies: Sequence[Mapping[str, float]], place: str) -> np.ndarray:
    return np.array([study[place] for study in studies], dtype=np.float64)


def _true(study: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Every number of a study by its place."""
    for name, found in study.items():
        yield from _cells(name, found, found.frame) if isinstance(found, Table) else _leaves(name, found)


def _shown(study: Mapping[str, Any], minimum: int) -> Iterator[tuple[str, float]]:
    for name, found in study.items():
        told = suppress(found, minimum)
        yield from _cells(name, found, told) if isinstance(found, Table) else _leaves(name, told)


def _leaves(prefix: str, found: Any) -> Iterator[tuple[str, float]]:
    if isinstance(found, Mapping):
        for name, value in found.items():
            yield from _leaves(f"{prefix}/{name}", value)
    elif isinstance(found, int | float):
        yield prefix, float(found)


def _cells(prefix: str, table: Table, frame: pd.DataFrame) -> Iterator[tuple[str, float]]:
    """The cells of a table; a row is called by its labels if these are words, else by its place in the whole table."""
    if table.added is not None:  # rows are put together, by study in another way: what all of a curve add up to is told
        for who, curve in frame.groupby(list(table.by)):
            for name in [name for name in table.counts if curve[name].notna().all()]:
                yield f"{prefix}/{'|'.join(who)}/{name}", float(curve[name].sum())
        return
    words = [name for name in table.labels if not pd.api.types.is_numeric_dtype(table.frame[name])]
    never_missing = [*table.labels, *table.counts[:1], *table.statistics]
    rows, kept = ([str(row) for row in part[never_missing].values.tolist()] for part in (table.frame, frame))
    for key, row in zip(kept, frame.to_dict("records"), strict=True):
        number = rows.index(key)
        who = "|".join(str(row[name]) for name in words)
        who = who if not table.frame.duplicated(words).any() else f"{who}|{number}"
        for name, value in row.items():
            if name not in words and not pd.isna(value):
                yield f"{prefix}/{who}/{name}", float(value)


def _sums(shown: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Sums over what stands side by side: of values, and weighted by a count beside each."""
    groups: dict[str, list[np.ndarray]] = {}
    for place, values in shown.items():
        parts = place.split("/")
        for position in range(1, len(parts)):
            rows = "/".join([*parts[:position], "*", *parts[position + 1 :]])
            groups.setdefault(rows, []).append(values)
            for weight in WEIGHTS:
                beside = "/".join([*parts[: position + 1], weight])
                if position + 1 < len(parts) and beside in shown and beside != place:
                    groups.setdefault(f"{rows} x {weight}", []).append(values * shown[beside])
        # Rows of a table belong to the coder that they begin with.
        if "|" in parts[1]:
            of_coder = "/".join([parts[0], f"{parts[1].split('|')[0]}|*", *parts[2:]])
            groups.setdefault(of_coder, []).append(values)
            for weight in WEIGHTS:
                beside = "/".join([*parts[:-1], weight])
                if beside in shown and beside != place:
                    groups.setdefault(f"{of_coder} x {weight}", []).append(values * shown[beside])
    return {name: np.sum(values, axis=0) for name, values in groups.items() if len(values) > 1}


def _products(shown: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a mean must have been the sum of."""
    totals = {place: values for place, values in shown.items() if WEIGHTS.isdisjoint(place.split("/")[-2:]) is False}
    means = {place: values for place, values in shown.items() if (np.abs(values) < 1).all() and np.ptp(values) > 0}
    return {
        f"({a} * {b})": x * y
        for a, x in means.items()
        for b, y in totals.items()
        if a.split("/")[:2] == b.split("/")[:2]
    }


def _formulas(targets: Mapping[str, np.ndarray], known: Mapping[str, np.ndarray]) -> Iterator[str]:
    names, values = list(known), np.stack(list(known.values()))
    mix = np.random.default_rng(0).normal(size=values.shape[1])  # one number that tells vectors apart
    keys = values @ mix
    order = np.argsort(keys)

    def find(wanted: np.ndarray) -> Iterator[tuple[int, int]]:
        """Rows of wanted vectors, and which known vector equals each."""
        finite = np.isfinite(wanted).all(axis=1)
        at = np.searchsorted(keys[order], np.where(finite[:, None], wanted, 0) @ mix)
        for shift in (-1, 0):
            other = order[np.clip(at + shift, 0, len(order) - 1)]
            near = np.abs(values[other] - wanted) <= TOLERANCE * (np.abs(wanted) + 1e-3)
            for row in np.flatnonzero(near.all(axis=1) & finite):
                yield int(row), int(other[row])

    ways = {
        "+": (lambda target: target - values, np.add),
        "−": (lambda target: target + values, np.subtract),
        "×": (lambda target: target / values, np.multiply),
        "÷": (lambda target: target * values, np.divide),
        "=": (lambda target: target[None], lambda found, _: found),
    }
    for place, target in targets.items():
        for sign, (wanted, compute) in ways.items():
            with np.errstate(all="ignore"):
                # What cancels, or divides nothing by nothing, only seems to agree.
                yield from (
                    f"{place} = {names[other]}" + f" {sign} {names[row]}" * (sign != "=")
                    for row, other in find(wanted(target))
                    if np.allclose(compute(values[other], values[row]), target, rtol=1e-6, atol=0)
                )
