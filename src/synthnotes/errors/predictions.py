"""Which codes are predicted at all, and whether predictions repeat the training set's code sets (paper, 6.3.1)."""

import numpy as np
from scipy import sparse

from synthnotes.errors.decisions import Decisions, count


def describe(decisions: Decisions) -> dict[str, int | float | dict[str, int | float] | None]:
    """Counts predicted, true and correctly predicted codes.

    Returns:
        notes; predicted and true, each with total, per_note and unique codes; correct, the same of codes predicted
        where they are true; precision and recall over all notes and codes; coverage, the share of the codes of E that
        are predicted for any note, rightly or not (repair l).
    """
    ever_predicted = count(decisions.predicted, axis=0) > 0
    predicted, true, correct = map(_totals, (decisions.predicted, decisions.truth, decisions.correct))
    return {
        "notes": decisions.truth.shape[0],
        "predicted": predicted,
        "true": true,
        "correct": correct,
        "precision": correct["total"] / predicted["total"] if predicted["total"] else None,
        "recall": correct["total"] / true["total"],
        "coverage": float(ever_predicted[decisions.occurring].mean()),
    }


def code_match(
    predicted: sparse.csr_array, targets: sparse.csr_array, published_match: bool = False
) -> dict[str, int | float | None]:
    """How many predicted code sets equal the codes of a training note, and how many are a proper subset of them.

    The training notes that hold a code are a row of bits; the notes that hold a whole predicted set are the
    conjunction of its codes' rows. A set may do both: equal one note's codes and be part of another's.

    Args:
        predicted: bool [notes, codes].
        targets: which of the notes that teach has which code, bool [training notes, codes].
        published_match: count as published (repair m): what equals a note's codes is no subset besides, and an empty
            prediction is one, which is part of every set, and stands in the shares' denominator.

    Returns:
        predictions; empty, exact and proper_subset, counts; exact_share and proper_subset_share, of the predictions
        that are not empty, None where all are.
    """
    sizes = count(targets, axis=1)
    holders = _bit_rows(*targets.nonzero(), targets.shape)
    of_size = {int(size): np.packbits(sizes == size) for size in np.unique(sizes)}
    nobody = np.zeros(holders.shape[1], dtype=np.uint8)
    exact = proper_subset = empty = 0
    for codes in np.split(predicted.indices, predicted.indptr[1:-1]):
        if not len(codes):
            empty += 1
            continue
        supersets = np.bitwise_and.reduce(holders[codes], axis=0)
        equals = of_size.get(len(codes), nobody)
        is_exact = bool((supersets & equals).any())
        exact += is_exact
        proper_subset += bool((supersets & ~equals).any()) and not (published_match and is_exact)
    judged = predicted.shape[0]
    if published_match:
        proper_subset += empty
    else:
        judged -= empty
    return {
        "predictions": predicted.shape[0],
        "empty": empty,
        "exact": exact,
        "proper_subset": proper_subset,
        "exact_share": exact / judged if judged else None,
        "proper_subset_share": proper_subset / judged if judged else None,
    }


def _bit_rows(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The columns of a matrix of ones as rows of bits, packed as `np.packbits` does: uint8 [columns, rows / 8]."""
    bits = np.zeros((shape[1], -(-shape[0] // 8)), dtype=np.uint8)
    np.bitwise_or.at(bits, (columns, rows // 8), (128 >> rows % 8).astype(np.uint8))
    return bits


def _totals(given: sparse.csr_array) -> dict[str, int | float]:
    unique = int((count(given, axis=0) > 0).sum())
    return {"total": given.nnz, "per_note": given.nnz / given.shape[0], "unique": unique}
