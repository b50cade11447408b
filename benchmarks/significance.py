"""The metrics of one pair of coders on other samples of patients, at the paper's size, against resampling matrices.

Straightforward: draw patients, take their rows of the truth and of both coders' decisions, notes x codes, and count.
Here: `synthnotes.significance`, from sparse counts: the jackknife, which leaves out one group of patients after
another. The decisions are simulated: code frequencies fall as they do in MIMIC-IV, and both coders have about the
quality of the published one. Every note has a patient of its own, which is the largest number of units to draw. Areas
under ROC curves are resampled to first order; how near that comes is measured on a coder's whole matrix of simulated
probabilities, whose areas some resamples take from all decisions.
"""

import time
from typing import Any

import machine
import numpy as np
from scipy import sparse

from synthnotes.coding.outcomes import Areas, Outcome, share_below, take_apart
from synthnotes.significance.resampling import GROUPS, Counts, draw, randomise, without_each

NOTES, CODES, CODES_PER_NOTE = 19_802, 7_942, 14
RESAMPLES, BY_MATRICES = 10_000, 5  # of the randomisation; by matrices
AREAS = ("micro.auc", "macro.auc")
MEANS = ("map", "r_precision", "p_5", "p_8", "p_15", "r_10", "r_15", "exact_match_ratio", "loss")


def code_shares() -> np.ndarray:
    """The share of the notes that have each code."""
    share = 1 / (10 + np.arange(CODES))
    return share * CODES_PER_NOTE / share.sum()


def simulate(seed: int) -> tuple[Outcome, Outcome]:
    """Two coders on the same notes; the second finds fewer codes."""
    rng = np.random.default_rng(seed)
    share = code_shares()

    def draw_codes(shares: np.ndarray) -> sparse.csr_array:
        count = rng.binomial(NOTES, np.minimum(shares, 1))
        rows = np.concatenate([rng.choice(NOTES, size, replace=False) for size in count])
        columns = np.repeat(np.arange(CODES), count)
        return sparse.csr_array((np.ones(len(rows), bool), (rows, columns)), shape=(NOTES, CODES))

    truth = draw_codes(share)

    def coder(recall: float) -> Outcome:
        found = truth.copy().tocoo()
        kept = rng.random(found.nnz) < recall
        right = sparse.coo_array((found.data[kept], (found.row[kept], found.col[kept])), shape=truth.shape)
        predicted = (right.tocsr() + draw_codes(0.4 * share)).astype(bool)
        placements = sparse.csr_array((1 - rng.random(truth.nnz) ** 9, truth.indices, truth.indptr), truth.shape)
        areas = Areas(placements, *rng.normal(0, 1e-4, size=(3, NOTES)))
        means = {name: rng.random(NOTES) for name in MEANS}
        return Outcome(truth, predicted, np.arange(NOTES), means=means, areas=areas)

    return coder(0.55), coder(0.5)


def by_matrices(first: Outcome, second: Outcome, resamples: int) -> np.ndarray:
    """Micro and macro F1 of both coders on resampled rows of the dense matrices: [resamples, 4]."""
    rng = np.random.default_rng(1)
    truth, *given = (matrix.toarray() for matrix in (first.truth, first.predicted, second.predicted))
    found = []
    for _ in range(resamples):
        rows = rng.integers(NOTES, size=NOTES)
        drawn = truth[rows]
        scores = []
        for predicted in (matrix[rows] for matrix in given):
            correct = (drawn & predicted).sum(axis=0)
            decided = drawn.sum(axis=0) + predicted.sum(axis=0)
            f1 = np.divide(2 * correct, decided, out=np.zeros(CODES), where=decided > 0)
            scores += [2 * correct.sum() / decided.sum(), f1[drawn.any(axis=0)].mean()]
        found.append(scores)
    return np.array(found)


