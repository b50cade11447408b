"""Each verdict of the ratings is said in its own words, and where it is not given, nothing is said."""

import pytest
from reading import shown

TEST = {"r": 0.71, "p": 0.01}
ODDS = {"odds_ratio": 0.5, "low": 0.2, "high": 0.8, "p_holm": 0.2}


@pytest.fixture
def of_study(said):
    """What a macro of the chapter says of a study with four raters and three pairs, and one question, q."""

    def say(call, **results):
        content = {"raters": 4, "pairs": 3, "q": {}} | results
        return shown(said("questionnaire", call, {"ratings.x": {"sepr": content}}))

    return say


def question(verdict, direction="lower", tests=0.5):
    return {
        "verdict": verdict,
        "cliffs_delta": {"delta": -0.2, "low": -0.4, "high": 0.1},
        "wilcoxon": {"p_holm": tests},
        "equivalence": {"difference": -0.3, "direction": direction, "p_holm": tests},
    }


VERDICTS = {
    "undecided": "Neither a difference (Wilcoxon, p = 0.500 after Holm's correction) nor equivalence within ± 0.5 "
    "points (p = 0.500) is shown: for these 3 pairs of notes, the answers leave open whether the kinds differ, and do "
    "not say that they are alike.",
    "different": "the kinds are rated differently.",
    "equivalent": "a larger mean difference may be ruled out.",
    "different and equivalent": "A difference is shown (Wilcoxon, p = 0.500 after Holm's correction), but also that it "
    "is smaller than ± 0.5 points (p = 0.500), for these 3 pairs of notes, and for no others.",
    "not tested": "nothing may be concluded.",
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_verdict_on_a_question(of_study, verdict):
    text = of_study("difference_shown('ratings.x.sepr', 'ratings.x.sepr.q')", q=question(verdict))
    assert "(Cliff's delta −0.20 [−0.40, 0.10])." in text
    assert [of for of, words in VERDICTS.items() if words in text] == [verdict]
    assert ("for these 3 pairs of notes" in text) == (verdict != "not tested")


@pytest.mark.parametrize(
    ("direction", "words"),
    [("lower", "0.30 points lower than"), ("higher", "0.30 points higher than"), ("equal", "as high as real ones on")],
)
def test_the_direction(of_study, direction, words):
    text = of_study("difference_shown('ratings.x.sepr', 'ratings.x.sepr.q')", q=question("undecided", direction))
    assert f"Synthetic notes were rated {words}" in text


@pytest.mark.parametrize(
    ("call", "results", "words"),
    [
        (
            "agreement",
            {"krippendorff_alpha": 0.9, "agreement_verdict": "reliable"},
            "is 0.90: the raters agree well enough for statements",
        ),
        ("agreement", {"krippendorff_alpha": 0.7, "agreement_verdict": "tentative"}, "well enough for tentative"),
        ("agreement", {"krippendorff_alpha": 0.3, "agreement_verdict": "too little"}, "the raters agree too little"),
        ("agreement", {"krippendorff_alpha": None, "agreement_verdict": "not defined"}, "agreement is not defined"),
        ("correlation", {"spearman": TEST, "verdict": "positive"}, "coherent (Spearman's correlation 0.71, p = 0.010)"),
        ("correlation", {"spearman": TEST, "verdict": "negative"}, "rated as less coherent"),
        ("correlation", {"spearman": TEST, "verdict": "not shown"}, "No correlation of readability and coherence is"),
        ("correlation", {"spearman": dict.fromkeys(TEST), "verdict": "not defined"}, "coherence is not defined"),
        (
            "odds",
            ODDS | {"verdict": "either kind"},
            "are 0.50 times those of a real note ([0.20, 0.80], an interval that holds odds in favour of either kind;",
        ),
        ("odds", ODDS | {"verdict": "one side"}, "one side of one; permutation test, p = 0.200 after Holm's"),
        ("odds", {"verdict": "no solution"}, "has no solution"),
        ("least_p", {"least_p": 0.125, "can_show": "no"}, "cannot fall below 0.125"),
    ],
)
def test_each_verdict_has_words_of_its_own(of_study, call, results, words):
    assert words in of_study(f"{call}('ratings.x.sepr.q')", q=results)


def test_a_test_that_can_show_something_is_passed_over(of_study):
    assert not of_study("least_p('ratings.x.sepr.q')", q={"least_p": 0.002, "can_show": "yes"})


POWER = {
    "power": 0.8, "significance_level": 0.0125, "false_positives": 0.01, "detectable_difference": 0.84,
    "raters_to_detect_margin": 25, "raters_to_show_equivalence": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "With 4 raters and 3 pairs, only a true difference of 0.84 points or more would have been found"),
        (
            {},
            "0.5 points would take 25 raters of as many pairs, and to show equivalence where there is no difference "
            "too many (simulated from the raters' own variation, at the correction's strictest level, 0.013).",
        ),
        ({"detectable_difference": None}, "no difference on the scale would have been found"),
        ({"false_positives": None}, "no power can be stated"),
    ],
)
def test_power(of_study, changed, words):
    assert words in of_study("power('ratings.x.sepr', 'ratings.x.sepr.q')", q=POWER | changed)


@pytest.mark.parametrize(
    ("kept", "words"), [(1, "these pairs differ by themselves"), (0, "no single pair may be called different")]
)
def test_pairs_are_counted_before_and_after_the_correction(said, kept, words):
    """Over all corpora of the study: one that has such pairs is enough."""
    none = {"tests": 4, "below_significance_level": 1, "below_significance_level_after_holm": 0, "verdict": "none"}
    other = {
        "tests": 2,
        "below_significance_level": 2,
        "below_significance_level_after_holm": kept,
        "verdict": "some" if kept else "none",
    }
    content = {"mimic": {"pairs_tested": none}, "sepr": {"pairs_tested": other}}
    text = shown(said("questionnaire", "single_pairs('x')", {"ratings.x": content}))
    assert text == f"A p below 0.05 is found in 3 of 6 t-tests, and in {kept} after Holm's correction: {words}."


NOTHING = dict.fromkeys(
    ("tests", "screened_out", "without_a_pair", "incomplete", "without_both_answers", "without_the_other_note"), 0
)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "."),
        ({"tests": 1}, " (9 interviews, of which 1 test)."),
        (
            {"tests": 2, "screened_out": 2, "without_a_pair": 1, "incomplete": 1},
            " (9 interviews, of which 2 tests; 2 screened out; 1 without any whole pair); 1 of them left out a pair.",
        ),
        (
            {"without_both_answers": 1, "without_the_other_note": 2},
            "; 3 further ratings lack an answer or the other note of the pair and are not used.",
        ),
    ],
)
def test_what_was_left_out_is_said(of_study, changed, words):
    counts = {"interviews": 9, "raters": 5, "ratings": 28} | NOTHING | changed
    text = of_study("answers('ratings.x.sepr')", answers=counts)
    assert text == f"5 raters gave 28 ratings of 3 pairs of notes that make whole pairs{words}"
