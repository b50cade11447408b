"""Is a corpus nearer to training than its control? Differences over matched pairs of notes, with intervals."""

from typing import Any, NamedTuple

import numpy as np


class Measure(NamedTuple):
    """One measure of matched notes, as a quotient of sums.

    Attributes:
        parts: what each note contributes: float64 [notes].
        wholes: of how much: float64 [notes]; ones where the measure is a mean over notes.
    """

    parts: np.ndarray
    wholes: np.ndarray

    @classmethod
    def mean_of(cls, values: np.ndarray) -> "Measure":
        """The measure that is a mean over notes."""
        return cls(np.asarray(values, dtype=np.float64), np.ones(len(values)))

    def value(self, chosen: np.ndarray | slice = slice(None)) -> float:
        """The quotient over some of the notes; NaN where there is nothing to divide by."""
        whole = self.wholes[chosen].sum()
        return float(self.parts[chosen].sum() / whole) if whole else np.nan


def judge(synthetic: Measure, control: Measure, resamples: int, confidence: float, seed: int) -> dict[str, Any]:
    """Compares synthetic notes with the control notes that they are matched with.

    Args:
        synthetic: the measure of the synthetic notes.
        control: the measure of their partners, in the same order.
        resamples: of the pairs, with replacement (Efron 1979).
        confidence: of the percentile interval.
        seed: of the resampling.

    Returns:
        synthetic, control, difference (synthetic - control), low and high (its interval), verdict: `nearer` where the
        whole interval lies above zero, `not nearer` otherwise, `undefined` where a side has nothing to measure; and
        notes_above_control, how many synthetic notes exceed every control note.
    """
    values = synthetic.value(), control.value()
    with np.errstate(invalid="ignore", divide="ignore"):
        each = [measure.parts / measure.wholes for measure in (synthetic, control)]
    above = int((each[0] > np.nanmax(each[1])).sum()) if np.isfinite(each[1]).any() else 0
    if not np.isfinite(values).all():
        of_values = dict(zip(("synthetic", "control"), (v if np.isfinite(v) else None for v in values), strict=True))
        empty = dict.fromkeys(("difference", "low", "high"))
        return {**of_values, **empty, "verdict": "undefined", "notes_above_control": above}
    rng = np.random.default_rng(seed)
    differences = np.empty(resamples)
    for number in range(resamples):
        chosen = rng.integers(len(synthetic.parts), size=len(synthetic.parts))
        differences[number] = synthetic.value(chosen) - control.value(chosen)
    low, high = np.nanquantile(differences, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    return {
        "synthetic": values[0],
        "control": values[1],
        "difference": values[0] - values[1],
        "low": low,
        "high": high,
        "verdict": "nearer" if low > 0 else "not nearer",
        "notes_above_control": above,
    }
