"""Which codes are predicted at all, and whether predictions repeat the training set's code sets (paper, 6.3.1)."""

import numpy as np
from scipy import sparse

from synthnotes.errors.decisions import Decisions


def describe(decisions: Decisions) -> dict[str, int | float | dict[str, int | float] | None]:
    """Counts predicted, true and correctly predicted codes.

    Returns:
        notes; predicted and true, each with total, per_note and unique codes; correct, the same of codes predicted
        where they are true; precision and recall over all notes and codes; coverage, the share of the codes of E that
        are predicted for any note, rightly or not (repair l).
    """
    ever_predicted = decisions.predicted.any(axis=0)
    predicted, true, correct = map(_count, (decisions.predicted, decisions.truth, decisions.correct))
    return {
        "notes": len(decisions.truth),
        "predicted": predicted,
        "true": true,
        "correct": correct,
        "precision": correct["total"] / predicted["total"] if predicted["total"] else None,
        "recall": correct["total"] / true["total"],
        "coverage": float(ever_predicted[decisions.occurring].mean()),
    }


def code_match(predicted: np.ndarray, targets: sparse.csr_array) -> dict[str, int | float | None]:
    """How many predicted code sets equal the codes of a training note, and how many are a proper subset of them.

    The training notes that hold a code are a row of bits; the notes that hold a whole predicted set are the
    conjunction of its codes' rows. A set may do both: equal one note's codes and be part of another's.

    Args:
        predicted: bool [notes, codes].
        targets: which training note has which code, bool [training notes, codes].

    Returns:
        predictions; empty (an empty set is part of every other, and not counted as such: repair m); exact and
        proper_subset, counts; exact_share and proper_subset_share, of the predictions that are not empty, None where
        all are.
    """
    sizes = targets.sum(axis=1, dtype=np.int64)
    holders = _bit_rows(*targets.nonzero(), targets.shape)
    of_size = {int(size): np.packbits(sizes == size) for size in np.unique(sizes)}
    nobody = np.zeros(holders.shape[1], dtype=np.uint8)
    exact = proper_subset = empty = 0
    for codes in map(np.flatnonzero, predicted):
        if not len(codes):
            empty += 1
            continue
        supersets = np.bitwise_and.reduce(holders[codes], axis=0)
        equals = of_size.get(len(codes), nobody)
        exact += bool((supersets & equals).any())
        proper_subset += bool((supersets & ~equals).any())
    coded = len(predicted) - empty
    return {
        "predictions": len(predicted),
        "empty": empty,
        "exact": exact,
        "proper_subset": proper_subset,
        "exact_share": exact / coded if coded else None,
        "proper_subset_share": proper_subset / coded if coded else None,
    }


def _bit_rows(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The columns of a matrix of ones as rows of bits, packed as `np.packbits` does: uint8 [columns, rows / 8]."""
    bits = np.zeros((shape[1], -(-shape[0] // 8)), dtype=np.uint8)
    np.bitwise_or.at(bits, (columns, rows // 8), (128 >> rows % 8).astype(np.uint8))
    return bits


def _count(given: np.ndarray) -> dict[str, int | float]:
    total = int(given.sum())
    return {"total": total, "per_note": total / len(given), "unique": int(given.any(axis=0).sum())}
