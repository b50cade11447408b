"""What "overlap" counts, in full. The modules beside this one count the same in whole corpora, exactly and fast.

A note's n-grams are numbered by their occurrence: its second "no acute distress" is another member than its first. So
a note is a set of members, a row of ones and zeros; and the product of two rows is their clipped count, min(a, b) for
an n-gram that the notes hold a and b times.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
from scipy import sparse

Notes = Sequence[Sequence[str]]  # the words of each note
Ngram = tuple[str, ...]


def overlap(notes: Notes, others: Notes, n: int) -> np.ndarray:
    """Counts the n-grams that each note shares with each of the others, clipped as in ROUGE-n (Lin 2004).

    A note's ROUGE-n recall is the highest count of its row over the number of its n-grams (`inverted_index`). Its
    longest shared passage has as many words as the largest n for which its row is not zero (`passages`).

    Returns:
        int64 [notes, others].
    """
    columns: dict[tuple[Ngram, int], int] = defaultdict(count().__next__)  # a new member gets the next one
    rows = [[[columns[member] for member in members(words, n)] for words in corpus] for corpus in (notes, others)]
    ours, theirs = (_binary(corpus, len(columns)) for corpus in rows)
    return (ours @ theirs.T).toarray()


def members(words: Sequence[str], n: int) -> Iterator[tuple[Ngram, int]]:
    """Yields each n-gram of a note, and how often it has stood there before."""
    seen: Counter[Ngram] = Counter()
    for start in range(len(words) - n + 1):
        ngram = tuple(words[start : start + n])
        yield ngram, seen[ngram]
        seen[ngram] += 1


def different(notes: Notes, n: int) -> set[Ngram]:
    """The different n-grams of a corpus; those that corpora share are the intersection (`unique_ngrams`)."""
    return {ngram for words in notes for ngram, _ in members(words, n)}


def _binary(rows: Sequence[Sequence[int]], columns: int) -> sparse.csr_array:
    """The matrix that has ones in the given columns of each row."""
    bounds = np.cumsum([0, *map(len, rows)])
    places = np.array([column for row in rows for column in row], dtype=np.int64)
    return sparse.csr_array((np.ones(len(places), np.int64), places, bounds), shape=(len(rows), columns))
