"""What the nearest pairs share: longest common runs of words, and how common their n-grams are (paper, section 7)."""

from typing import NamedTuple

import numpy as np

from synthnotes.privacy.overlap.ngrams import Index, find_all, notes_of
from synthnotes.privacy.overlap.passages import longest_passages
from synthnotes.privacy.overlap.vocabulary import Words


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


def longest_common_runs(notes: Words, partners: Words) -> list[int]:
    """The length of the longest run of words that each note shares with its partner."""
    pairs = ((notes.part(pair, pair + 1), partners.part(pair, pair + 1)) for pair in range(len(notes.lengths)))
    return [int(longest_passages(note, partner, quiet=True)["words"][0]) for note, partner in pairs]


def shared_ngrams(notes: Words, partners: Words, training: Words, n: int, template_share: float) -> SharedNgrams:
    """Looks up in all of training what pairs of notes share.

    Args:
        notes: the first note of each pair.
        partners: the second one, a training note.
        training: all training notes.
        n: words per n-gram.
        template_share: an n-gram that stands in more than this share of the training notes belongs to a template.
    """
    index = Index(notes, n)
    own, theirs = index.own, index.find(partners)
    ours, our_counts = _counted(notes, own.positions, own.ids)
    others, their_counts = _counted(partners, theirs.positions, theirs.ids)
    keys, first, second = np.intersect1d(ours, others, assume_unique=True, return_indices=True)
    clipped = np.minimum(our_counts[first], their_counts[second])
    ids = keys & 0xFFFFFFFF

    occurrences, holders = (np.zeros(index.different, dtype=np.int64) for _ in range(2))
    for block in find_all(index, training):
        occurrences += np.bincount(block.ids, minlength=index.different)
        held, _ = _counted(training, block.positions, block.ids)
        holders += np.bincount(held & 0xFFFFFFFF, minlength=index.different)
    of_template = np.where(holders[ids] > template_share * len(training.lengths), clipped, 0)
    overlap, template = (np.zeros(len(notes.lengths), dtype=np.int64) for _ in range(2))
    np.add.at(overlap, keys >> 32, clipped)
    np.add.at(template, keys >> 32, of_template)
    return SharedNgrams(np.sort(occurrences[np.unique(ids)]), overlap, template)


def _counted(words: Words, positions: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Note and id of every n-gram of a note, once, packed into one number, and how often the note holds it."""
    return np.unique(notes_of(words, positions) << 32 | ids, return_counts=True)
