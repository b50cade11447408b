"""What the nearest pairs share: their longest common passage, and how common its n-grams are (paper, section 7)."""

from collections.abc import Sequence

import numpy as np

from synthnotes.privacy.ngrams import UNKNOWN, Vocabulary
from synthnotes.privacy.tokens import TOKENIZERS, Tokenizer

NOTES_PER_BLOCK = 2_048


def longest_common_run(first: str, second: str) -> int:
    """The length of the longest run of words that two notes share: lower case, split at white space."""
    split = TOKENIZERS["white-space"]
    numbers: dict[str, int] = {}
    one, other = (
        np.array([numbers.setdefault(word, len(numbers)) for word in split(note)]) for note in (first, second)
    )
    longest = 0
    runs = np.zeros(len(other) + 1, dtype=np.int64)  # of matching words that end at each word of the other note
    for word in one:
        runs[1:] = np.where(other == word, runs[:-1] + 1, 0)
        longest = max(longest, int(runs.max()))
    return longest


def shared_ngram_frequencies(
    pairs: Sequence[tuple[str, str]], training: Sequence[str], n: int, tokenizer: Tokenizer
) -> np.ndarray:
    """How often the n-grams that pairs of notes share occur in the whole training set, repetitions counted.

    Args:
        pairs: a synthetic note and its nearest training note, each.
        training: all training notes.
        n: words per n-gram.
        tokenizer: cuts notes into words.

    Returns:
        One count per different shared n-gram, ascending: int64.
    """
    vocabulary = Vocabulary([synthetic for synthetic, _ in pairs], n, TOKENIZERS[tokenizer])
    own, partners = vocabulary.ngrams, vocabulary.find([real for _, real in pairs])
    unique = int(own.ids.max(initial=UNKNOWN)) + 1
    shared = np.zeros(unique, dtype=bool)
    for pair in range(len(pairs)):
        shared[np.intersect1d(own.ids[own.notes == pair], partners.ids[partners.notes == pair])] = True

    frequencies = np.zeros(unique, dtype=np.int64)
    for start in range(0, len(training), NOTES_PER_BLOCK):
        ids = vocabulary.find(training[start : start + NOTES_PER_BLOCK]).ids
        frequencies += np.bincount(ids[ids != UNKNOWN], minlength=unique)
    return np.sort(frequencies[shared])
