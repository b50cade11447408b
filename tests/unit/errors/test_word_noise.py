import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthnotes.errors.word_noise import add_noise, changes, h1, h2, list_words
from synthnotes.machinery.files import UserError

WORDS = ["alpha", "beta", "gamma", "delta"]  # none of them in the notes below
TEXTS = [" ".join(f"w{i}" for i in range(count)) for count in (10, 37, 1, 200, 25)]


def changed(before: str, after: str) -> list[int]:
    return [i for i, (old, new) in enumerate(zip(before.split(), after.split(), strict=True)) if old != new]


@given(level=st.integers(1, 100), seed=st.integers(0, 100))
def test_h1_replaces_the_share_of_every_note_s_words(level, seed):
    for before, after in zip(TEXTS, h1(TEXTS, level, WORDS, seed), strict=True):
        assert len(changed(before, after)) == round(level / 100 * len(before.split()))


@given(level=st.integers(1, 100), seed=st.integers(0, 100))
def test_h2_replaces_most_words_of_the_share_of_the_notes(level, seed):
    texts = TEXTS * 8
    counts = [len(changed(*pair)) for pair in zip(texts, h2(texts, level, 0.9, WORDS, seed), strict=True)]
    assert sum(count > 0 for count in counts) == round(level / 100 * len(texts))
    assert all(count in (0, round(0.9 * len(text.split()))) for count, text in zip(counts, texts, strict=True))


def test_the_seed_determines_the_noise():
    assert h1(TEXTS, 50, WORDS, 1) == h1(TEXTS, 50, WORDS, 1) != h1(TEXTS, 50, WORDS, 2)
    assert h2(TEXTS, 50, 0.9, WORDS, 1) == h2(TEXTS, 50, 0.9, WORDS, 1) != h2(TEXTS, 50, 0.9, WORDS, 2)


def test_equal_notes_get_different_noise():
    first, second = h1([TEXTS[3]] * 2, 50, WORDS, 1)
    assert first != second


def test_levels_nest():
    for text, less, more in zip(TEXTS, h1(TEXTS, 20, WORDS, 1), h1(TEXTS, 50, WORDS, 1), strict=True):
        assert set(changed(text, less)) <= set(changed(text, more))
        assert all(less.split()[i] == more.split()[i] for i in changed(text, less))
    texts = TEXTS * 8
    for text, less, more in zip(texts, h2(texts, 20, 0.9, WORDS, 1), h2(texts, 50, 0.9, WORDS, 1), strict=True):
        assert less in (text, more)


def test_white_space_and_dictionary_are_kept_to():
    (noisy,) = h1(["  one\ttwo\n\nthree "], 100, WORDS, 1)
    first, second, third = noisy.split()
    assert noisy == f"  {first}\t{second}\n\n{third} "
    assert {first, second, third} <= set(WORDS)


@pytest.mark.parametrize("language", ["en", "sv"])
def test_the_dictionary_holds_distinct_words_of_letters(language):
    words = list_words(language, 5000)
    assert len(set(words)) == 5000
    assert all(word.isalpha() for word in words)
    assert {"en": "the", "sv": "och"}[language] in words[:20]


def test_a_language_may_list_its_words_itself():
    assert list_words(["eins", "zwei", "3", "vier"], 20_000) == ["eins", "zwei", "vier"]
    with pytest.raises(UserError, match="wordfreq has no list 'klingon', but"):
        list_words("klingon", 10)


def test_a_dictionary_larger_than_the_list_is_refused():
    with pytest.raises(UserError, match=r"noise\.dictionary_words is 10000000"):
        list_words("sv", 10_000_000)


@pytest.mark.parametrize(
    ("hypothesis", "expected"),
    [("h1", {"notes_changed": 10, "words_changed": 20}), ("h2", {"notes_changed": 2, "words_changed": 18})],
)
def test_noise_changes_texts_only(hypothesis, expected):
    notes = pd.DataFrame({"note_id": list("abcdefghij"), "text": [TEXTS[0]] * 10, "codes": [["I10"]] * 10})
    noisy = add_noise(notes, hypothesis, 20, 0.9, WORDS, 1)
    pd.testing.assert_frame_equal(noisy.drop(columns="text"), notes.drop(columns="text"))
    counts = changes(notes["text"].tolist(), noisy["text"].tolist())
    assert counts == {"notes": 10, "words": 100} | expected
