"""Rankings: a coder's codes of each note in the order of their probabilities (Edin et al., SIGIR 2023).

Apart from the other metrics, because mean average precision decides which epoch of a training is kept.
"""

import numpy as np

PRECISION_AT = (5, 8, 15)
RECALL_AT = (10, 15)
RANKING = (*(f"precision_at_{k}" for k in PRECISION_AT), *(f"recall_at_{k}" for k in RECALL_AT), "r_precision", "map")
NOTES_AT_ONCE = 2_000  # whose ranking of all codes is held in memory


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
    parts = [
        _rank(truth[start : start + NOTES_AT_ONCE], probabilities[start : start + NOTES_AT_ONCE])
        for start in range(0, len(truth), NOTES_AT_ONCE)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}


def mean_average_precision(truth: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Mean average precision over the codes that occur: what chooses the best epoch."""
    occurring = truth.any(axis=0)
    return ranking(truth[:, occurring], probabilities[:, occurring])["map"]


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
