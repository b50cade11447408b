import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthnotes.fidelity.statistics import Splitter, compare, describe
from synthnotes.machinery.language import LANGUAGES, read_language

ABBREVIATIONS = {name: read_language(LANGUAGES / f"{name}.yaml").abbreviations for name in ("en", "sv")}
ENGLISH, BOTH = Splitter(ABBREVIATIONS["en"]), Splitter([*ABBREVIATIONS["en"], *ABBREVIATIONS["sv"]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AT: opåverkad, CRP 7,5.", ["AT", ":", "opåverkad", ",", "CRP", "7,5", "."]),
        ("BP 140/90 at 06:00, K 3.4", ["BP", "140/90", "at", "06:00", ",", "K", "3.4"]),
        ("Take 5 mg p.o. daily", ["Take", "5", "mg", "p.o.", "daily"]),
        ("patient's x-ray", ["patient's", "x-ray"]),
        ("försämrad njurfunktion", ["försämrad", "njurfunktion"]),
        ("Seen by Dr. ___ today!!!", ["Seen", "by", "Dr.", "___", "today", "!!!"]),
        ("t.ex. HbA1c", ["t.ex.", "HbA1c"]),
        ("  \n ", []),
    ],
)
def test_tokens(text, expected):
    assert BOTH.tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Inkommer med feber. Insättes på Cefotaxim.", ["Inkommer med feber.", "Insättes på Cefotaxim."]),
        ("Chest pain\nno fever", ["Chest pain", "no fever"]),
        ("CRP 7.5 mg. Hb 120.", ["CRP 7.5 mg.", "Hb 120."]),
        ("Seen by Dr. Smith. Stable.", ["Seen by Dr. Smith.", "Stable."]),
        ("Opereras ca. kl. 10 i dag.", ["Opereras ca. kl. 10 i dag."]),
        ("Aspirin p.o. Daily", ["Aspirin p.o. Daily"]),
        ("Seen by J. Smith.", ["Seen by J. Smith."]),
        ("1. Pneumoni. 2. Hypertoni.", ["1. Pneumoni.", "2. Hypertoni."]),
        ("Bättre? Ja! Åter vb. Ökar dosen.", ["Bättre?", "Ja!", "Åter vb.", "Ökar dosen."]),
        ("Aptiten sämre sed. några dagar.", ["Aptiten sämre sed. några dagar."]),
        ('He said "fine." He left.', ['He said "fine."', "He left."]),
        ("Plan:\n---\n\nHome.", ["Plan:", "Home."]),
        ("", []),
    ],
)
def test_sentences(text, expected):
    assert BOTH.sentences(text) == expected


def test_describe_by_hand():
    # "The heart . The lungs ." has 6 tokens, 2 sentences; "the heart" has 2 tokens, 1 sentence.
    texts = ["The heart. The lungs.", "the heart"]
    assert describe(texts, ENGLISH) == {
        "documents": 2,
        "sentences": 3,
        "tokens": 8,
        "sentences_per_document": 1.5,
        "tokens_per_document": 4.0,
        "tokens_per_sentence": 8 / 3,
        "unique_tokens": 5,  # The, heart, ., lungs, the
        "unique_token_ratio": 5 / 8,
    }
    assert describe(texts, ENGLISH, lowercase=True)["unique_tokens"] == 4


def test_describe_nothing_gives_no_ratios():
    described = describe([], ENGLISH)
    assert described["documents"] == described["tokens"] == 0
    assert described["tokens_per_document"] is described["unique_token_ratio"] is None


def test_compare_subtracts_real_from_synthetic():
    comparison = compare(["One two.", "Three."], ["One two three four."], ENGLISH)
    assert list(comparison) == ["real", "synthetic", "difference"]
    assert comparison["real"]["tokens"] == 5
    assert comparison["synthetic"]["tokens"] == 5
    assert comparison["difference"]["documents"] == -1
    assert comparison["difference"]["tokens_per_document"] == 2.5
    assert comparison["difference"]["unique_tokens"] == 1  # One two . Three against One two three four .


def test_compare_leaves_out_differences_from_nothing():
    assert compare(["One."], [], ENGLISH)["difference"]["tokens_per_document"] is None


@given(st.text())
def test_tokens_and_sentences_lose_only_white_space(text):
    squeezed = "".join(text.split())
    assert "".join("".join(BOTH.tokens(text)).split()) == squeezed
    assert all(sentence == sentence.strip() for sentence in BOTH.sentences(text))
    assert sum(len(BOTH.tokens(sentence)) for sentence in BOTH.sentences(text)) <= len(BOTH.tokens(text)) + len(
        BOTH.sentences(text)
    )


@given(st.lists(st.text(alphabet="abåö .,\n1", max_size=40), max_size=5))
def test_a_corpus_is_the_sum_of_its_notes(texts):
    whole, parts = describe(texts, ENGLISH), [describe([text], ENGLISH) for text in texts]
    for count in ("documents", "sentences", "tokens"):
        assert whole[count] == sum(part[count] for part in parts)


def test_an_abbreviation_is_one_in_its_language_alone():
    assert ENGLISH.sentences("Broken leg. Cast.") == ["Broken leg.", "Cast."]
    assert Splitter(ABBREVIATIONS["sv"]).sentences("Leg. Läkare.") == ["Leg. Läkare."]
    assert Splitter([]).sentences("Seen by Dr. Who.") == ["Seen by Dr.", "Who."]
