"""The three rules by which the privacy chapter cuts a note into words."""

import re
import unicodedata
from collections.abc import Callable
from typing import Literal

Tokenizer = Literal["ascii", "unicode", "white-space"]

_ASCII = re.compile(r"[a-z0-9]+")
_UNICODE = re.compile(r"[^\W_]+")


def ascii_tokens(text: str) -> list[str]:
    """Runs of a-z and 0-9 in the lower-cased text: the rule of the package `rouge_score`, without its stemmer."""
    return _ASCII.findall(text.lower())


def unicode_tokens(text: str) -> list[str]:
    """Runs of letters and digits of any script, so that Swedish words stay whole (repair p).

    The text is composed first (NFC): "å" is one letter, whether it was typed as one character or as "a" and a ring.
    """
    return _UNICODE.findall(unicodedata.normalize("NFC", text).lower())


def white_space_tokens(text: str) -> list[str]:
    """What white space separates in the lower-cased text, punctuation included."""
    return text.lower().split()


TOKENIZERS: dict[Tokenizer, Callable[[str], list[str]]] = {
    "ascii": ascii_tokens,
    "unicode": unicode_tokens,
    "white-space": white_space_tokens,
}
