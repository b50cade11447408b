"""The metrics of medical coding as Edin et al. (SIGIR 2023) define them, over the codes that occur in the notes.

A metric that does not exist as a whole, such as precision at 15 with 10 codes, is None.
"""

from typing import Any

import numpy as np
from scipy.stats import rankdata

from synthnotes.coding.rates import ranking, rates

NOTES_AT_ONCE = 2_000  # whose loss is held in memory
CODES_AT_ONCE = 200  # whose ranking of all notes is held in memory
SMALLEST = 1e-7  # probability, in the loss: what float32 tells from 1


def evaluate(truth: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
    """All metrics of the coder (paper, section 6.2).

    Args:
        truth: bool [notes, codes].
        probabilities: float [notes, codes].
        predicted: bool [notes, codes], the decisions.

    Returns:
        `micro` and `macro` (f1, precision, recall, false_positive_rate, auc), `ranking` (precision_at_k, recall_at_k,
        r_precision, map), exact_match_ratio and loss.
    """
    occurring = truth.any(axis=0)
    truth, probabilities, predicted = truth[:, occurring], probabilities[:, occurring], predicted[:, occurring]
    return averages(truth, probabilities, predicted) | {
        "ranking": ranking(truth, probabilities),
        "exact_match_ratio": _mean((truth == predicted).all(axis=1)) if truth.size else None,
        "loss": _mean(cross_entropy_per_note(truth, probabilities)) if truth.size else None,
    }


def averages(truth: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray) -> dict[str, dict[str, float | None]]:
    """`micro` and `macro`: F1, precision, recall, false-positive rate and AUC over codes that all occur."""
    counts = np.stack([given.sum(axis=0) for given in (truth, predicted, truth & predicted)])
    totals = counts.sum(axis=1, keepdims=True) if truth.size else counts
    true, given, correct = counts
    of_codes = rates(true, given, correct, len(truth))
    true, given, correct = totals
    of_all = rates(true, given, correct, truth.size)
    return {
        "micro": {name: _mean(values) for name, values in of_all.items()} | {"auc": micro_auc(truth, probabilities)},
        "macro": {name: _mean(values) for name, values in of_codes.items()} | {"auc": macro_auc(truth, probabilities)},
    }


def micro_auc(truth: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Area under the ROC curve over all pairs of note and code."""
    return _finite_mean(_auc(truth.reshape(-1, 1), probabilities.reshape(-1, 1)))


def macro_auc(truth: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Mean over the codes of the area under the ROC curve; a code that every note has is left out, it has no curve."""
    slices = [slice(start, start + CODES_AT_ONCE) for start in range(0, truth.shape[1], CODES_AT_ONCE)]
    areas = [_auc(truth[:, part], probabilities[:, part]) for part in slices]
    return _finite_mean(np.concatenate(areas)) if areas else None


def _auc(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each column, by the Mann-Whitney statistic; NaN where a class is empty."""
    ranks = rankdata(scores, axis=0) if scores.size else scores
    positive = truth.sum(axis=0)
    pairs = positive * (len(truth) - positive)
    statistic = np.where(truth, ranks, 0).sum(axis=0) - positive * (positive + 1) / 2
    return np.divide(statistic, pairs, out=np.full(truth.shape[1], np.nan), where=pairs > 0)


def cross_entropy_per_note(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Mean binary cross-entropy of each note's decisions, in nats: [notes]."""
    values = np.empty(len(truth))
    for start in range(0, len(truth), NOTES_AT_ONCE):
        part = slice(start, start + NOTES_AT_ONCE)
        of_the_truth = np.where(truth[part], probabilities[part], 1 - probabilities[part])
        values[part] = -np.log(np.maximum(of_the_truth, SMALLEST)).mean(axis=1, dtype=np.float64)
    return values


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _finite_mean(values: np.ndarray) -> float | None:
    return _mean(values[np.isfinite(values)])
