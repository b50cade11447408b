"""Quality of samples as text: repetition, language, and prompts that yield one note over and over."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

LOOP_WORDS, LOOP_TIMES = 20, 3  # a note loops if it holds the same 20 words in a row three times
NEAR_IDENTICAL = 0.9  # Jaccard index of word sets from which on two notes are near-identical

# Function words that are frequent in one language and are no word of the other's; "i", "in", "man", "men", "under",
# "hade" and the like are left out for that reason. Clinical prose is telegraphic, but rarely without any of these.
_ENGLISH = (
    "the of and with was were had has his her he she they that which for from this been who is are be by as to on at "
    "or not no there then after before while during due given also"
)
_SWEDISH = (
    "och att det som en ett av för med på är var vid till har inte sedan från eller om hon han den de ej ingen inga "
    "utan efter mot även dock när kan ska fått får sin sitt samt mycket"
)
STOP_WORDS = {"mimic": frozenset(_ENGLISH.split()), "sepr": frozenset(_SWEDISH.split())}
TELLING_HITS = 3  # a note with fewer function words of either language tells nothing about its language
_WORD = re.compile(r"[^\W\d_]+")


def words(text: str) -> list[str]:
    """Gives a text's runs of letters, in lower case."""
    return _WORD.findall(text.lower())


def loops(text: str) -> bool:
    """Whether a note repeats itself: any 20 words in a row (split at white space) occur at least three times."""
    tokens = text.split()
    runs = Counter(tuple(tokens[start : start + LOOP_WORDS]) for start in range(len(tokens) - LOOP_WORDS + 1))
    return max(runs.values(), default=0) >= LOOP_TIMES


def language(text: str) -> str | None:
    """Tells by function words whether a note is English (`mimic`) or Swedish (`sepr`).

    Returns:
        The language with more hits among the note's lower-case words; None on a tie, or where neither has three.
    """
    counts = Counter(words(text))
    hits = {corpus: sum(counts[word] for word in listed) for corpus, listed in STOP_WORDS.items()}
    english, swedish = hits["mimic"], hits["sepr"]
    if english == swedish or max(english, swedish) < TELLING_HITS:
        return None
    return "mimic" if english > swedish else "sepr"


def jaccard(first: str, second: str) -> float:
    """Gives the Jaccard index of two texts' sets of lower-case words; of two empty texts 1."""
    a, b = set(first.lower().split()), set(second.lower().split())
    return len(a & b) / len(a | b) if a | b else 1.0


def near_identical(texts: Sequence[str]) -> bool:
    """Whether all of several texts are near-identical: every two have a Jaccard index of 0.9 or more."""
    return len(texts) > 1 and all(jaccard(a, b) >= NEAR_IDENTICAL for a, b in combinations(texts, 2))
