"""Intervals by hand, and on simulated studies whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from synthnotes.machinery.params import SignificanceParams
from synthnotes.significance.coder_differences import Measured, differences, seeds_to_decide, verdict
from synthnotes.significance.resampling import Part, between_seeds, jackknife, student

SETTINGS = SignificanceParams(
    pairs=[["synthetic_s", "real_s"]], resamples=100, significance_level=0.05, margin=0.05, seed=1
)


def test_the_jackknife_of_a_mean_is_its_variance():
    values = np.array([1.0, 4.0, 4.0, 7.0, 9.0])
    without = (values.sum() - values) / 4
    part = jackknife(without)
    assert part == (pytest.approx(values.var(ddof=1) / 5), 4)
    assert between_seeds(values) == (pytest.approx(part.variance), 4)


def test_one_part_gives_student_s_interval_and_test():
    values = np.random.default_rng(1).normal(0.3, 1, 12)
    found = student(values.mean(), [between_seeds(values)], 0.1)
    expected = stats.ttest_1samp(values, 0)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.9)))
    assert found.p == pytest.approx(expected.pvalue)


def test_two_parts_give_welch_s_interval_and_test():
    rng = np.random.default_rng(2)
    first, second = rng.normal(0, 1, 3), rng.normal(0.5, 3, 5)
    parts = [between_seeds(of) for of in (first, second)]
    found = student(first.mean() - second.mean(), parts, 0.05)
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert found.p == pytest.approx(expected.pvalue)


def test_p_is_below_the_level_exactly_where_the_interval_leaves_zero_out():
    value, parts = np.linspace(-3, 3, 61), [Part(np.full(61, 0.6), 30), Part(np.full(61, 0.4), 2)]
    found = student(value, parts, 0.05)
    assert ((found.low > 0) | (found.high < 0)).tolist() == (found.p < 0.05).tolist()
    assert 0 < (found.p < 0.05).sum() < 61


def test_nothing_that_varies_leaves_the_value_alone():
    for value, p in ((0.0, 1.0), (0.2, 0.0)):
        assert student(value, [Part(np.array(0.0), 9)], 0.05) == (value, value, p)


def measured(of_seeds, without):
    return Measured({"micro.f1": np.array(of_seeds)}, {"micro.f1": np.array(without)})


def test_differences_of_one_seed_each_are_about_patients_alone():
    first, second = measured([0.5, 0.7], [0.61, 0.60, 0.59]), measured([0.4, 0.3], [0.35, 0.34, 0.36])
    test = differences(first, second, 0.05)["micro.f1"]
    assert [test[of] for of in ("first", "second", "difference")] == pytest.approx([0.6, 0.35, 0.25])
    assert test["sd_over_seeds"] == pytest.approx(0.3 / 2**0.5)  # of 0.1 and 0.4
    # Without each patient the difference is 0.26, 0.26 and 0.23: 2/3 of the sum of squares about 0.25.
    error = (2 / 3 * (0.01**2 + 0.01**2 + 0.02**2)) ** 0.5
    assert test["high"] - 0.25 == pytest.approx(error * stats.t.ppf(0.975, 2))
    single = measured([0.5], [0.61, 0.60, 0.59])
    assert differences(single, second, 0.05)["micro.f1"]["sd_over_seeds"] is None


def test_differences_of_three_seeds_each_hold_what_other_seeds_would_change():
    first, second = measured([0.5, 0.6, 0.7], [0.61, 0.60, 0.59]), measured([0.3, 0.35, 0.4], [0.35, 0.34, 0.36])
    test = differences(first, second, 0.05)["micro.f1"]
    parts = np.array([2 / 3 * (0.01**2 + 0.01**2 + 0.02**2), 0.01 / 3, 0.0025 / 3])  # 2 degrees of freedom each
    degrees = parts.sum() ** 2 / (parts**2 / 2).sum()
    assert test["high"] - 0.25 == pytest.approx(parts.sum() ** 0.5 * stats.t.ppf(0.975, degrees))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.01, 0.03, "superior"),
        (-0.04, 0.01, "non-inferior"),
        (-0.04, -0.01, "worse within margin"),
        (-0.09, -0.06, "inferior"),
        (-0.06, 0.01, "inconclusive"),
        (-0.06, -0.01, "inconclusive"),
        (-0.05, 0.0, "inconclusive"),  # on the margin is not within it
        (0.0, 0.01, "non-inferior"),  # zero on the border is held
    ],
)
def test_the_verdicts(low, high, expected):
    assert verdict({"low": low, "high": high}, [3, 4], margin=0.05) == expected
    assert verdict({"low": low, "high": high}, [3, 2], margin=0.05) == "too few seeds"


@pytest.mark.parametrize(
    ("difference", "patients", "between", "expected"),
    [
        (-0.03, 0.0, 0.0, 3),
        (-0.03, 4e-4, 1e-6, None),  # the patients leave it open
        (-0.03, 0.0, None, None),  # nothing is known of the seeds
        (-0.10, 1e-4, 1e-3, 5),
        (0.01, 1e-4, 2e-3, 6),
    ],
)
def test_the_seeds_that_would_decide(difference, patients, between, expected):
    found = seeds_to_decide(difference, Part(np.array(patients), 99), between, 3, SETTINGS)
    assert found == expected
    for seeds in [found - 1, found] if found and found > 3 else []:
        parts = [Part(np.array(patients), 99), *[Part(np.array(between / seeds), seeds - 1)] * 2]
        says = verdict(student(difference, parts, 0.05)._asdict(), [seeds, seeds], 0.05)
        assert (says == "inconclusive") == (seeds < found)


def binomial(share, studies):
    """The counts within which a share of the studies lies but once in a thousand times, on either side."""
    return stats.binom.ppf([0.001, 0.999], studies, share)


@pytest.mark.parametrize("regime", ["frequent codes", "2–3 notes per code", "singletons"])
def test_intervals_cover_what_such_studies_give(studies, regime):
    """At least 95 % of them, and 5 % of false positives at most, up to the luck of the simulation."""
    number = 120
    for metric, shares in studies.intervals(regime, number, ["jackknife"], studies.METRICS)["jackknife"].items():
        assert shares["covers_mean"] * number >= binomial(0.95, number)[0], metric
        assert shares["false_positives"] * number <= binomial(0.05, number)[1], metric


def test_percentiles_cover_too_little_where_codes_are_rare(studies):
    """Why the bootstrap was given up."""
    number = 160
    found = studies.intervals("singletons", number, ["bootstrap"], ["macro.recall"])["bootstrap"]["macro.recall"]
    assert found["covers_mean"] * number < binomial(0.95, number)[0]


def test_seeds_of_one_set_are_not_told_apart(studies):
    """Over patients alone they were in a third of the studies and more."""
    number = 100
    found = studies.seeds_of_one_set("2–3 notes per code", 3, number)
    for metric in ("micro.f1", "macro.f1"):
        assert found[f"{metric}, over patients alone"] > 0.2
        assert found[f"{metric}, over seeds too"] * number <= binomial(0.05, number)[1]
        assert found[f"{metric}, verdicts"] * number <= binomial(0.05, number)[1]


@pytest.mark.parametrize(
    ("qualities", "expected"),
    [
        ((1.2, 0.6), "superior"),
        ((0.6, 0.6), "non-inferior"),
        ((0.55, 0.6), "worse within margin"),
        ((0.2, 0.6), "inferior"),
    ],
)
def test_known_truth_is_the_verdict(studies, qualities, expected):
    """Ten studies of enough patients and seeds: no other verdict but `inconclusive`, and mostly the right one."""
    rng, says = np.random.default_rng(3), []
    sets = [studies.TrainingSet(quality, 5, 0.005) for quality in qualities]
    for _ in range(10):
        pair = [studies.measure(of) for of in studies.study(rng, np.full(12, 0.25), 1500, sets)]
        says.append(verdict(differences(*pair, 0.05)["micro.f1"], [5, 5], 0.05))
    assert set(says) <= {expected, "inconclusive"}, says
    assert says.count(expected) >= 7, says
