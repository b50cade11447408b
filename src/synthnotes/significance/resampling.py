"""Metrics of coders on other samples of the patients, from what each patient contributes to them.

A sample leaves out one patient, for the jackknife, or draws as many as there are, with replacement, for the bootstrap;
either way with all of a patient's notes: these hang together, so that single notes would promise too much (Field and
Welsh 2007). The set of codes stays that of E; a code that no note of a sample has is left out of its macro averages.
All metrics are those of the notes exactly, but the areas under ROC curves, which are so to first order (see `areas`).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse

from synthnotes.machinery.progress import Bar
from synthnotes.significance.outcomes import Areas, Outcome

AT_ONCE = 64  # resamples in memory: their counts per code fit into the processor's cache
GROUPS = 2000  # of patients, at most, that are left out one after another
Samples = dict[str, np.ndarray]


def observed(outcomes: Sequence[Outcome]) -> Samples:
    """The metrics of each outcome on E itself: by metric [outcomes]."""
    return _concatenate([Counts([one]).metrics(np.ones((1, one.patients.max() + 1)))[0] for one in outcomes])


def without_each(outcomes: Sequence[Outcome]) -> Samples:
    """The metrics, means over the outcomes, on E without each patient, or group of patients: by metric [groups]."""
    counts = Counts(outcomes)
    return _concatenate([_mean(counts.metrics(weights)) for weights in leave_out(counts.patients)])


def leave_out(patients: int) -> Iterator[np.ndarray]:
    """Yields how often each patient counts where one is left out after another: float32 [at once, patients].

    Of more than `GROUPS` patients, whole groups are left out, into which they are dealt out in turn: the jackknife's
    variance stays the same, and its degrees of freedom are ample.
    """
    groups = min(patients, GROUPS)
    group_of = np.arange(patients) % groups
    for start in range(0, groups, AT_ONCE):
        left_out = np.arange(start, min(start + AT_ONCE, groups))
        yield (group_of != left_out[:, None]).astype(np.float32)


def draw(patients: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yields how often each patient is drawn into each resample: float32 [resamples at once, patients]."""
    rng = np.random.default_rng(seed)
    for start in Bar(range(0, resamples, AT_ONCE), "bootstrap", unit_scale=AT_ONCE, leave=False):
        size = min(AT_ONCE, resamples - start)
        drawn = rng.integers(patients, size=(size, patients)) + patients * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * patients).reshape(size, patients).astype(np.float32)


class Counts:
    """What each patient contributes to the metrics of some coders that were evaluated on the same notes."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        first = outcomes[0]
        self.patients = int(first.patients.max()) + 1
        self.codes = first.truth.shape[1]
        matrices = [first.truth, *(matrix for one in outcomes for matrix in (one.predicted, one.correct))]
        matrices += [one.areas.placements for one in outcomes if one.areas]
        self.matrices = len(matrices)
        by_patient = [first.by_patient(matrix) for matrix in matrices]
        # Counts of some ten thousand are exact in float32, which halves the traffic; placements keep seven digits.
        self.per_code = sparse.vstack([matrix.T for matrix in by_patient], format="csr", dtype=np.float32)
        self.means = [list(one.means) for one in outcomes]
        self.with_areas = [one.areas is not None for one in outcomes]
        self.has_curve = first.truth.sum(axis=0)[:, None] < first.truth.shape[0]  # some note lacks the code
        columns = [np.ones(len(first.patients)), *(values for one in outcomes for values in one.means.values())]
        columns += [part for one in outcomes if one.areas for part in _per_note(one.areas)]
        totals = [matrix.sum(axis=1) for matrix in by_patient]
        # [patients, matrices, notes, means, parts of areas]
        self.sums = np.stack([*totals, *map(first.by_patient, columns)], axis=1)

    def by_code(self, weights: np.ndarray) -> np.ndarray:
        """Counts per code where patients count as often as their weights say.

        Args:
            weights: whole numbers, [resamples, patients].

        Returns:
            float32 [matrices, codes, resamples]; the matrices are the truth, then for each outcome what is predicted,
            and what is predicted rightly, then the placements of each that has areas.
        """
        counted = self.per_code @ np.ascontiguousarray(weights.T, dtype=np.float32)
        return counted.reshape(self.matrices, self.codes, len(weights))

    def metrics(self, weights: np.ndarray) -> list[Samples]:
        """The metrics of each outcome where patients count as often as their weights say.

        Args:
            weights: whole numbers, [resamples, patients].

        Returns:
            Per outcome, by metric: [resamples].
        """
        by_code = self.by_code(weights)
        sums = (weights.astype(np.float64) @ self.sums).T
        totals, notes, columns = sums[: len(by_code)], sums[len(by_code)], iter(sums[len(by_code) + 1 :])
        occurring = by_code[0] > 0
        found = []
        for i, names in enumerate(self.means):
            of_all, of_codes = ([counts[0], counts[2 * i + 1], counts[2 * i + 2]] for counts in (totals, by_code))
            micro = rates(*of_all) | false_positive_rate(*of_all, notes * self.codes)
            macro = rates(*of_codes) | false_positive_rate(*of_codes, notes.astype(np.float32))
            found.append(
                {f"micro.{name}": value for name, value in micro.items()}
                | {f"macro.{name}": _mean_where(occurring, value) for name, value in macro.items()}
                | {name: next(columns) / notes for name in names}
            )
        placements = iter(by_code[1 + 2 * len(self.means) :])
        for metrics, with_areas in zip(found, self.with_areas, strict=True):
            if with_areas and self.has_curve.any():
                of_true, of_false, of_notes = (next(columns) for _ in range(3))
                with np.errstate(invalid="ignore"):  # NaN where the drawn notes have all codes
                    metrics["micro.auc"] = of_true / totals[0] + of_false / (notes * self.codes - totals[0])
                placed = next(placements) / np.maximum(by_code[0], 1)
                metrics["macro.auc"] = _mean_where(occurring & self.has_curve, placed) + of_notes
        return found


def _per_note(areas: Areas) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return areas.micro_placements, areas.micro_negatives, areas.macro_negatives


def _mean_where(occurring: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Means over the codes that occur in a resample, from [codes, resamples]; NaN where none does."""
    with np.errstate(invalid="ignore"):
        return np.sum(values, axis=0, where=occurring, dtype=np.float64) / occurring.sum(axis=0)


def rates(true: np.ndarray, predicted: np.ndarray, correct: np.ndarray) -> Samples:
    """F1, precision and recall from whole counts; a ratio with an empty denominator is 0."""
    return {
        "f1": 2 * correct / np.maximum(true + predicted, 1),
        "precision": correct / np.maximum(predicted, 1),
        "recall": correct / np.maximum(true, 1),
    }


def false_positive_rate(true: np.ndarray, predicted: np.ndarray, correct: np.ndarray, decisions: np.ndarray) -> Samples:
    """The share of the decisions against a code that went wrong, likewise."""
    return {"false_positive_rate": (predicted - correct) / np.maximum(decisions - true, 1)}


def _concatenate(blocks: Sequence[Samples]) -> Samples:
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _mean(seeds: Sequence[Samples]) -> Samples:
    return {name: np.mean([one[name] for one in seeds], axis=0) for name in seeds[0]}
