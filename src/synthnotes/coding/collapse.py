"""Whether a coder reads: a collapsed one gives every note about the same answer, whatever stands in it.

Training that diverges early, or does not begin, leaves an encoder that gives the same output for every token. Such a
coder still has a micro-F1, that of its frequent codes, and two of them do not differ; so F1 alone does not tell.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from synthnotes.coding.rates import ranking_per_note

LEAST_SPREAD = 0.01  # of the variance of the predictions: the demo's coders have 0.8 and more, a collapsed one none
CHANCE = 2.33  # standard errors, one-sided 1 %: by so much must reading notes be better than not reading them
FEWEST = 20  # patients: of fewer, chance hides what any coder reads, and the spread alone is judged
NOTES = 4_000  # that are looked at, at most: more would tell nothing new, and are slow to rank


class Collapse(NamedTuple):
    """What a coder's answers owe to the notes, and whether that is nothing (`collapsed`).

    Attributes:
        spread: share of the variance of the probabilities that lies between the notes of a code; 0 where every note
            gets the same answer. It has no unit, so that rare codes and a cautious coder do not make it small.
        map: mean average precision.
        map_without_notes: that of the coder's own mean answer, given to every note.
    """

    spread: float
    map: float
    map_without_notes: float
    collapsed: bool


def measure_collapse(truth: np.ndarray | sparse.csr_array, probabilities: np.ndarray, patients: np.ndarray) -> Collapse:
    """Measures what a coder's answers owe to the notes, on 4,000 of them at most, evenly spread.

    A coder has collapsed if the spread is next to nothing, or if what differs from note to note is but chance: if its
    answers neither rank the codes of a note better than its mean answer does, nor favour those codes that a note has
    over those that other notes have. Of few patients the spread alone is judged. A coder may be poor and still read;
    then its verdicts are about something.

    Args:
        truth: bool [notes, codes]; notes without a code, and codes without a note, are left out.
        probabilities: float [notes, codes].
        patients: of each note; chance is what other patients would change.
    """
    notes, codes, has = _looked_at(truth)
    if not len(notes):
        return Collapse(0.0, 0.0, 0.0, collapsed=True)
    # As the file of predictions keeps them, so that a coder in memory is judged as one read back.
    given = probabilities[np.ix_(notes, codes)].astype(np.float16).astype(np.float32)
    own, mean = average_precision(has, given), average_precision(has, given.mean(axis=0, dtype=np.float64))
    variance = given.var(dtype=np.float64)
    spread = given.var(axis=0, dtype=np.float64).mean() / variance if variance else 0.0
    reads = len(np.unique(patients[notes])) < FEWEST or any(
        _above_chance(values, patients[notes]) for values in (own - mean, _agreement(has, given))
    )
    collapsed = spread < LEAST_SPREAD or not reads
    return Collapse(float(spread), float(own.mean()), float(mean.mean()), bool(collapsed))


def baseline_map(truth: np.ndarray | sparse.csr_array, frequency: np.ndarray) -> float:
    """Mean average precision, on the same notes, of the codes in the order of their frequency, [codes]."""
    _, codes, has = _looked_at(truth)
    return float(average_precision(has, frequency[codes]).mean()) if has.size else 0.0


def _agreement(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The sum over a note's codes of how much their probability exceeds what code and note by themselves would give."""
    beyond = probabilities - probabilities.mean(axis=0)
    beyond -= beyond.mean(axis=1, keepdims=True)
    return (beyond * (truth - truth.mean(axis=0))).sum(axis=1)


def _above_chance(values: np.ndarray, patients: np.ndarray) -> bool:
    """Whether the mean of the notes' values, [notes], is above zero by more than other patients would change."""
    _, patient = np.unique(patients, return_inverse=True)
    error = np.linalg.norm(np.bincount(patient, values - values.mean())) / len(values)
    return bool(values.mean() > CHANCE * error)


def _looked_at(truth: np.ndarray | sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Notes with a code, 4,000 at most, the codes that they have, and which has which: bool [notes, codes]."""
    coded = np.flatnonzero(truth.sum(axis=1))
    notes = coded[np.linspace(0, len(coded) - 1, min(NOTES, len(coded))).astype(int)]
    has = truth[notes].toarray() if sparse.issparse(truth) else truth[notes]
    codes = np.flatnonzero(has.any(axis=0))
    return notes, codes, has[:, codes]


def average_precision(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The average precision of each note, of which each has a code; scores are of every note or one answer to all."""
    return ranking_per_note(truth, np.broadcast_to(scores, truth.shape))["map"]
