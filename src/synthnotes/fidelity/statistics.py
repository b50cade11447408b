"""Corpus statistics: do synthetic notes have the shape of real ones? Paper, section 5.

Sentences and tokens are counted by rules of our own, the same for all languages but for the abbreviations that they
know, without anything to download. Clinical notes break off lines, leave out full stops and abbreviate; splitters made
for prose are not prepared for that.
"""

import re
from collections.abc import Iterable, Iterator

from synthnotes.machinery.disclosure import like, over, people
from synthnotes.machinery.progress import Bar

_STOP = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)")
_LIST_NUMBER = re.compile(r"\s*\d{1,2}\.$")
_CAPITAL = "[A-ZÅÄÖÁÉÍÓÚÑÜ]"  # before a full stop: an initial
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


class Splitter:
    """Splits texts of a language into tokens and sentences, by rules that know its abbreviations."""

    def __init__(self, abbreviations: Iterable[str]) -> None:
        """Takes the words whose full stop does not end a sentence, in whatever case and without the full stop."""
        listed = "|".join(map(re.escape, abbreviations))
        known = rf"|(?i:{listed})\." if listed else ""
        abbreviation = rf"(?<!\w)(?:(?:[^\W\d_]{{1,2}}\.){{2,}}|St\.{known})"  # p.o., t.ex., Dr.
        self._token = re.compile(
            rf"{abbreviation}"
            r"|\d+(?:[.,:/]\d+)+"  # 7.4, 1,5, 06:00, 140/90
            r"|[^\W_]+(?:['’-][^\W_]+)*"  # patient's, C-reaktivt, HbA1c
            r"|_+"  # what was removed in MIMIC
            r"|([^\w\s])\1*"  # punctuation, repeated marks as one
        )
        self._ends_with_abbreviation = re.compile(rf"(?:{abbreviation}|(?<!\w){_CAPITAL}\.)$")

    def tokens(self, text: str) -> list[str]:
        """Splits a text into words, numbers and punctuation marks.

        Decimals, times and ratios stay whole, as do words with hyphen or apostrophe and abbreviations with their full
        stop.
        """
        return [match[0] for match in self._token.finditer(text)]

    def sentences(self, text: str) -> list[str]:
        """Splits a text into sentences; what has neither letter nor digit is none.

        A sentence ends with its line, or with a full stop, question or exclamation mark before white space, unless a
        lower-case letter follows, or the full stop belongs to an abbreviation, an initial or the number of a list item.
        """
        found = (sentence for line in text.splitlines() for sentence in self._split(line))
        return [sentence for sentence in found if _LETTER_OR_DIGIT.search(sentence)]

    def _split(self, line: str) -> Iterator[str]:
        start = 0
        for stop in _STOP.finditer(line):
            sentence, rest = line[start : stop.end()], line[stop.end() :].lstrip()
            ended = not (self._ends_with_abbreviation.search(sentence) or _LIST_NUMBER.fullmatch(sentence))
            if ended and not rest[:1].islower():
                yield sentence.strip()
                start = stop.end()
        yield line[start:].strip()


def describe(
    texts: Iterable[str], splitter: Splitter, lowercase: bool = False, name: str = "notes"
) -> dict[str, float | None]:
    """Counts the documents, sentences and tokens of a corpus.

    Args:
        texts: the notes.
        splitter: of their language.
        lowercase: whether unique tokens are counted regardless of case.
        name: of the corpus, for the progress bar.

    Returns:
        documents, sentences, tokens and unique_tokens in all; sentences_per_document, tokens_per_document and
        tokens_per_sentence (means); unique_token_ratio, the unique tokens over all tokens, which falls as a corpus
        grows: compare corpora of like size. A ratio over nothing is None.
    """
    documents = sentence_count = token_count = 0
    vocabulary: set[str] = set()
    for text in Bar(texts, desc=f"fidelity: {name}", unit=" notes"):
        words = splitter.tokens(text)
        documents += 1
        sentence_count += len(splitter.sentences(text))
        token_count += len(words)
        vocabulary.update(word.lower() for word in words) if lowercase else vocabulary.update(words)
    counts = {
        "documents": people(documents),
        "sentences": sentence_count,
        "tokens": token_count,
        "sentences_per_document": _ratio(sentence_count, documents),
        "tokens_per_document": _ratio(token_count, documents),
        "tokens_per_sentence": _ratio(token_count, sentence_count),
        "unique_tokens": len(vocabulary),
        "unique_token_ratio": _ratio(len(vocabulary), token_count),
    }
    return over(documents, counts)


def compare(
    real: Iterable[str], synthetic: Iterable[str], splitter: Splitter, lowercase: bool = False
) -> dict[str, dict[str, float | None]]:
    """Describes real and synthetic notes side by side.

    Args:
        real: the real notes of S.
        synthetic: the notes written from the prompts of S.
        splitter: of their language.
        lowercase: whether unique tokens are counted regardless of case.

    Returns:
        The keys of `describe` under `real`, `synthetic` and `difference`, which is synthetic minus real.
    """
    described = {
        "real": describe(real, splitter, lowercase, "real"),
        "synthetic": describe(synthetic, splitter, lowercase, "synthetic"),
    }
    pairs = {key: (described["synthetic"][key], value) for key, value in described["real"].items()}
    difference = {
        key: None if of_synthetic is None or of_real is None else like(of_synthetic - of_real, of_synthetic, of_real)
        for key, (of_synthetic, of_real) in pairs.items()
    }
    return described | {"difference": difference}


def _ratio(count: int, total: int) -> float | None:
    return count / total if total else None
