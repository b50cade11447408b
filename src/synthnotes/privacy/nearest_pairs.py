"""What the nearest pairs share: longest common runs of words, and how common their n-grams are (paper, section 7)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synthnotes.machinery.disclosure import over, people
from synthnotes.privacy.distributions import summarise
from synthnotes.privacy.overlap.hash_tables import Index
from synthnotes.privacy.overlap.inverted_index import NONE
from synthnotes.privacy.overlap.passages import longest_passages
from synthnotes.privacy.overlap.vocabulary import EncodedNotes


class SharedNgrams(NamedTuple):
    """The n-grams that pairs of notes share.

    Attributes:
        occurrences: how often each different one stands in all of training, repetitions counted, ascending: int64.
        overlap: shared n-grams of each pair, its counts clipped: int64 [pairs].
        template: those of them that stand in more than the given share of the training notes: int64 [pairs].
    """

    occurrences: np.ndarray
    overlap: np.ndarray
    template: np.ndarray


def nearest_pairs(neighbours: pd.DataFrame, top: int) -> pd.DataFrame:
    """The `top` nearest pairs, of equal recall the first notes; notes that share nothing are in no pair."""
    return neighbours[neighbours["real_index"] != NONE].nlargest(top, "recall")


def longest_common_runs(notes: EncodedNotes, partners: EncodedNotes) -> list[int]:
    """The length of the longest run of words that each note shares with its partner."""
    pairs = ((notes.part(pair, pair + 1), partners.part(pair, pair + 1)) for pair in range(len(notes.lengths)))
    return [int(longest_passages(note, partner, quiet=True)["words"][0]) for note, partner in pairs]


def shared_ngrams(
    notes: EncodedNotes, partners: EncodedNotes, training: EncodedNotes, n: int, template_share: float
) -> SharedNgrams:
    """Looks up in all of training what pairs of notes share.

    Args:
        notes: the first note of each pair.
        partners: the second one, a training note.
        training: all training notes.
        n: words per n-gram.
        template_share: an n-gram that stands in more than this share of the training notes belongs to a template.
    """

    def counted(corpus: EncodedNotes, positions: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Note and id of every n-gram of a note, once, packed into one number, and how often the note holds it."""
        return np.unique(corpus.notes_at(positions) << 32 | ids, return_counts=True)

    index = Index(notes, n)
    ours, our_counts = counted(notes, *index.own)
    others, their_counts = counted(partners, *index.find(partners))
    keys, first, second = np.intersect1d(ours, others, assume_unique=True, return_indices=True)
    clipped = np.minimum(our_counts[first], their_counts[second])
    ids = keys & 0xFFFFFFFF

    occurrences, holding = np.zeros((2, index.different), dtype=np.int64)
    for block in index.find_all(training):
        occurrences += np.bincount(block.ids, minlength=index.different)
        of_notes, _ = counted(training, *block)
        holding += np.bincount(of_notes & 0xFFFFFFFF, minlength=index.different)
    of_template = np.where(holding[ids] > template_share * len(training.lengths), clipped, 0)
    overlap, template = np.zeros((2, len(notes.lengths)), dtype=np.int64)
    np.add.at(overlap, keys >> 32, clipped)
    np.add.at(template, keys >> 32, of_template)
    return SharedNgrams(np.sort(occurrences[np.unique(ids)]), overlap, template)


def passage_summary(runs: Sequence[int], shared: SharedNgrams) -> dict[str, Any]:
    """Summarises what the nearest pairs share: longest runs of words, and how common their n-grams are in training.

    The template share is that of each pair's overlap; what is left of it is content.
    """
    overlapping = shared.overlap > 0
    found = {
        "pairs": people(len(runs)),
        "longest_run_words": summarise(runs),
        "shared_ngrams": len(shared.occurrences),
        "occurrences_in_training": summarise(shared.occurrences, len(runs)),
        "template_share": summarise(shared.template[overlapping] / shared.overlap[overlapping]),
    }
    return over(len(runs), found)
