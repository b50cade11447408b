import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.tokenize import tokenize

from synthnotes.privacy.overlap.tokens import ascii_tokens, unicode_tokens, white_space_tokens


@given(st.text())
def test_ascii_rule_is_rouge_score_s(text):
    assert ascii_tokens(text) == tokenize(text, stemmer=None)


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
    assert unicode_tokens(text) == words


def test_ascii_rule_tears_swedish_words_apart():
    assert ascii_tokens("försämrad") == ["f", "rs", "mrad"]


def test_white_space_rule_keeps_punctuation():
    assert white_space_tokens(" No\tFever.\nBP 120/80 ") == ["no", "fever.", "bp", "120/80"]
