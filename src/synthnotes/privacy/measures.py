"""Do synthetic notes give training notes away? The mean over matched pairs, and the tail, each with its own error.

A mean cannot see single copies, and a tail cannot see that all notes lie a little nearer. So both are looked at, and
the verdict says which of them speaks: see `judge`. Nothing here is proof of privacy.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from synthnotes.machinery.disclosure import also, computed, like, over, setting, sign

COPIES, NEARER, UNDECIDED, NOT_SHOWN = VERDICTS = ("copies found", "nearer", "undecided", "not shown")  # worst first


class Measure(NamedTuple):
    """One measure of some notes, as a quotient of sums.

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

    def take(self, chosen: np.ndarray | slice) -> "Measure":
        """The measure of some of the notes."""
        return Measure(self.parts[chosen], self.wholes[chosen])

    def of_notes(self) -> np.ndarray:
        """The quotient of each note that has one: float64 [such notes]."""
        measured = self.wholes > 0
        return self.parts[measured] / self.wholes[measured]


def tail(
    synthetic: np.ndarray, unseen: np.ndarray, share: float, confidence: float, left_out: int = 0
) -> dict[str, Any]:
    """Counts the synthetic notes beyond a high quantile of unseen real notes, against what that quantile promises.

    The level is the (r + 1)-th highest value of the unseen notes, r being their number times `share` and at least 1, so
    that one unseen note that repeats a training note, or a few of many, cannot raise it. If the synthetic notes were
    like unseen ones, every order of all notes by their values would be as likely as any other: the number of synthetic
    ones before the (r + 1)-th unseen one is then negative hypergeometric. This is exact, the error of the quantile
    included; ties only make it cautious.

    Args:
        synthetic: values, high where a note is near to training: float64 [notes].
        unseen: values of real notes that the generator never saw: float64 [notes].
        share: of the unseen notes that may lie beyond the level.
        confidence: of the interval.
        left_out: how many unseen notes, since their text stands in training.

    Returns:
        notes_promised: how many synthetic notes were to be expected beyond the level; beyond: notes_beyond, how many
        there are, low and high (the interval of their share, Clopper and Pearson 1934), and p (one-sided). None each
        where a side has fewer notes than that takes.
    """
    kept = max(1, int(len(unseen) * share))
    if not len(synthetic) or len(unseen) <= kept:
        return {"notes_promised": None, "beyond": dict.fromkeys(("notes_beyond", "low", "high", "p"))}
    count, notes, others = int((synthetic > np.sort(unseen)[-kept - 1]).sum()), len(synthetic), len(unseen)
    interval = stats.binomtest(count, notes).proportion_ci(confidence, "exact")
    # At least `count` stand before it where at most r of the first count + r notes are unseen.
    p = stats.hypergeom.cdf(kept, notes + others, others, count + kept) if count else 1.0
    # Interval and p follow from the count, and would tell it.
    beyond = over(count, {"low": float(interval.low), "high": float(interval.high), "p": float(p)})
    beyond["p"] = also(left_out, beyond["p"])  # as what is promised, it tells how many unseen notes there are
    promised = also(left_out, over(min(notes, others), notes * (kept + 1) / (others + 1)))
    return {"notes_promised": promised, "beyond": {"notes_beyond": sign(count), **beyond}}


def judge(
    synthetic: Measure, control: Measure, found: dict[str, Any], resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """Compares synthetic notes with the control notes that they are matched with, and gives a verdict on mean and tail.

    Args:
        synthetic: the measure of the synthetic notes.
        control: the measure of their partners, in the same order.
        found: what `tail` gives.
        resamples: of the pairs, with replacement (Efron 1979).
        confidence: of the percentile interval; each side of a verdict errs in half of the rest.
        seed: of the resampling.

    Returns:
        synthetic, control, difference (synthetic - control), low and high (its interval), what `tail` gave, and the
        verdict. `copies found`: more notes lie beyond the tail's level than chance allows. Otherwise `nearer`: the
        whole interval lies above zero. `not shown`: none of it does, and no more notes than promised lie beyond the
        level. `undecided`: all else, an interval that holds zero included, and where there is nothing to measure.
    """
    values = synthetic.value(), control.value()
    low, high = np.nan, np.nan
    if np.isfinite(values).all():
        rng = np.random.default_rng(seed)
        differences = np.empty(resamples)
        for number in range(resamples):
            chosen = rng.integers(len(synthetic.parts), size=len(synthetic.parts))
            differences[number] = synthetic.value(chosen) - control.value(chosen)
        low, high = np.nanquantile(differences, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    means = {
        "synthetic": values[0],
        "control": values[1],
        "difference": values[0] - values[1],
        "low": low,
        "high": high,
    }
    disclosed = over(
        len(synthetic.parts), {name: value if np.isfinite(value) else None for name, value in means.items()}
    )
    count, p = (found["beyond"][name] for name in ("notes_beyond", "p"))
    if p is not None and p <= (1 - confidence) / 2:
        verdict = COPIES
    elif low > 0:
        verdict = NEARER
    else:
        verdict = NOT_SHOWN if high <= 0 and count is not None and count <= found["notes_promised"] else UNDECIDED
    return {**disclosed, **found, "verdict": setting(verdict)}


def overall(verdicts: Sequence[str]) -> str:
    """The worst of some verdicts; it tells of all of whom they tell, and is hidden if one of them is."""
    return like(computed(worst, verdicts), *verdicts)


def worst(verdicts: Sequence[str]) -> str:
    """The worst of some verdicts, in the order of `VERDICTS`."""
    return VERDICTS[min(map(VERDICTS.index, verdicts))]
