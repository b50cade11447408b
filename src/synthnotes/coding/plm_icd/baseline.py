"""The baseline that every coder must beat: it reads no note, and always predicts the most frequent codes."""

import numpy as np
from scipy import sparse


def predict(training_labels: sparse.csr_array, notes: int, predicted_codes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives every note the same answer.

    Args:
        training_labels: bool [training notes, codes].
        notes: how many notes to answer for.
        predicted_codes: how many codes to predict, the most frequent ones in training.

    Returns:
        Probabilities, each code's share of the training notes, float32 [notes, codes].
        Decisions, bool [notes, codes].
    """
    counts = training_labels.sum(axis=0)
    share = (counts / training_labels.shape[0]).astype(np.float32)
    predicted = np.zeros(len(share), dtype=bool)
    predicted[np.argsort(-counts, kind="stable")[:predicted_codes]] = True
    return np.tile(share, (notes, 1)), np.tile(predicted, (notes, 1))
