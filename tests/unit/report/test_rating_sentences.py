"""Each verdict is said where the numbers bear it, and nowhere else."""

import pytest
from reading import shown

from synthnotes.report.numbers import Numbers
from synthnotes.report.rating_sentences import agreement, answers, correlation, difference, model, pairs, power

SETTINGS = {"ratings": {"significance_level": 0.05, "equivalence_margin": 0.5}}


def numbers(tmp_path, **content):
    found = Numbers(tmp_path, {})
    found.include("params", tmp_path, SETTINGS)
    found.include("ratings.x", tmp_path, content)
    return found


def results_of(size=-0.3, wilcoxon=0.5, equivalence=0.5):
    return {
        "cliffs_delta": {"delta": -0.2, "low": -0.4, "high": 0.1},
        "wilcoxon": {"p_holm": wilcoxon},
        "equivalence": {"difference": size, "p_holm": equivalence},
    }


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (results_of(), "do not say that they are alike"),
        (results_of(wilcoxon=0.04), "the kinds are told apart"),
        (results_of(equivalence=0.04), "a larger mean difference may be ruled out"),
        (results_of(wilcoxon=0.0004, equivalence=0.04), "smaller than"),
        (results_of(wilcoxon=None), "nothing may be concluded"),
    ],
)
def test_verdicts(tmp_path, result, said):
    text = shown(difference(numbers(tmp_path, **result), "ratings.x"))
    every = ["do not say", "told apart", "ruled out", "smaller than", "nothing may be"]
    assert said in text
    assert sum(part in text for part in every) == 1


@pytest.mark.parametrize(("size", "said"), [(-0.3, "0.30 points lower"), (0.3, "points higher"), (0, "as high")])
def test_the_direction(tmp_path, size, said):
    assert said in shown(difference(numbers(tmp_path, **results_of(size=size)), "ratings.x"))


@pytest.mark.parametrize(
    ("alpha", "said"),
    [(0.9, "enough for statements"), (0.7, "tentative"), (0.3, "too little"), (None, "not defined")],
)
def test_agreement(tmp_path, alpha, said):
    assert said in agreement(numbers(tmp_path, krippendorff_alpha=alpha), "ratings.x")


@pytest.mark.parametrize(
    ("r", "p", "said"),
    [
        (0.7, 0.001, "mostly found it coherent"),
        (-0.7, 0.001, "less coherent"),
        (0.1, 0.4, "No correlation"),
        (None, None, "not defined"),
    ],
)
def test_correlation(tmp_path, r, p, said):
    assert said in correlation(numbers(tmp_path, correlation={"spearman": {"r": r, "p": p}}), "ratings.x")


@pytest.mark.parametrize(("low", "high", "said"), [(0.2, 1.4, "either kind"), (0.2, 0.8, "one side")])
def test_the_model(tmp_path, low, high, said):
    link = {"odds_ratio": 0.5, "low": low, "high": high, "p_holm": 0.2}
    assert said in model(numbers(tmp_path, cumulative_link=link), "ratings.x")
    assert "no solution" in model(numbers(tmp_path, cumulative_link=dict.fromkeys(link)), "ratings.x")


def test_power(tmp_path):
    of = {
        "power": 0.8,
        "detectable_difference": 0.84,
        "raters_to_detect_margin": 25,
        "raters_to_show_equivalence": None,
    }
    said = power(numbers(tmp_path, by_rater={"power": of}), "ratings.x")
    for part in ("0.84 points", "25 raters", "too many"):
        assert part in shown(said)
    of["detectable_difference"] = None
    assert "no power" in power(numbers(tmp_path, by_rater={"power": of}), "ratings.x")


def test_pairs_are_counted_before_and_after_the_correction(tmp_path):
    t = {
        "pair_1": {"p": 0.03, "p_holm": 0.06},
        "pair_2": {"p": 0.01, "p_holm": 0.03},
        "pair_3": {"p": None, "p_holm": None},
    }
    found = numbers(tmp_path, sepr={"readability": {"student_t": t}})
    assert "Of 2 t-tests, 2 are below" in shown(pairs(found, "x"))
    assert "and 1 after" in shown(pairs(found, "x"))
    assert "differ by themselves" in shown(pairs(found, "x"))


def test_what_was_left_out_is_said(tmp_path):
    counts = {
        "interviews": 9, "tests": 1, "screened_out": 2, "without_a_pair": 1, "raters": 5, "incomplete": 1,
        "ratings": 28, "without_both_answers": 1, "without_the_other_note": 2,
    }  # fmt: skip
    said = answers(numbers(tmp_path, answers=counts), "ratings.x")
    for part in (
        "9 interviews",
        "1 test;",
        "2 screened out",
        "1 without any whole pair",
        "1 of them left out",
        "3 further",
    ):
        assert part in shown(said)
