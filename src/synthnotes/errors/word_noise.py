"""Noise in real notes (paper, 6.3.4): is what ails synthetic notes spread over all of them (H1) or kept to some (H2)?

Levels nest: with one seed, the words replaced at 20 % are also replaced, by the same words, at 50 %, so that coders
trained at two levels differ by the additional noise alone.
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from wordfreq import available_languages, top_n_list

from synthnotes.machinery.files import UserError

WHITE_SPACE = re.compile(r"(\s+)")


def list_words(word_list: str | Sequence[str], count: int) -> list[str]:
    """The most frequent alphabetic words of a language (repair o).

    Args:
        word_list: the language's list that comes with wordfreq, by its name, or the words themselves.
        count: how many; of words that a language file lists itself, at most.

    Raises:
        UserError: there is no such list, or it holds fewer words.
    """
    try:
        listed = top_n_list(word_list, 2 * count) if isinstance(word_list, str) else word_list
    except (LookupError, ValueError):  # no such list; no code of a language
        raise UserError(
            f"word_list of the language: wordfreq has no list {word_list!r}, but {', '.join(available_languages())}. "
            "Name one of these, or write the words as a list."
        ) from None
    words = [word for word in listed if word.isalpha()][:count]
    if not words or (isinstance(word_list, str) and len(words) < count):
        raise UserError(f"params.yaml: noise.dictionary_words is {count}, the list of {word_list} has {len(words)}.")
    return words


def h1(texts: Sequence[str], noise_level: int, words: Sequence[str], seed: int) -> list[str]:
    """Widespread noise: replaces `noise_level` per cent of the words of every note, rounded, by random `words`.

    The seed and the note's position determine which words are replaced, and by what.
    """
    return [
        replace_words(text, noise_level / 100, words, np.random.default_rng([seed, i])) for i, text in enumerate(texts)
    ]


def h2(texts: Sequence[str], noise_level: int, share_within: float, words: Sequence[str], seed: int) -> list[str]:
    """Concentrated noise: replaces a share of the words of `noise_level` per cent of the notes by random `words`.

    The seed determines which notes are hit, and with a note's position, which of its words are replaced, and by what.
    """
    hit = np.random.default_rng(seed).permutation(len(texts))[: round(noise_level / 100 * len(texts))]
    noisy = list(texts)
    for i in hit:
        noisy[i] = replace_words(texts[i], share_within, words, np.random.default_rng([seed, i]))
    return noisy


def replace_words(text: str, share: float, words: Sequence[str], rng: np.random.Generator) -> str:
    """Replaces a share of the words of a text, rounded to whole words; the white space between them stays."""
    parts = WHITE_SPACE.split(text)
    positions = [i for i, part in enumerate(parts) if part and not part.isspace()]
    # As many draws as words, whatever the share: that makes levels nest.
    order = rng.permutation(len(positions))
    drawn = rng.integers(len(words), size=len(positions))
    for index, word in list(zip(order, drawn, strict=True))[: round(share * len(positions))]:
        parts[positions[index]] = words[word]
    return "".join(parts)


def add_noise(
    notes: pd.DataFrame, hypothesis: str, noise_level: int, share_within: float, words: Sequence[str], seed: int
) -> pd.DataFrame:
    """A copy of a note table with the noise of one hypothesis, `h1` or `h2`, in its texts."""
    texts = notes["text"].tolist()
    noisy = (
        h1(texts, noise_level, words, seed) if hypothesis == "h1" else h2(texts, noise_level, share_within, words, seed)
    )
    return notes.assign(text=noisy)


def changes(before: Sequence[str], after: Sequence[str]) -> dict[str, int]:
    """Counts what noise did: notes and words in all, and those that differ (a word may be replaced by itself)."""
    pairs = [list(zip(old.split(), new.split(), strict=True)) for old, new in zip(before, after, strict=True)]
    different = [sum(old != new for old, new in words) for words in pairs]
    return {
        "notes": len(pairs),
        "notes_changed": sum(count > 0 for count in different),
        "words": sum(map(len, pairs)),
        "words_changed": sum(different),
    }
