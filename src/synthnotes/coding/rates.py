"""How rightly codes are given: F1, precision and recall from counts, and the ranking metrics of Edin et al. (2023).

Apart from the other metrics, because a training chooses its threshold by micro-F1 and its epoch by mean average
precision. A ratio with an empty denominator counts as 0 (scikit-learn's `zero_division=0`).
"""

import numpy as np

PRECISION_AT = (5, 8, 15)
RECALL_AT = (10, 15)
RANKING = (*(f"precision_at_{k}" for k in PRECISION_AT), *(f"recall_at_{k}" for k in RECALL_AT), "r_precision", "map")
NOTES_AT_ONCE = 2_000  # whose ranking of all codes is held in memory


def f1(true: np.ndarray, predicted: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """F1 from how many codes are true, are predicted, and are both: whole counts of any one shape."""
    return 2 * correct / np.maximum(true + predicted, 1)


def rates(
    true: np.ndarray, predicted: np.ndarray, correct: np.ndarray, decisions: np.ndarray | int
) -> dict[str, np.ndarray]:
    """F1, precision, recall and false-positive rate, of the counts' shape.

    Args:
        true, predicted, correct: as for `f1`.
        decisions: how many decisions, for or against a code, each count is out of.
    """
    return {
        "f1": f1(true, predicted, correct),
        "precision": correct / np.maximum(predicted, 1),
        "recall": correct / np.maximum(true, 1),
        "false_positive_rate": (predicted - correct) / np.maximum(decisions - true, 1),
    }


def ranking(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """Precision and recall at k, R-precision and mean average precision: means over the notes that have a code."""
    coded = truth.any(axis=1)
    values = ranking_per_note(truth[coded], probabilities[coded])
    # With fewer codes than k there is no k-th rank, and the name is absent from the values.
    return {name: float(values[name].mean()) if len(values.get(name, ())) else None for name in RANKING}


def ranking_per_note(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """Each ranking metric of each note, [notes]; every note has at least one code.

    R-precision is the precision at as many codes as the note has. Equal probabilities keep the order of the codes.
    A metric at more ranks than there are codes is absent.
    """
    slices = [slice(start, start + NOTES_AT_ONCE) for start in range(0, len(truth), NOTES_AT_ONCE)]
    parts = [_rank(truth[part], probabilities[part]) for part in slices]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}


def mean_average_precision(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean average precision over the codes that occur: what chooses the best epoch.

    Raises:
        ValueError: no code occurs.
    """
    occurring = truth.any(axis=0)
    found = ranking(truth[:, occurring], probabilities[:, occurring])["map"]
    if found is None:
        raise ValueError("no note has a code: there is no average precision")
    return found


def _rank(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(truth, order, axis=1)
    hits = ranked.cumsum(axis=1)  # [notes, rank]: true codes among the first ranks
    total = hits[:, -1]
    codes = truth.shape[1]
    precision = hits / np.arange(1, codes + 1)
    return (
        {f"precision_at_{k}": precision[:, k - 1] for k in PRECISION_AT if k <= codes}
        | {f"recall_at_{k}": hits[:, k - 1] / total for k in RECALL_AT if k <= codes}
        | {
            "r_precision": precision[np.arange(len(total)), total - 1],
            "map": (precision * ranked).sum(axis=1) / total,
        }
    )
