"""The authors' numbers come out again, verdicts are right at their bounds, and broken ratings are refused by line."""

import json
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import yaml
from scipy import stats
from statsmodels.stats.multitest import multipletests

from synthnotes.machinery.files import UserError, read_json
from synthnotes.machinery.makers import COMPUTED_BY, maker_of
from synthnotes.questionnaire import ratings as evaluation
from synthnotes.questionnaire.ratings import (
    COLUMNS,
    FAMILIES,
    QUESTIONS,
    analyse,
    check,
    count_answers,
    count_differences,
)
from synthnotes.stages import ratings as stage

PUBLISHED = Path("paper/published")
SETTINGS = {"margin": 0.5, "level": 0.05, "resamples": 100, "seed": 1}


@pytest.fixture(scope="module")
def ratings():
    return pd.read_csv(PUBLISHED / "ratings.csv")


@pytest.fixture(scope="module")
def rebuilt(ratings):
    return analyse(ratings, **SETTINGS)


def published_numbers():
    """Every published number: (corpus, path in our results, value, digits after the point or None for all)."""
    published = yaml.safe_load((PUBLISHED / "questionnaire.yaml").read_text())["values"]
    for corpus, values in published.items():
        for path, value in leaves(values):
            printed = isinstance(value, str)  # text keeps the printed digits
            yield corpus, path, float(value), len(value.partition(".")[2]) if printed else None


