"""Measures of samples, counted by hand."""

import pandas as pd
import pytest

from synthnotes.generation.sample_measures import (
    assess,
    detect_language,
    jaccard,
    loops,
    near_identical,
    summarise,
)
from synthnotes.generation.sampling import COLUMNS, Prompt, split_by_length, unsampled
from synthnotes.machinery import params
from synthnotes.machinery.language import LANGUAGES, read_stop_words
from synthnotes.machinery.params import GenerateParams

STOP_WORDS = read_stop_words(LANGUAGES)


def samples_of(*rows):
    return pd.DataFrame(rows, columns=COLUMNS)


NAN = float("nan")
SAMPLES = samples_of(
    ("a", 0, "one two three", "stop", 10, 4, -0.5),
    ("a", 1, "one two four", "length", 10, 3, -0.5),
    ("b", 0, "five six", "stop", 12, 3, -0.5),
    ("b", 1, "five six", "stop", 12, 3, -0.5),
    ("c", 0, "five six", "stop", 9, 3, -0.5),
    ("c", 1, "", "stop", 9, 1, -0.5),
    ("d", 0, "", "prompt_too_long", 900, 0, NAN),
    ("d", 1, "", "prompt_too_long", 900, 0, NAN),
)


def test_summary_of_samples_worked_by_hand():
    found = summarise(SAMPLES, seed=1)
    assert (found["prompts"], found["prompts_too_long"], found["samples"]) == (4, 1, 6)
    assert (found["share_stopped"], found["share_cut"]) == (0.8333, 0.1667)
    assert (found["empty"], found["empty_first"], found["identical_first_pairs"]) == (1, 0, 1)
    assert (found["prompt_tokens"], found["new_tokens"]) == (31, 17)
    assert (found["mean_words"], found["mean_log_probability"]) == (2.0, -0.5)
    assert found["similarity"]["within_prompts"] == pytest.approx((2 / 4 + 1 + 0) / 3, abs=1e-4)
    # Of the three pairs of first samples one is identical, two share nothing.
    assert found["similarity"]["between_prompts"] == pytest.approx(1 / 3, abs=0.04)


def test_samples_are_assessed_against_the_real_notes():
    found = assess(SAMPLES, pd.Series(["the cat was not in", "och det som är", "one"]), "en", STOP_WORDS)
    assert found["real"]["mean_words"] == pytest.approx(10 / 3, abs=1e-4)
    assert (found["real"]["share_other_language"], found["real"]["share_language_unknown"]) == (0.3333, 0.3333)
    assert (found["samples"]["mean_words"], found["samples"]["median_words"]) == (2.0, 2.0)
    assert (found["samples"]["share_empty"], found["samples"]["share_looping"]) == (0.1667, 0.0)
    # Of a, b and c only b has the same note twice; d was never sampled.
    assert found["prompts_near_identical"] == {"prompts": 1, "share": 0.3333}


def test_no_samples_at_all_are_described_without_numbers():
    none = SAMPLES[SAMPLES["note_id"] == "d"]
    assert set(assess(none, pd.Series(["x"]), "sv", STOP_WORDS)["samples"].values()) == {None}
    assert summarise(none, seed=1)["mean_log_probability"] is None


def test_prompts_without_room_for_a_note_are_split_off_and_kept_in_the_table():
    settings = params.load("generate", GenerateParams)
    length = settings.model_length
    prompts = [Prompt("fits", [1] * (length - 1)), Prompt("long", [1] * length)]
    fitting, too_long = split_by_length(prompts, settings)
    assert ([p.note_id for p in fitting], [p.note_id for p in too_long]) == (["fits"], ["long"])
    assert unsampled(too_long, 2)[["note_id", "sample", "new_tokens"]].values.tolist() == [
        ["long", 0, 0],
        ["long", 1, 0],
    ]


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
        ("The patient was admitted with pain and is stable.", "en"),
        ("Patienten inkom med andnöd och har inte haft feber.", "sv"),
        ("El paciente ingresa con fiebre y fue tratado durante la noche.", "es"),
        ("Pat. inkom ambulans. BT 120/80.", None),
        ("the and of och att det", None),
        ("THE AND OF och", "en"),
        ("", None),
    ],
)
def test_language_by_function_words(text, expected):
    assert detect_language(text, STOP_WORDS) == expected


def test_no_function_word_belongs_to_two_languages():
    assert sum(map(len, STOP_WORDS.values())) == len(frozenset().union(*STOP_WORDS.values()))
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
