import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthnotes.fidelity.statistics import compare, describe, sentences, tokens


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
    assert tokens(text) == expected


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
    assert sentences(text) == expected


def test_describe_by_hand():
    # "The heart . The lungs ." has 6 tokens, 2 sentences; "the heart" has 2 tokens, 1 sentence.
    texts = ["The heart. The lungs.", "the heart"]
    assert describe(texts) == {
        "documents": 2,
        "sentences": 3,
        "tokens": 8,
        "sentences_per_document": 1.5,
        "tokens_per_document": 4.0,
        "tokens_per_sentence": 8 / 3,
        "unique_tokens": 5,  # The, heart, ., lungs, the
        "unique_token_ratio": 5 / 8,
    }
    assert describe(texts, lowercase=True)["unique_tokens"] == 4


def test_describe_nothing_gives_no_ratios():
    described = describe([])
    assert described["documents"] == described["tokens"] == 0
    assert described["tokens_per_document"] is described["unique_token_ratio"] is None


def test_compare_subtracts_real_from_synthetic():
    comparison = compare(["One two.", "Three."], ["One two three four."])
    assert list(comparison) == ["real", "synthetic", "difference"]
    assert comparison["real"]["tokens"] == 5
    assert comparison["synthetic"]["tokens"] == 5
    assert comparison["difference"]["documents"] == -1
    assert comparison["difference"]["tokens_per_document"] == 2.5
    assert comparison["difference"]["unique_tokens"] == 1  # One two . Three against One two three four .


def test_compare_leaves_out_differences_from_nothing():
    assert compare(["One."], [])["difference"]["tokens_per_document"] is None


@given(st.text())
def test_tokens_and_sentences_lose_only_white_space(text):
    squeezed = "".join(text.split())
    assert "".join("".join(tokens(text)).split()) == squeezed
    assert all(sentence == sentence.strip() for sentence in sentences(text))
    assert sum(len(tokens(sentence)) for sentence in sentences(text)) <= len(tokens(text)) + len(sentences(text))


@given(st.lists(st.text(alphabet="abåö .,\n1", max_size=40), max_size=5))
def test_a_corpus_is_the_sum_of_its_notes(texts):
    whole, parts = describe(texts), [describe([text]) for text in texts]
    for count in ("documents", "sentences", "tokens"):
        assert whole[count] == sum(part[count] for part in parts)
