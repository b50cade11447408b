"""Tests of the decisions of two coders: approximate randomisation of F1, and McNemar's test."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from scipy import sparse, stats

from synthnotes.machinery.disclosure import people
from synthnotes.machinery.progress import Bar
from synthnotes.significance.differences import finite
from synthnotes.significance.outcomes import Outcome
from synthnotes.significance.resampling import AT_ONCE, rates


def randomise(
    first: Sequence[Outcome], second: Sequence[Outcome], resamples: int, seed: int
) -> dict[str, dict[str, float]]:
    """Approximate randomisation (Noreen 1989; Yeh 2000) of micro and macro F1.

    If the coders did not differ, each decision could as well be the other coder's. So a coin tells for every patient
    whether the coders' decisions on this patient's notes change places, and p is the share of such resamples whose
    difference is at least as large as the observed one, in either direction.

    Args:
        first, second: the outcomes of both coders, one per seed, on the same notes. The decisions of one seed change
            places with those of the other coder's same seed, under one coin for all seeds; differences are their means.
            Where the coders differ in the number of their seeds, each seed of one is paired with each of the other.
        resamples: how many.
        seed: of the coins.

    Returns:
        For `micro_f1` and `macro_f1` the observed difference, first minus second, and p.
    """
    pairs = zip(first, second, strict=True) if len(first) == len(second) else product(first, second)
    of_seeds = [swapping(*pair) for pair in pairs]

    def differences(swaps: np.ndarray) -> np.ndarray:
        return np.mean([of_seed(swaps) for of_seed in of_seeds], axis=0)

    patients = int(first[0].patients.max()) + 1
    observed = differences(np.zeros((patients, 1), np.float32))
    rng = np.random.default_rng(seed)
    extreme = np.zeros(2, dtype=int)
    for start in Bar(range(0, resamples, AT_ONCE), "randomisation", unit_scale=AT_ONCE, leave=False):
        swaps = rng.integers(2, size=(min(AT_ONCE, resamples - start), patients)).astype(np.float32)
        # A difference that differs by rounding alone is the observed one.
        extreme += (np.abs(differences(np.ascontiguousarray(swaps.T))) >= np.abs(observed) - 1e-9).sum(axis=1)
    return {
        name: {"difference": float(difference[0]), "p": float((1 + count) / (1 + resamples))}
        for name, difference, count in zip(("micro_f1", "macro_f1"), observed, extreme, strict=True)
    }


def swapping(first: Outcome, second: Outcome) -> Callable[[np.ndarray], np.ndarray]:
    """Gives the function from swaps to differences of micro and macro F1, first minus second.

    The function takes swaps, [patients, resamples], 1 for the patients whose decisions change places, and gives the
    differences as [2, resamples].
    """
    true, *given = (
        first.by_patient(matrix)
        for matrix in (first.truth, first.predicted, second.predicted, first.correct, second.correct)
    )
    # Where the coders agree, changing places changes nothing: the differences are nearly empty.
    moved = sparse.vstack([(given[1] - given[0]).T, (given[3] - given[2]).T], format="csr", dtype=np.float32)
    true, *given = (matrix.sum(axis=0)[:, None].astype(np.float32) for matrix in (true, *given))

    def differences(swaps: np.ndarray) -> np.ndarray:
        predicted, correct = (moved @ swaps).reshape(2, len(true), -1)
        pairs = (true, given[0] + predicted, given[2] + correct), (true, given[1] - predicted, given[3] - correct)
        return np.subtract(*(f1(*counts) for counts in pairs))

    return differences


def f1(true: np.ndarray, predicted: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Micro and macro F1, [2, resamples], from the counts of each code that occurs, [codes, resamples]."""
    sums = (np.sum(counts, axis=0, dtype=np.float64) for counts in (true, predicted, correct))
    return np.stack([rates(*sums)["f1"], rates(true, predicted, correct)["f1"].mean(axis=0, dtype=np.float64)])


def mcnemar(first: Outcome, second: Outcome) -> dict[str, int | float | None]:
    """McNemar's test of the decisions (does a note have a code?) that only one of two coders makes rightly.

    Returns:
        decisions, notes times codes; right_by_first_only and right_by_second_only; p, exact and two-sided, which takes
        all decisions as independent; p_by_patient, which does not: normal approximation with the variance of the
        patients' sums.
    """
    lead = first.predicted.astype(np.int8) - second.predicted.astype(
        np.int8
    )  # 1 where only the first predicts the code
    # The coder that predicts it is right where the code is true, the other one where it is not.
    balance = (2 * lead.multiply(first.truth) - lead).tocsr()
    by_first, by_second = int((balance > 0).sum()), int((balance < 0).sum())
    discordant = by_first + by_second
    sums = first.by_patient(balance.sum(axis=1))
    variance = float((sums**2).sum())
    return {
        "decisions": people(first.truth.shape[0] * first.truth.shape[1]),
        "right_by_first_only": people(by_first),
        "right_by_second_only": people(by_second),
        "p": float(stats.binomtest(by_first, discordant).pvalue) if discordant else None,
        "p_by_patient": finite(2 * stats.norm.sf(abs(sums.sum()) / np.sqrt(variance))) if variance else None,
    }
