from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.tokenize import tokenize

from synthnotes.privacy.overlap import vocabulary as module
from synthnotes.privacy.overlap.vocabulary import Encoder, Tokenizer, cut_into_words, join

# Letters that tempt: case pairs that change length or alphabet, marks, digits of other scripts, spaces of all kinds.
PIECES = [
    "a",
    "B",
    "å",
    "İ",
    "K",
    "Σ",
    "ß",
    "\u0308",
    "²",
    "٣",
    "_",
    "\x00",
    "\x1c",
    "\u00a0",
    " ",
    "\n",
    "-",
    "\ud800",
    "😀",
]
PIECES += [
    "hypertension",
    "hypertensive",
    "hyperten",
    "hypertensio",
    "𐐀" * 9,
    "x" * 300,
    "x" * 301,
    "a\x00",
    "aaaaaaa\x00",
]
NOTES = st.lists(
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=12).map("".join), max_size=6
)
RULES = pytest.mark.parametrize("rule", get_args(Tokenizer))


@RULES
@settings(max_examples=40, deadline=None)
@given(first=NOTES, second=NOTES)
def test_numbers_stand_for_words_one_to_one(rule, first, second):
    encode = Encoder(rule)
    both = [encode(first), encode(second)]
    tokens = [cut_into_words(text, rule) for text in first + second]
    words = join(*both)
    assert words.lengths.tolist() == [len(note) for note in tokens]
    flat = [word for note in tokens for word in note]
    assert len(set(zip(flat, words.ids.tolist(), strict=True))) == len(set(flat)) == len(set(words.ids.tolist()))


@RULES
def test_small_blocks_give_the_same(rule, monkeypatch):
    notes = ["No fever, no chills.", "", "Försämrad hjärtsvikt", "no fever"]
    whole = Encoder(rule)(notes)
    monkeypatch.setattr(module, "CHARACTERS_AT_ONCE", 5)
    parts = Encoder(rule)(notes)
    assert parts.starts.tolist() == whole.starts.tolist()
    same = [words.ids[:, None] == words.ids for words in (whole, parts)]
    assert np.array_equal(*same)


def test_parts_and_selections():
    words = Encoder("ascii")(["a b", "", "c", "b a a"])
    assert words.part(1, 3).starts.tolist() == [0, 0, 1]
    assert words.part(2, 4).ids.tolist() == words.ids[2:].tolist()
    taken = words.take(np.array([3, 0]))
    assert taken.starts.tolist() == [0, 3, 5]
    assert taken.ids.tolist() == [*words.ids[3:].tolist(), *words.ids[:2].tolist()]
    assert words.totals(2).tolist() == [1, 0, 0, 2]


@given(st.text())
def test_ascii_rule_is_rouge_score_s(text):
    assert cut_into_words(text, "ascii") == tokenize(text, stemmer=None)


@given(st.text())
def test_white_space_rule_is_python_s(text):
    assert cut_into_words(text, "white-space") == text.lower().split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Försämrad HJÄRTSVIKT, 2 dgr", ["försämrad", "hjärtsvikt", "2", "dgr"]),
        ("fo\u0308rsa\u0308mrad", ["försämrad"]),  # letters and marks typed apart
        ("blodtryck_120/80", ["blodtryck", "120", "80"]),
        ("  \n", []),
    ],
)
def test_unicode_rule_keeps_words_whole(text, words):
    assert cut_into_words(text, "unicode") == words


def test_ascii_rule_tears_swedish_words_apart():
    assert cut_into_words("försämrad", "ascii") == ["f", "rs", "mrad"]


def test_white_space_rule_keeps_punctuation():
    assert cut_into_words(" No\tFever.\nBP 120/80 ", "white-space") == ["no", "fever.", "bp", "120/80"]
