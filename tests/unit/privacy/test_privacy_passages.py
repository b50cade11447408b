import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthnotes.privacy.overlap import hash_tables, overlap
from synthnotes.privacy.overlap.passages import longest_passages
from synthnotes.privacy.overlap.vocabulary import Encoder

LETTERS = st.sampled_from("aab")
CORPUS = st.lists(st.lists(LETTERS, max_size=45).map(" ".join), max_size=5)


def find(synthetic, training, **options):
    encode = Encoder("white-space")
    table = longest_passages(encode(synthetic), encode(training), **options)
    return list(table.itertuples(index=False, name=None))


def by_hand(note, training):
    """Every passage of a note, the longest and first one first, looked for in every training note."""
    words, others = note.split(), [text.split() for text in training]
    for width in range(len(words), 0, -1):
        for start in range(len(words) - width + 1):
            passage = words[start : start + width]
            places = [
                (index, at)
                for index, other in enumerate(others)
                for at in range(len(other) - width + 1)
                if other[at : at + width] == passage
            ]
            if places:
                return (width, start, *places[0], len({index for index, _ in places}))
    return (0, -1, -1, -1, 0)


@settings(max_examples=60, deadline=None)
@given(CORPUS, CORPUS)
def test_equals_looking_for_every_passage(synthetic, training):
    found = find(synthetic, training)
    assert found == [by_hand(note, training) for note in synthetic]
    for (words, *_), note in zip(found, synthetic, strict=True):
        shared = [
            overlap([note.split()], [text.split() for text in training], n).any() for n in (words or 1, words + 1)
        ]
        assert shared == [words > 0, False]


def test_long_passages_and_small_blocks(monkeypatch):
    rng = np.random.default_rng(5)
    training = [" ".join(rng.choice(list("abcdefghij"), 150)) for _ in range(6)]
    words = [text.split() for text in training]
    synthetic = [
        " ".join(["x", *words[note][at : at + width], "y"])
        for note, at, width in [(0, 0, 150), (3, 20, 15), (3, 20, 16), (4, 1, 17), (5, 60, 63), (5, 0, 129), (2, 5, 31)]
    ]
    expected = [by_hand(note, training) for note in synthetic]
    assert [row[0] for row in expected] == [150, 15, 16, 17, 63, 129, 31]
    assert find(synthetic, training) == expected
    monkeypatch.setattr(hash_tables, "WORDS_AT_ONCE", 200)
    assert find(synthetic, training, budget=20_000) == expected


@pytest.mark.parametrize(
    ("note", "row"),
    [
        ("He was discharged home.", (3, 1, 1, 1, 1)),  # "WAS discharged\nhome." of the second note
        ("a b", (2, 0, 0, 0, 2)),  # held by two notes, the first of which counts
        ("b, a,", (0, -1, -1, -1, 0)),
        ("", (0, -1, -1, -1, 0)),
    ],
)
def test_by_hand(note, row):
    assert find([note], ["a b", "she WAS discharged\nhome. a b a b"]) == [row]


def test_passages_end_with_their_note():
    assert find(["a b c d"], ["a b", "c d"])[0] == (2, 0, 0, 0, 1)
    assert find(["a b", "c d"], ["x a b c d"]) == [(2, 0, 0, 1, 1), (2, 0, 0, 3, 1)]