def leaves(values):
    """Each value of nested mappings with its path."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from (((key, *path), leaf) for path, leaf in leaves(value))
        else:
            yield (key,), value


def test_all_published_numbers_are_compared():
    assert len(list(published_numbers())) == 68  # mimic 2 x 13 + 4, sepr 2 x 17 + 4


@pytest.mark.parametrize(("corpus", "path", "value", "digits"), published_numbers())
def test_published_number_is_reproduced(rebuilt, corpus, path, value, digits):
    ours = rebuilt[corpus]
    for step in path:
        ours = ours[step]
    if digits is None:  # printed with all the digits of a double: equal up to the order of summation
        assert ours == pytest.approx(value, rel=1e-13, abs=1e-15)
    else:
        assert round(ours, digits) == value


def test_the_one_significant_pair_does_not_survive_holm(rebuilt):
    doc_3 = rebuilt["sepr"]["coherence"]["student_t"]["pair_3"]
    assert doc_3["p"] < 0.05
    assert doc_3["p_holm"] == pytest.approx(14 * doc_3["p"])  # the smallest of 2 x (3 + 4) tests


def test_no_difference_is_not_equivalence(rebuilt):
    for corpus, question in product(("mimic", "sepr"), ("readability", "coherence")):
        result = rebuilt[corpus][question]
        assert result["welch_t"]["p"] > 0.05
        assert not result["equivalence"]["equivalent"]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_of_tests_is_adjusted_over_studies_and_questions(rebuilt, family):
    tests = [rebuilt[c][q][family] for c, q in product(("mimic", "sepr"), ("readability", "coherence"))]
    expected = multipletests([test["p"] for test in tests], method="holm")[1]
    assert [test["p_holm"] for test in tests] == pytest.approx(expected)


def test_the_rater_as_the_unit(ratings, rebuilt):
    wide = ratings[ratings["corpus"] == "sepr"].pivot(index="rater", columns=["kind", "pair"], values="coherence")
    of_raters = (wide["synthetic"] - wide["real"]).mean(axis=1)
    ours = rebuilt["sepr"]["coherence"]["by_rater"]
    assert ours["difference"] == pytest.approx(of_raters.mean())
    interval = stats.ttest_1samp(of_raters, 0).confidence_interval(0.95)
    assert (ours["low"], ours["high"]) == pytest.approx((interval.low, interval.high))
    assert ours["least_p"] == 0.125  # with four raters, whatever they answer
    assert ours["wilcoxon"]["p"] >= 0.125


def test_power_is_that_of_the_tests_that_give_the_verdict(rebuilt):
    ours = rebuilt["sepr"]["coherence"]["power"]
    assert ours["significance_level"] == 0.05 / 4  # Holm's strictest: two studies with two questions
    assert ours["detectable_difference"] > 1  # four raters of four pairs: what was seen, 0.6, could hardly be found
    assert rebuilt["mimic"]["coherence"]["power"]["raters_to_detect_margin"] > 25  # as an unadjusted t-test promised


def test_the_published_ratings_decide_nothing(rebuilt):
    assert {rebuilt[c][q]["verdict"] for c, q in product(("mimic", "sepr"), QUESTIONS)} == {"undecided"}


def test_a_rater_may_leave_out_a_pair(ratings):
    gap = ratings[(ratings["rater"] != 2) | (ratings["pair"] != 3)]
    result = analyse(gap, **SETTINGS)["mimic"]["readability"]
    real = gap.query("corpus == 'mimic' and kind == 'real'")["readability"]
    assert result["real"]["mean"] == pytest.approx(real.mean())
    of_pair = gap.query("corpus == 'mimic' and pair == 3").pivot(index="rater", columns="kind", values="readability")
    assert len(of_pair) == 9
    t = stats.ttest_ind(of_pair["real"], of_pair["synthetic"])
    assert result["student_t"]["pair_3"]["p"] == pytest.approx(t.pvalue)
    assert result["intraclass_correlation"]["raters"] == 9


def test_the_smallest_study_and_one_without_variance():
    rows = [("mimic", 1, kind, 1, rating, 3) for kind, rating in (("real", 3), ("synthetic", 3))]
    one = analyse(pd.DataFrame(rows, columns=COLUMNS), **SETTINGS)["mimic"]
    json.dumps(one, allow_nan=False)
    assert one["readability"]["wilcoxon"]["p"] is None
    assert one["readability"]["power"]["raters_to_detect_margin"] is None
    assert one["readability"]["verdict"] == "not tested"
    assert one["correlation"]["pearson"] == {"r": None, "p": None}


def test_difference_counts_hold_every_pair_of_every_rater_once(ratings):
    counts = count_differences(ratings)
    assert counts.groupby(["corpus", "question", "rater"])["pairs"].sum().unique().tolist() == [3, 4]
    total = (counts["difference"] * counts["pairs"])[counts["corpus"] == "mimic"].sum()
    by_kind = ratings[ratings["corpus"] == "mimic"].groupby("kind")[["readability", "coherence"]].sum().sum(axis=1)
    assert total == by_kind["synthetic"] - by_kind["real"]


def test_answer_counts_hold_every_answer_once(ratings):
    counts = count_answers(ratings)
    assert counts["answers"].sum() == 2 * len(ratings)
    of_note = counts.query("corpus == 'sepr' and question == 'coherence' and pair == 3 and kind == 'synthetic'")
    given = ratings.query("corpus == 'sepr' and pair == 3 and kind == 'synthetic'")["coherence"]
    assert of_note.set_index("rating")["answers"].to_dict() == {r: int((given == r).sum()) for r in range(1, 6)}


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("readability", 0, "line 3: readability must be a whole number from 1 to 5"),
        ("readability", 6, "line 3: readability must be"),
        ("coherence", 3.5, "line 3: coherence must be"),
        ("coherence", "good", "line 3: coherence must be"),
        ("kind", "fake", "line 3: kind must be real or synthetic"),
        ("rater", 1, "has rated this note already"),
        ("rater", None, "line 3: rater must be given"),
        ("rater", 99, "has no rating by this rater"),
    ],
)
def test_broken_ratings_are_refused(ratings, column, value, message):
    broken = ratings.astype(object)
    broken.loc[1, column] = value
    with pytest.raises(UserError, match=message):
        check(broken, "ratings.csv")
    with pytest.raises(UserError, match=message):
        analyse(broken)


def test_a_missing_column_is_refused(ratings):
    with pytest.raises(UserError, match="column kind is missing"):
        check(ratings.drop(columns="kind"), "ratings.csv")


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
    assert evaluation.judge_difference(tests, 0.05) == expected


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
    assert evaluation.judge_agreement(alpha) == expected


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
    assert evaluation.judge_odds({"odds_ratio": ratio, "low": low, "high": high}) == expected


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
    assert evaluation.judge_correlation({"r": r, "p": p}, 0.05) == expected


def test_a_direction_by_the_sign():
    assert [evaluation.judge_direction(mean) for mean in (-0.1, 0.0, 0.1)] == ["lower", "equal", "higher"]


def test_five_raters_cannot_show_what_six_can():
    assert [evaluation.judge_size(2.0 ** (1 - raters), 0.05) for raters in (4, 5, 6)] == ["no", "no", "yes"]
    assert evaluation.judge_size(0.05, 0.05) == "no"


def test_pairs_are_counted_before_and_after_the_correction():
    def tests(*p_values):
        return [{"p": p, "p_holm": p_holm} for p, p_holm in p_values]

    three = (0.01, 0.03), (0.04, 0.08), (0.2, 0.2)
    counted = {"tests": 3, "below_significance_level": 2, "below_significance_level_after_holm": 1, "verdict": "some"}
    assert evaluation.judge_pairs(tests(*three, (None, None)), 0.05) == counted
    two = {"tests": 2, "below_significance_level": 1, "below_significance_level_after_holm": 0, "verdict": "none"}
    assert evaluation.judge_pairs(tests(*three[1:]), 0.05) == two
    assert evaluation.judge_pairs(tests((0.05, 0.05)), 0.05)["below_significance_level"] == 0
    assert evaluation.judge_pairs([], 0.05) == {
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


def test_the_published_ratings(rebuilt):
    for corpus, question in product(("mimic", "sepr"), ("readability", "coherence")):
        can_show = "yes" if corpus == "mimic" else "no"  # ten raters, and four
        assert words(rebuilt[corpus], question) == ("too little", "either kind", "lower", can_show)
    assert {of["correlation"]["verdict"] for of in rebuilt.values()} == {"positive"}
    # Of two questions with three and four pairs, one pair of Swedish notes differs, and not after the correction.
    counts = ("tests", "below_significance_level", "below_significance_level_after_holm")
    assert [rebuilt["mimic"]["pairs_tested"][of] for of in counts] == [6, 0, 0]
    assert [rebuilt["sepr"]["pairs_tested"][of] for of in counts] == [8, 1, 0]


def test_the_stage_says_by_which_function_a_rating_was_evaluated(tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "analyse", lambda ratings, **_: analyse(ratings, **SETTINGS))
    outputs = [tmp_path / name for name in ("r.json", "answers.csv", "differences.csv")]
    stage.main(stage.Path("paper/published/ratings.csv"), *outputs)
    written = read_json(outputs[0])
    made = {
        "krippendorff_alpha": "significance.agreement.krippendorff_alpha",
        "agreement_verdict": "questionnaire.ratings.judge_agreement",
        "intraclass_correlation.single": "significance.agreement.intraclass_correlation",
        "wilcoxon.p": "significance.two_samples.wilcoxon",
        "wilcoxon.p_holm": "significance.two_samples.holm",
        "cliffs_delta.low": "significance.two_samples.cliffs_delta_interval",
        "by_rater.wilcoxon.p": "significance.two_samples.wilcoxon",
        "by_rater.sd": "questionnaire.ratings.by_rater",
        "power.detectable_difference": "significance.power.of_study",
        "real.mean": "questionnaire.ratings.describe",
    }
    for place, function in made.items():
        assert maker_of(written[COMPUTED_BY], f"sepr.coherence.{place}") == function
    assert maker_of(written[COMPUTED_BY], "mimic.answers.interviews") == "questionnaire.answers._answers"
    assert written["mimic"]["readability"]["wilcoxon"]["exact"] is True
