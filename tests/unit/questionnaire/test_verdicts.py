"""The verdicts of the ratings: each by hand, at its bounds, and on studies whose truth is known."""

from itertools import product

import pandas as pd
import pytest

from synthnotes.machinery.files import read_json
from synthnotes.machinery.makers import COMPUTED_BY, maker_of
from synthnotes.questionnaire import verdicts
from synthnotes.questionnaire.ratings import COLUMNS, analyse
from synthnotes.stages import ratings as stage

SETTINGS = {"margin": 0.5, "level": 0.05, "resamples": 50, "seed": 1}


@pytest.mark.parametrize(
    ("wilcoxon", "equivalence", "expected"),
    [
        (0.2, 0.2, "undecided"),
        (0.05, 0.2, "undecided"),
        (0.01, 0.2, "different"),
        (0.2, 0.01, "equivalent"),
        (0.01, 0.01, "different and equivalent"),
        (None, 0.2, "not tested"),
    ],
)
def test_a_difference_by_the_adjusted_tests(wilcoxon, equivalence, expected):
    tests = {"wilcoxon": {"p": 0.001, "p_holm": wilcoxon}, "equivalence": {"p": 0.001, "p_holm": equivalence}}
    assert verdicts.difference(tests, 0.05) == expected


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (1.0, "reliable"),
        (0.8, "reliable"),
        (0.799, "tentative"),
        (0.667, "tentative"),
        (0.666, "too little"),
        (-0.5, "too little"),
        (None, "not defined"),
    ],
)
def test_agreement_by_krippendorff_s_bounds(alpha, expected):
    assert verdicts.agreement(alpha) == expected


@pytest.mark.parametrize(
    ("ratio", "low", "high", "expected"),
    [
        (0.5, 0.2, 1.1, "either kind"),
        (0.5, 0.2, 1.0, "one side"),
        (0.5, 0.2, 0.9, "one side"),
        (3.0, 1.5, 6.0, "one side"),
        (None, None, None, "no solution"),
    ],
)
def test_odds_by_their_interval(ratio, low, high, expected):
    assert verdicts.odds({"odds_ratio": ratio, "low": low, "high": high}) == expected


@pytest.mark.parametrize(
    ("r", "p", "expected"),
    [
        (0.5, 0.049, "positive"),
        (-0.5, 0.049, "negative"),
        (0.5, 0.05, "not shown"),
        (-0.5, 0.3, "not shown"),
        (None, None, "not defined"),
    ],
)
def test_a_correlation_by_its_test_and_sign(r, p, expected):
    assert verdicts.correlation({"r": r, "p": p}, 0.05) == expected


def test_a_direction_by_the_sign():
    assert [verdicts.direction(mean) for mean in (-0.1, 0.0, 0.1)] == ["lower", "equal", "higher"]


def test_five_raters_cannot_show_what_six_can():
    assert [verdicts.can_show(2.0 ** (1 - raters), 0.05) for raters in (4, 5, 6)] == ["no", "no", "yes"]
    assert verdicts.can_show(0.05, 0.05) == "no"


def test_pairs_are_counted_before_and_after_the_correction():
    def tests(*p_values):
        return [{"p": p, "p_holm": p_holm} for p, p_holm in p_values]

    three = (0.01, 0.03), (0.04, 0.08), (0.2, 0.2)
    counted = {"tests": 3, "below_significance_level": 2, "below_significance_level_after_holm": 1, "verdict": "some"}
    assert verdicts.pairs(tests(*three, (None, None)), 0.05) == counted
    two = {"tests": 2, "below_significance_level": 1, "below_significance_level_after_holm": 0, "verdict": "none"}
    assert verdicts.pairs(tests(*three[1:]), 0.05) == two
    assert verdicts.pairs(tests((0.05, 0.05)), 0.05)["below_significance_level"] == 0
    assert verdicts.pairs([], 0.05) == {
        "tests": 0,
        "below_significance_level": 0,
        "below_significance_level_after_holm": 0,
        "verdict": "none",
    }


