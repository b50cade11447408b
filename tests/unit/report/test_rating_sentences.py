"""Each verdict is said where the numbers bear it, and nowhere else."""

import pytest
from reading import shown

from synthnotes.report import findings, tables
from synthnotes.report.kit.numbers import Numbers
from synthnotes.report.rating_sentences import agreement, answers, correlation, difference, floor, model, pairs, power

SETTINGS = {"ratings": {"significance_level": 0.05, "equivalence_margin": 0.5}}


def numbers(tmp_path, **content):
    found = Numbers(tmp_path, {})
    found.include("params", tmp_path, SETTINGS)
    found.include("ratings.x", tmp_path, content)
    return found


def of_study(tmp_path, **results):
    """One question, q, of a study with four raters and three pairs."""
    return numbers(tmp_path, raters=4, pairs=3, q=results)


def results_of(size=-0.3, wilcoxon=0.5, equivalence=0.5, verdict="undecided"):
    return {
        "verdict": verdict,
        "cliffs_delta": {"delta": -0.2, "low": -0.4, "high": 0.1},
        "wilcoxon": {"p_holm": wilcoxon},
        "equivalence": {"difference": size, "p_holm": equivalence},
    }


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (results_of(), "do not say that they are alike"),
        (results_of(wilcoxon=0.04, verdict="different"), "the kinds are rated differently"),
        (results_of(equivalence=0.04, verdict="equivalent"), "a larger mean difference may be ruled out"),
        (results_of(wilcoxon=0.0004, equivalence=0.04, verdict="different and equivalent"), "smaller than"),
        (results_of(wilcoxon=None, verdict="not tested"), "nothing may be concluded"),
    ],
)
def test_verdicts(tmp_path, result, said):
    text = shown(difference(of_study(tmp_path, **result), "ratings.x.q"))
    every = ["do not say", "rated differently", "ruled out", "smaller than", "nothing may be"]
    assert said in text
    assert ("for these 3 pairs of notes" in text) == (result["verdict"] != "not tested")
    assert sum(part in text for part in every) == 1


@pytest.mark.parametrize(("size", "said"), [(-0.3, "0.30 points lower"), (0.3, "points higher"), (0, "as high")])
def test_the_direction(tmp_path, size, said):
    assert said in shown(difference(of_study(tmp_path, **results_of(size=size)), "ratings.x.q"))


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
    text = model(numbers(tmp_path, cumulative_link=link), "ratings.x")
    assert said in text
    assert "permutation test" in text
    assert "no solution" in model(numbers(tmp_path, cumulative_link=dict.fromkeys(link)), "ratings.x")


def test_power(tmp_path):
    of = {
        "power": 0.8,
        "level": 0.0125,
        "false_positives": 0.01,
        "detectable_difference": 0.84,
        "raters_to_detect_margin": 25,
        "raters_to_show_equivalence": None,
    }
    said = shown(power(of_study(tmp_path, power=of), "ratings.x.q"))
    for part in ("With 4 raters and 3 pairs", "0.84 points", "25 raters", "too many", "strictest level, 0.013"):
        assert part in said
    of["detectable_difference"] = None
    assert "no difference on the scale would" in shown(power(of_study(tmp_path, power=of), "ratings.x.q"))
    of["false_positives"] = None
    assert "no power" in power(of_study(tmp_path, power=of), "ratings.x.q")


@pytest.mark.parametrize(("least", "said"), [(0.125, "cannot fall below 0.125"), (0.002, "")])
def test_a_test_that_can_show_nothing_is_called_so(tmp_path, least, said):
    text = shown(floor(numbers(tmp_path, by_rater={"least_p": least}), "ratings.x"))
    assert said in text
    assert bool(text) == bool(said)


def test_the_first_page_says_the_verdict_with_its_origin_and_on_what_it_rests(tmp_path):
    """An interval by rater that leaves out zero is no verdict: the tests after their correction are."""
    by_rater = {"difference": -0.5, "low": -0.9, "high": -0.1}
    of_questions = {q: {"verdict": v, "by_rater": by_rater} for q, v in
                    {"readability": "undecided", "coherence": "different"}.items()}  # fmt: skip
    found = Numbers(tmp_path, {})
    found.include("ratings.published", tmp_path, {"sepr": {"raters": 4, "pairs": 4} | of_questions})
    text = findings.readers(found, tables.CORPORA["sepr"])
    key = "ratings.published.sepr"
    assert f"readability **[not shown][{key}.readability.verdict]**" in text
    assert f"coherence **[yes][{key}.coherence.verdict]**" in text
    assert "by 4 raters of 4 pairs of notes" in shown(text)


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
    said = answers(numbers(tmp_path, answers=counts, pairs=3), "ratings.x")
    for part in (
        "9 interviews",
        "ratings of 3 pairs of notes",
        "1 test;",
        "2 screened out",
        "1 without any whole pair",
        "1 of them left out",
        "3 further",
    ):
        assert part in shown(said)
