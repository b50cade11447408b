"""Which codes are predicted at all, and whether predictions repeat the training set's code sets (paper, 6.3.1)."""

import numpy as np
from scipy import sparse

from synthnotes.errors.decisions import Decisions, count
from synthnotes.machinery.disclosure import over, people, share


def describe(decisions: Decisions) -> dict[str, int | float | dict[str, int | float] | None]:
    """Counts predicted, true and correctly predicted codes.

    Returns:
        notes; predicted and true, each with total, per_note and unique codes; correct, the same of codes predicted
        where they are true; precision and recall over all notes and codes; coverage, the share of the codes of E that
        are predicted for any note, rightly or not (repair l).
    """
    ever_predicted = count(decisions.predicted, axis=0) > 0
    matrices = decisions.predicted, decisions.truth, decisions.correct
    predicted, true, correct = (_totals(decisions, given) for given in matrices)
    told = {
        "notes": people(decisions.truth.shape[0]),
        "predicted": predicted,
        "true": true,
        "correct": correct,
        "precision": share(correct["total"], predicted["total"]),
        "recall": share(correct["total"], true["total"]),
        "coverage": float(ever_predicted[decisions.occurring].mean()),
    }
    return over(len(np.unique(decisions.patients)), told)


def code_match(
    decisions: Decisions, targets: sparse.csr_array, published: bool = False
) -> dict[str, int | float | None]:
    """How many predicted code sets equal the codes of a training note, and how many are a proper subset of them.

    The training notes that hold a code are a row of bits; the notes that hold a whole predicted set are the
    conjunction of its codes' rows. A set may do both: equal one note's codes and be part of another's.

    Args:
        decisions: for the notes of E.
        targets: which training note has which code, bool [training notes, codes].
        published: count as the published code does (repair m): an empty prediction is a subset, and in the shares'
            denominator; one that equals a note's codes is no subset of another's.

    Returns:
        predictions; empty, exact and proper_subset, counts; exact_share and proper_subset_share, of the predictions
        that are not empty, None where all are.
    """
    sizes = count(targets, axis=1)
    holders = _bit_rows(*targets.nonzero(), targets.shape)
    of_size = {int(size): np.packbits(sizes == size) for size in np.unique(sizes)}
    nobody = np.zeros(holders.shape[1], dtype=np.uint8)
    predicted = decisions.predicted
    exact, proper_subset = np.zeros((2, predicted.shape[0]), dtype=bool)
    for note, codes in enumerate(np.split(predicted.indices, predicted.indptr[1:-1])):
        if len(codes):
            supersets = np.bitwise_and.reduce(holders[codes], axis=0)
            equals = of_size.get(len(codes), nobody)
            exact[note], proper_subset[note] = (supersets & equals).any(), (supersets & ~equals).any()
    empty = count(predicted, axis=1) == 0
    if published:
        proper_subset = (proper_subset & ~exact) | empty
    judged = len(empty) if published else int((~empty).sum())
    notes = {"predictions": np.ones_like(empty), "empty": empty, "exact": exact, "proper_subset": proper_subset}
    counts = {name: (int(which.sum()), decisions.patients_of(which)) for name, which in notes.items()}
    told = {name: people(number, patients=patients) for name, (number, patients) in counts.items()}
    for name in ("exact", "proper_subset"):
        # With the count, a share tells how many predictions are empty.
        fewest = min((patients for _, patients in (counts[name], counts["empty"]) if patients), default=None)
        told[f"{name}_share"] = share(counts[name][0], judged, len(empty), fewest)
    return told


def _bit_rows(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The columns of a matrix of ones as rows of bits, packed as `np.packbits` does: uint8 [columns, rows / 8]."""
    bits = np.zeros((shape[1], -(-shape[0] // 8)), dtype=np.uint8)
    np.bitwise_or.at(bits, (columns, rows // 8), (128 >> rows % 8).astype(np.uint8))
    return bits


def _totals(decisions: Decisions, given: sparse.csr_array) -> dict[str, int | float | None]:
    total, patients = given.nnz, decisions.patients_of(given.nonzero()[0])
    return {
        "total": people(total, patients=patients),
        "per_note": share(total, given.shape[0], patients=patients),
        "unique": int((count(given, axis=0) > 0).sum()),
    }
