import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from synthnotes.privacy.overlap import inverted_index, overlap
from synthnotes.privacy.overlap.vocabulary import Encoder, cut_into_words

WORDS = st.sampled_from(["no", "No", "acute", "distress.", "pain-free", "b/l", "å", "-"])
CORPUS = st.lists(st.lists(WORDS, max_size=14).map(" ".join), max_size=7)


def nearest_neighbours(synthetic, real, n, tokenizer="ascii"):
    encode = Encoder(tokenizer)
    return inverted_index.nearest_neighbours(encode(synthetic), encode(real), n)


def pairwise(synthetic, real, n):
    """The published search: every pair through rouge_score, the first highest recall wins."""
    scorer = RougeScorer([f"rouge{n}"])
    rows = []
    for index, note in enumerate(synthetic):
        scores = [scorer.score(note, other)[f"rouge{n}"] for other in real]
        best = max(range(len(real)), key=lambda other: (scores[other].recall, -other), default=None)
        if best is None or scores[best].recall == 0:
            rows.append((index, -1, 0.0, 0.0, 0.0))
        else:
            rows.append((index, best, scores[best].recall, scores[best].precision, scores[best].fmeasure))
    return rows


def rows_of(neighbours):
    return list(neighbours.drop(columns="overlap").itertuples(index=False, name=None))


@settings(max_examples=60, deadline=None)
@given(CORPUS, CORPUS, st.sampled_from([1, 2, 3, 5]))
def test_equals_rouge_score_to_the_last_bit(synthetic, real, n):
    found = nearest_neighbours(synthetic, real, n)
    assert rows_of(found) == pairwise(synthetic, real, n)
    counts = overlap(*([cut_into_words(note, "ascii") for note in corpus] for corpus in (synthetic, real)), n)
    assert found["overlap"].tolist() == counts.max(axis=1, initial=0).tolist()


@pytest.fixture
def corpora():
    chance = random.Random(7)
    words = ["the", "patient", "was", "given", "of", "pain", "no", "fever", "acute"]
    phrases = [" ".join(chance.choices(words, k=9)) for _ in range(30)]
    return [[" ".join(chance.choices(phrases, k=8)) for _ in range(size)] for size in (25, 60)]


def test_equals_rouge_score_on_notes_made_of_shared_phrases(corpora):
    synthetic, real = corpora
    found = rows_of(nearest_neighbours(synthetic, real, 5))
    assert found == pairwise(synthetic, real, 5)
    assert len({neighbour for _, neighbour, *_ in found}) > 5  # the case is not a trivial one


def test_small_blocks_and_common_n_grams_give_the_same(corpora, monkeypatch):
    synthetic, real = corpora
    expected = rows_of(nearest_neighbours(synthetic, real, 5))
    monkeypatch.setattr(inverted_index, "WORDS_AT_ONCE", 500)
    for share in (0, 0.2, 1):  # all, some and none of the members are bits
        monkeypatch.setattr(inverted_index, "COMMON_FROM", share)
        assert rows_of(nearest_neighbours(synthetic, real, 5)) == expected


def test_repeated_n_grams_are_clipped():
    # Bigrams: "a b" 3 times and "b a" twice, against "a b" twice, "b c" and "c a".
    row = nearest_neighbours(["a b a b a b"], ["x", "a b c a b"], n=2).iloc[0]
    assert (row["real_index"], row["overlap"], row["recall"], row["precision"]) == (1, 2, 2 / 5, 2 / 4)


def test_of_equal_recall_the_first_note_wins_though_a_later_one_has_more_precision():
    found = nearest_neighbours(["a b c"], ["z", "a b y y y", "a b", "b c"], n=2)
    assert found["real_index"].tolist() == [1]


def test_unicode_words_do_not_match_on_their_ascii_pieces():
    swedish = (["må bra nu"], ["möt bra nu", "m bra nu"])
    assert nearest_neighbours(*swedish, n=3)["real_index"].tolist() == [1]
    assert nearest_neighbours(*swedish, n=3, tokenizer="unicode")["real_index"].tolist() == [-1]


@pytest.mark.parametrize(("synthetic", "real"), [([], ["a b"]), (["a b", ""], []), (["a"], [""])])
def test_nothing_to_find(synthetic, real):
    found = nearest_neighbours(synthetic, real, n=1)
    assert found["synthetic_index"].tolist() == list(range(len(synthetic)))
    assert (found["real_index"] == -1).all()
    assert (found[["overlap", "recall", "precision", "f1"]] == 0).all(axis=None)
