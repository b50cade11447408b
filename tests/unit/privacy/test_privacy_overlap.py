from hypothesis import given, settings
from hypothesis import strategies as st

from synthnotes.privacy.overlap.unique_ngrams import ngram_overlap

CORPUS = st.lists(st.lists(st.sampled_from(["a", "A", "b.", "c"]), max_size=10).map(" ".join), max_size=5)


def windows(notes, n):
    split = [note.lower().split() for note in notes]
    return {tuple(words[start : start + n]) for words in split for start in range(len(words) - n + 1)}


@settings(deadline=None)
@given(CORPUS, CORPUS, st.integers(1, 8))
def test_equals_sets_of_tuples(real, synthetic, n):
    ours, theirs = windows(real, n), windows(synthetic, n)
    assert ngram_overlap(real, synthetic, n) == {
        "real_unique": len(ours),
        "synthetic_unique": len(theirs),
        "common": len(ours & theirs),
        "union": len(ours | theirs),
        "jaccard": len(ours & theirs) / len(ours | theirs) if ours | theirs else None,
        "synthetic_share": len(ours & theirs) / len(theirs) if theirs else None,
    }


def test_by_hand():
    overlap = ngram_overlap(["One two three four", "two three"], ["one two three five"], n=2)
    assert overlap == {
        "real_unique": 3,
        "synthetic_unique": 3,
        "common": 2,
        "union": 4,
        "jaccard": 0.5,
        "synthetic_share": 2 / 3,
    }
