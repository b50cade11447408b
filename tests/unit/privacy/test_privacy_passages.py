from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthnotes.privacy import passages
from synthnotes.privacy.passages import longest_common_run, shared_ngram_frequencies

NOTE = st.lists(st.sampled_from(["a", "b", "B", "c"]), max_size=15).map(" ".join)


@given(NOTE, NOTE)
def test_longest_run_equals_difflib_s(first, second):
    matcher = SequenceMatcher(None, first.lower().split(), second.lower().split(), autojunk=False)
    assert longest_common_run(first, second) == matcher.find_longest_match().size


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [("He was discharged home.", "she WAS discharged\nhome. today", 3), ("a b", "b, a,", 0), ("", "a", 0)],
)
def test_longest_run_by_hand(first, second, words):
    assert longest_common_run(first, second) == words


@pytest.mark.parametrize("block", [1, 1000])
def test_shared_ngrams_are_counted_in_all_of_training(monkeypatch, block):
    monkeypatch.setattr(passages, "NOTES_PER_BLOCK", block)
    training = ["a b c d", "x a b", "c d a b", "q r"]
    # Shared bigrams: "a b" and "c d" of the first pair (not "q r": only the other pair's real note holds it), "x a".
    pairs = [("a b, c d q r", training[2]), ("x a", training[1])]
    assert shared_ngram_frequencies(pairs, training, 2, "ascii").tolist() == [1, 2, 3]


def test_no_pairs_share_nothing():
    assert shared_ngram_frequencies([], ["a b"], 2, "ascii").tolist() == []
