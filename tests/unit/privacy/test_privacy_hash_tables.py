import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthnotes.privacy.overlap import hash_tables, members
from synthnotes.privacy.overlap.hash_tables import Index, hash_ngrams, spans
from synthnotes.privacy.overlap.inverted_index import nearest_neighbours
from synthnotes.privacy.overlap.unique_ngrams import count_by_corpora
from synthnotes.privacy.overlap.vocabulary import EncodedNotes, Encoder

NOTES = st.lists(st.lists(st.sampled_from("abc"), max_size=12).map(" ".join), max_size=6)


def windows(note, n):
    return [ngram for ngram, _ in members(note.split(), n)]


def check(corpus, others, n):
    encode = Encoder("ascii")
    index = Index(encode(corpus), n)
    known = [window for note in corpus for window in windows(note, n)]
    numbers = dict(zip(known, index.own.ids.tolist(), strict=True))
    assert sorted(numbers.values()) == list(range(index.different))
    assert index.own.ids.tolist() == [numbers[window] for window in known]

    words = encode(others)
    found = index.find(words)
    expected = [(note, window) for note, text in enumerate(others) for window in windows(text, n) if window in numbers]
    assert words.notes_at(found.positions).tolist() == [note for note, _ in expected]
    assert found.ids.tolist() == [numbers[window] for _, window in expected]
    return index


@settings(deadline=None)
@given(NOTES, NOTES, st.integers(1, 9))
def test_numbers_stand_for_n_grams_one_to_one(corpus, others, n):
    check(corpus, others, n)


# Numbers of words whose 3-grams have the same hash, all 64 bits of it: vectors of the lattice of (x, y, z) with
# x m^2 + y m + z = 0 (mod 2^64), m being the hash's multiplier, reduced by Lenstra, Lenstra and Lovász's algorithm.
COLLIDING = [[(559_805, 1_966_853, 1_137_922), (0, 0, 0)], [(2_471_971, 0, 0), (0, 1_541_980, 496_063)]]


def notes_of_ids(*notes):
    return EncodedNotes(np.concatenate(notes).astype(np.int32), np.cumsum([0, *map(len, notes)]))


@pytest.mark.parametrize("pair", COLLIDING)
def test_colliding_hashes_change_nothing(pair):
    one, other = (notes_of_ids(note) for note in pair)
    both = notes_of_ids(*pair, pair[0])
    assert hash_ngrams(one, 0, 3).tolist() == hash_ngrams(other, 0, 3).tolist() != []
    index = Index(both, 3)
    assert index.own.ids.tolist() == [0, 1, 0]
    assert index.find(notes_of_ids(pair[1], pair[0])).ids.tolist() == [1, 0]
    assert Index(one, 3).find(other).ids.tolist() == []
    assert nearest_neighbours(one, other, 3)["overlap"].tolist() == [0]
    assert count_by_corpora([both, other], 3)[:4].tolist() == [0, 1, 0, 1]
    assert count_by_corpora([one, other], 3)[:4].tolist() == [0, 1, 1, 0]


def test_found_in_parts(monkeypatch):
    monkeypatch.setattr(hash_tables, "WORDS_AT_ONCE", 5)
    encode = Encoder("ascii")
    index, words = Index(encode(["a b c a"]), 2), encode(["c a b", "", "b c", "a b c a b c a", "b"])
    parts = [np.concatenate(column) for column in zip(*index.find_all(words), strict=True)]
    assert [part.tolist() for part in parts] == [part.tolist() for part in index.find(words)]


@given(st.lists(st.integers(0, 12), max_size=8), st.integers(1, 9), st.data())
def test_spans_hold_every_note_once(lengths, most, data):
    words = EncodedNotes(np.zeros(sum(lengths), np.int32), np.cumsum([0, *lengths]))
    begin = data.draw(st.integers(0, len(lengths)))
    found = spans(words, most, begin)
    assert [note for first, last in found for note in range(first, last)] == list(range(begin, len(lengths)))
    assert all(first < last and sum(lengths[first : last - 1]) <= most for first, last in found)


def test_n_grams_do_not_reach_over_the_end_of_a_note():
    encode = Encoder("ascii")
    index = Index(encode(["a b", "c d"]), 2)
    assert index.different == 2
    assert index.find(encode(["a b c d"])).positions.tolist() == [0, 2]


def test_zero_words_are_refused():
    with pytest.raises(ValueError, match="at least one word"):
        Index(Encoder("ascii")(["a"]), 0)
