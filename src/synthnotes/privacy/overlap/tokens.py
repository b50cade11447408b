"""The three rules by which the privacy chapter cuts a note into words.

A rule says which characters of a lower-cased text belong to words; a word is a longest run of them. The functions here
are the definition; `words.py` applies the same rules to whole corpora.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Literal

import numpy as np

Tokenizer = Literal["ascii", "unicode", "white-space"]

CODE_POINTS = 0x110000
_WORD_CHARACTERS: dict[Tokenizer, str] = {"ascii": r"[a-z0-9]", "unicode": r"[^\W_]", "white-space": r"\S"}


def ascii_tokens(text: str) -> list[str]:
    """Runs of a-z and 0-9 in the lower-cased text: the rule of the package `rouge_score`, without its stemmer."""
    return re.findall(_WORD_CHARACTERS["ascii"] + "+", normalise(text, "ascii"))


def unicode_tokens(text: str) -> list[str]:
    """Runs of letters and digits of any script, so that Swedish words stay whole (repair p)."""
    return re.findall(_WORD_CHARACTERS["unicode"] + "+", normalise(text, "unicode"))


def white_space_tokens(text: str) -> list[str]:
    """What white space separates in the lower-cased text, punctuation included."""
    return text.lower().split()


TOKENIZERS: dict[Tokenizer, Callable[[str], list[str]]] = {
    "ascii": ascii_tokens,
    "unicode": unicode_tokens,
    "white-space": white_space_tokens,
}


def normalise(text: str, tokenizer: Tokenizer) -> str:
    """The text whose characters a rule reads: in lower case, and for `unicode` composed first.

    Composed (NFC), "å" is one letter, whether it was typed as one character or as "a" and a ring.
    """
    return (unicodedata.normalize("NFC", text) if tokenizer == "unicode" else text).lower()


@cache
def word_characters(tokenizer: Tokenizer) -> np.ndarray:
    """Which characters belong to words: bool, by code point."""
    table = np.zeros(CODE_POINTS, dtype=bool)
    table[
        [match.start() for match in re.finditer(_WORD_CHARACTERS[tokenizer], "".join(map(chr, range(CODE_POINTS))))]
    ] = True
    return table
