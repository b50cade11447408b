import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from synthnotes.privacy.overlap import different, members
from synthnotes.privacy.overlap.unique_ngrams import count_by_corpora, count_in_training
from synthnotes.privacy.overlap.vocabulary import Encoder

CORPUS = st.lists(st.lists(st.sampled_from(["a", "A", "b.", "c"]), max_size=10).map(" ".join), max_size=5)


def encoded(*corpora):
    encode = Encoder("white-space")
    return [encode(corpus) for corpus in corpora]


@settings(deadline=None)
@given(st.lists(CORPUS, min_size=1, max_size=4), st.integers(1, 8))
def test_equals_sets_of_tuples(corpora, n):
    counts = count_by_corpora(encoded(*corpora), n)
    sets = [different([note.lower().split() for note in corpus], n) for corpus in corpora]
    assert counts.sum() == len(set.union(*sets))
    held = [np.arange(256) >> corpus & 1 == 1 for corpus in range(len(sets))]
    for mask, ngrams in zip(held, sets, strict=True):
        assert counts[mask].sum() == len(ngrams)
        assert counts[held[0] & mask].sum() == len(sets[0] & ngrams)


@settings(deadline=None)
@given(CORPUS, CORPUS, st.integers(1, 4))
def test_ngrams_of_each_note_that_stand_in_training(notes, training, n):
    held = different([note.lower().split() for note in training], n)
    expected = [sum(ngram in held for ngram, _ in members(note.lower().split(), n)) for note in notes]
    assert count_in_training(*encoded(notes, training), n).tolist() == expected


def test_by_hand():
    counts = count_by_corpora(encoded(["One two three four", "two three"], ["one two three five"]), 2)
    assert counts[:4].tolist() == [0, 1, 1, 2]
