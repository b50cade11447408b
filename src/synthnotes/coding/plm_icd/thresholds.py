"""The decision threshold: one for all codes, tuned on the validation notes (Edin et al., SIGIR 2023)."""

import numpy as np


def best(truth: np.ndarray, probabilities: np.ndarray, steps: int) -> tuple[float, float]:
    """The threshold with the best micro-F1, out of equidistant values in [0, 1].

    A code is predicted where its probability is greater than the threshold, both as `predictions.above` compares them.

    Args:
        truth: bool [notes, codes].
        probabilities: float [notes, codes].
        steps: how many values to try; among equals the lowest wins.

    Returns:
        The threshold, and its micro-F1 over all codes.
    """
    values = np.linspace(0, 1, steps).astype(np.float32)
    # For each decision, below how many of the thresholds does it lie? One pass gives the counts at all of them.
    exceeded = np.searchsorted(values, probabilities.astype(np.float16).astype(np.float32), side="left")
    predicted = _at_least(exceeded.ravel(), steps)
    true_positive = _at_least(exceeded[truth], steps)
    scores = 2 * true_positive / np.maximum(predicted + truth.sum(), 1)
    chosen = int(scores.argmax())
    return float(values[chosen]), float(scores[chosen])


def micro_f1(truth: np.ndarray, predicted: np.ndarray) -> float:
    """The micro-F1 over all codes of decisions, bool [notes, codes] each."""
    return float(2 * (truth & predicted).sum() / max(truth.sum() + predicted.sum(), 1))


def _at_least(exceeded: np.ndarray, steps: int) -> np.ndarray:
    """[steps]: how many decisions exceed at least the first, the first two, … thresholds."""
    return np.bincount(exceeded, minlength=steps + 1)[::-1].cumsum()[::-1][1:]