def areas() -> dict[str, Any]:
    """One coder's areas on resampled patients, to first order and from all decisions.

    Returns:
        seconds to take the areas apart; by area the largest deviation of a resample, over the resamples' standard
        deviation.
    """
    rng = np.random.default_rng(0)
    share = code_shares()
    truth = rng.random((NOTES, CODES), dtype=np.float32) < np.minimum(share, 1)
    truth = truth[:, truth.any(axis=0)]
    levels = rng.standard_normal(truth.shape, dtype=np.float32)
    levels += np.log(truth.mean(axis=0, dtype=np.float32)) + np.float32(2.5) * truth
    levels += truth * rng.normal(0, 0.5, size=(NOTES, 1)).astype(np.float32)  # hard notes, easy notes
    probabilities = (1 / (1 + np.exp(-levels))).astype(np.float16)
    del levels
    started = time.perf_counter()
    parts = take_apart(truth, probabilities)
    seconds = time.perf_counter() - started
    some = sparse.csr_array(truth)
    counts = Counts([Outcome(some, some, np.arange(NOTES), areas=parts)])
    weights = next(draw(NOTES, 64, 1))
    found = counts.metrics(weights)[0]
    exact = np.array([weighted_areas(truth, probabilities, weight) for weight in weights[:BY_MATRICES]])
    deviations = {
        name: float(np.abs(found[name][:BY_MATRICES] - exact[:, i]).max() / found[name].std())
        for i, name in enumerate(AREAS)
    }
    return {"seconds": seconds, "resamples": BY_MATRICES, "largest_deviation_in_sd": deviations}


def weighted_areas(truth: np.ndarray, probabilities: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Micro and macro area where notes count as often as their weights say, from all decisions."""
    levels, of_codes, total = probabilities.view(np.uint16), [], np.zeros((2, 1 << 14))
    for has, level in zip(truth.T, levels.T, strict=True):
        pair = [np.bincount(level[which], weight[which], minlength=1 << 14) for which in (has, ~has)]
        total += pair
        if pair[0].any():
            of_codes.append(pair[0] @ share_below(pair[1]) / pair[0].sum())
    return float(total[0] @ share_below(total[1]) / total[0].sum()), float(np.mean(of_codes))


def child(which: str) -> dict[str, Any]:
    """Times one way; the mean difference of macro F1 must be the same but for the luck of the draw."""
    if which == "areas":
        return areas()
    first, second = simulate(0)
    started = time.perf_counter()
    if which == "matrices":
        scores = by_matrices(first, second, BY_MATRICES)
        seconds, resamples = time.perf_counter() - started, BY_MATRICES
        difference = (scores[:, 1] - scores[:, 3]).mean()
    elif which == "counts":
        without = [without_each([coder])["macro.f1"] for coder in (first, second)]
        seconds, resamples = time.perf_counter() - started, GROUPS
        difference = (without[0] - without[1]).mean()
    else:
        difference = randomise([first], [second], RESAMPLES, 1)["macro_f1"]["difference"]
        seconds, resamples = time.perf_counter() - started, RESAMPLES
    return {"seconds": seconds, "resamples": resamples, "macro_f1_difference": float(difference)}


def parent() -> dict[str, Any]:
    """All ways, one after another."""
    results = {}
    print(f"{'':30}{'resamples':>10}{'s':>8}{'ms each':>10}{'GiB':>7}{'difference of macro F1':>24}")
    labels = {
        "matrices": "bootstrap, matrices",
        "counts": "jackknife, counts",
        "randomisation": "approximate randomisation",
    }
    for which, label in labels.items():
        entry = machine.in_child(__file__, which)
        entry["milliseconds_per_resample"] = 1000 * entry["seconds"] / entry["resamples"]
        results[which] = {name: round(value, 5) for name, value in entry.items()}
        print(
            f"{label:30}{entry['resamples']:10,}{entry['seconds']:8.1f}{entry['milliseconds_per_resample']:10.2f}"
            f"{entry['peak_gib']:7.2f}{entry['macro_f1_difference']:24.4f}",
            flush=True,
        )
    ratio = results["matrices"]["milliseconds_per_resample"] / results["counts"]["milliseconds_per_resample"]
    print(f"Per resample, counts are {ratio:.0f} times faster than matrices.")
    results["areas"] = machine.in_child(__file__, "areas")
    print(
        "Areas under ROC curves: one coder's taken apart in {seconds:.1f} s, {peak_gib:.2f} GiB".format(
            **results["areas"]
        )
    )
    for name, deviation in results["areas"]["largest_deviation_in_sd"].items():
        print(
            f"  {name}: to first order, off by at most {deviation:.4f} standard deviations in {BY_MATRICES} resamples"
        )
    return {"notes": NOTES, "codes": CODES, "times_faster_per_resample": round(ratio, 1), **results}


if __name__ == "__main__":
    machine.main("significance", child, parent)