def study(raters, reads, coheres):
    """Raters who all answer alike: by pair, the real and the synthetic note's rating."""
    rows = [
        ("mimic", pair, kind, rater, reads[pair][kind == "synthetic"], coheres[pair][kind == "synthetic"])
        for rater, pair, kind in product(range(raters), reads, ("real", "synthetic"))
    ]
    return analyse(pd.DataFrame(rows, columns=COLUMNS), **SETTINGS)["mimic"]


def words(found, question):
    of = found[question]
    return (
        of["agreement_verdict"],
        of["cumulative_link"]["verdict"],
        of["equivalence"]["direction"],
        of["by_rater"]["can_show"],
    )


def test_six_raters_who_all_rate_each_synthetic_note_one_point_lower():
    """And the notes of a pair as coherent as each other; what reads worst coheres best."""
    found = study(6, {1: (5, 4), 2: (4, 3), 3: (3, 2)}, {1: (1, 1), 2: (3, 3), 3: (5, 5)})
    assert words(found, "readability") == ("reliable", "no solution", "lower", "yes")  # the kinds are separated
    assert words(found, "coherence") == ("reliable", "no solution", "equal", "yes")
    assert found["correlation"]["verdict"] == "negative"


def test_two_raters_of_one_opinion_are_too_few():
    found = study(2, {1: (2, 3), 2: (3, 4)}, {1: (3, 3), 2: (3, 3)})
    assert words(found, "readability") == ("reliable", "no solution", "higher", "no")
    assert found["coherence"]["agreement_verdict"] == "not defined"  # nothing but threes
    assert found["correlation"]["verdict"] == "not defined"
    assert found["coherence"]["verdict"] == "not tested"


@pytest.fixture(scope="module")
def published():
    return analyse(pd.read_csv("paper/published/ratings.csv"), **SETTINGS)


def test_the_published_ratings(published):
    for corpus, question in product(("mimic", "sepr"), ("readability", "coherence")):
        can_show = "yes" if corpus == "mimic" else "no"  # ten raters, and four
        assert words(published[corpus], question) == ("too little", "either kind", "lower", can_show)
    assert {of["correlation"]["verdict"] for of in published.values()} == {"positive"}
    # Of two questions with three and four pairs, one pair of Swedish notes differs, and not after the correction.
    counts = ("tests", "below_significance_level", "below_significance_level_after_holm")
    assert [published["mimic"]["pairs_tested"][of] for of in counts] == [6, 0, 0]
    assert [published["sepr"]["pairs_tested"][of] for of in counts] == [8, 1, 0]


def test_the_stage_says_by_which_function_a_rating_was_evaluated(tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "analyse", lambda ratings, **_: analyse(ratings, **SETTINGS))
    outputs = [tmp_path / name for name in ("r.json", "answers.csv", "differences.csv")]
    stage.main(stage.Path("paper/published/ratings.csv"), *outputs)
    written = read_json(outputs[0])
    made = {
        "krippendorff_alpha": "significance.effects.krippendorff_alpha",
        "agreement_verdict": "questionnaire.verdicts.agreement",
        "intraclass_correlation.single": "significance.agreement.intraclass_correlation",
        "wilcoxon.p": "significance.differences.wilcoxon",
        "wilcoxon.p_holm": "significance.differences.holm",
        "cliffs_delta.low": "significance.effects.cliffs_delta_interval",
        "by_rater.wilcoxon.p": "significance.differences.wilcoxon",
        "by_rater.sd": "questionnaire.ratings.by_rater",
        "power.detectable_difference": "significance.power.of_study",
        "real.mean": "questionnaire.ratings.describe",
    }
    for place, function in made.items():
        assert maker_of(written[COMPUTED_BY], f"sepr.coherence.{place}") == function
    assert maker_of(written[COMPUTED_BY], "mimic.answers.interviews") == "questionnaire.answers._answers"
    assert written["mimic"]["readability"]["wilcoxon"]["exact"] is True
