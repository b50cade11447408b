import pytest

from synthnotes.generation.quality import STOP_WORDS, jaccard, language, loops, near_identical


def test_a_note_loops_if_any_twenty_words_occur_three_times():
    run = " ".join(f"w{number}" for number in range(20))
    assert loops(f"{run} a {run} b c\n{run}")
    assert not loops(f"{run} a {run}")
    assert not loops(" ".join([run.rsplit(" ", 1)[0] + f" x{i}" for i in range(5)]))  # nineteen of the same
    assert loops("no " * 22)  # from word 0, 1 and 2
    assert not loops("no " * 21)
    assert not loops("")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The patient was admitted with pain and is stable.", "mimic"),
        ("Patienten inkom med andnöd och har inte haft feber.", "sepr"),
        ("Pat. inkom ambulans. BT 120/80.", None),
        ("the and of och att det", None),
        ("THE AND OF och", "mimic"),
        ("", None),
    ],
)
def test_language_by_function_words(text, expected):
    assert language(text) == expected


def test_no_function_word_belongs_to_both_languages():
    assert not STOP_WORDS["mimic"] & STOP_WORDS["sepr"]
    assert all(word == word.lower() and word.isalpha() for words in STOP_WORDS.values() for word in words)


def test_jaccard_ignores_case_and_order():
    assert jaccard("A b c", "C a d") == 0.5
    assert jaccard("", "") == 1.0


def test_near_identical_means_every_pair():
    nine = "a b c d e f g h i"
    assert near_identical([nine, f"{nine} x"])
    assert not near_identical([nine, f"{nine} x y"])  # 9 of 11
    assert not near_identical([nine, nine, "other"])
    assert not near_identical([nine])
