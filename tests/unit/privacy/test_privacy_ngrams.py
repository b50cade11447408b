import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthnotes.privacy import ngrams
from synthnotes.privacy.ngrams import Index, notes_of
from synthnotes.privacy.words import Encoder

NOTES = st.lists(st.lists(st.sampled_from("abc"), max_size=12).map(" ".join), max_size=6)


def windows(note, n):
    words = note.split()
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]


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
    assert notes_of(words, found.positions).tolist() == [note for note, _ in expected]
    assert found.ids.tolist() == [numbers[window] for _, window in expected]
    return index


@given(NOTES, NOTES, st.integers(1, 9))
def test_numbers_stand_for_n_grams_one_to_one(corpus, others, n):
    check(corpus, others, n)


def test_chunks_hide_no_n_gram(monkeypatch):
    monkeypatch.setattr(ngrams, "POSITIONS_AT_ONCE", 3)
    check(["a b c a b c a", "", "c c c a b"], ["a b c c c a b c", "b", "a b c a"], 3)


def test_colliding_hashes_change_nothing(monkeypatch):
    """The index takes the first seed under which its own n-grams differ; others with equal hashes are not found."""
    honest = ngrams.hashes
    monkeypatch.setattr(ngrams, "hashes", lambda ids, n, seed: honest(ids, n, seed) & np.uint64(0xFF if seed else 0x1))
    rng = np.random.default_rng(3)
    others = [" ".join(rng.choice(list("abcdefgh"), 400)) for _ in range(3)]
    index = check(["a b c d e f", "a b c"], others, 3)
    assert index._seed > 0


def test_hopeless_hashes_are_no_endless_loop(monkeypatch):
    monkeypatch.setattr(ngrams, "hashes", lambda ids, n, seed: np.zeros(len(ids) - n + 1, np.uint64))
    with pytest.raises(RuntimeError, match="seeds"):
        Index(Encoder("ascii")(["a b c"]), 2)


def test_n_grams_do_not_reach_over_the_end_of_a_note():
    encode = Encoder("ascii")
    index = Index(encode(["a b", "c d"]), 2)
    assert index.different == 2
    assert index.find(encode(["a b c d"])).positions.tolist() == [0, 2]


def test_zero_words_are_refused():
    with pytest.raises(ValueError, match="at least one word"):
        Index(Encoder("ascii")(["a"]), 0)
