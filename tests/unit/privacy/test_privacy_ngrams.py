from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthnotes.privacy.ngrams import UNKNOWN, Ngrams, Vocabulary, repetitions

NOTES = st.lists(st.lists(st.sampled_from("abc"), max_size=12).map(" ".join), max_size=6)


def windows(note, n):
    words = note.split()
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]


@given(NOTES, NOTES, st.integers(1, 9))
def test_numbers_stand_for_n_grams_one_to_one(corpus, others, n):
    vocabulary = Vocabulary(corpus, n, str.split)
    known = [window for note in corpus for window in windows(note, n)]
    numbers = dict(zip(known, vocabulary.ngrams.ids.tolist(), strict=True))
    assert len(set(numbers.values())) == len(numbers)
    assert vocabulary.ngrams.ids.tolist() == [numbers[window] for window in known]

    found = vocabulary.find(others)
    assert found.ids.tolist() == [numbers.get(window, UNKNOWN) for note in others for window in windows(note, n)]
    assert found.totals.tolist() == [len(windows(note, n)) for note in others]
    assert found.notes.tolist() == [index for index, note in enumerate(others) for _ in windows(note, n)]


def test_n_grams_do_not_reach_over_the_end_of_a_note():
    vocabulary = Vocabulary(["a b", "c d"], 2, str.split)
    assert len(vocabulary.ngrams.ids) == 2
    assert vocabulary.find(["a b c d"]).ids.tolist() == [0, UNKNOWN, 1]


def test_zero_words_are_refused():
    with pytest.raises(ValueError, match="at least one word"):
        Vocabulary(["a"], 0, str.split)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 3)), max_size=30))
def test_repetitions_make_sets_of_bags(occurrences):
    occurrences.sort(key=lambda pair: pair[0])
    notes, ids = (np.array([pair[side] for pair in occurrences], dtype=np.int32) for side in (0, 1))
    members = list(zip(*(part.tolist() for part in repetitions(Ngrams(notes, ids, np.array([])))), strict=True))
    assert len(set(members)) == len(members)
    assert Counter(member[:2] for member in members) == Counter(pair for pair in occurrences if pair[1] != UNKNOWN)
    assert all(member[2] == 0 or (*member[:2], member[2] - 1) in members for member in members)
