"""The authors' numbers come out again, and broken ratings are refused with their line."""

import json
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import yaml
from scipy import stats
from statsmodels.stats.multitest import multipletests

from synthnotes.machinery.files import UserError
from synthnotes.questionnaire.ratings import (
    COLUMNS,
    FAMILIES,
    QUESTIONS,
    analyse,
    answer_counts,
    check,
    difference_counts,
)

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
    counts = difference_counts(ratings)
    assert counts.groupby(["corpus", "question", "rater"])["pairs"].sum().unique().tolist() == [3, 4]
    total = (counts["difference"] * counts["pairs"])[counts["corpus"] == "mimic"].sum()
    by_kind = ratings[ratings["corpus"] == "mimic"].groupby("kind")[["readability", "coherence"]].sum().sum(axis=1)
    assert total == by_kind["synthetic"] - by_kind["real"]


def test_answer_counts_hold_every_answer_once(ratings):
    counts = answer_counts(ratings)
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
