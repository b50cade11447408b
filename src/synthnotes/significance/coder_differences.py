"""Pairs of coders compared: intervals, tests, corrections for their number, and verdicts about the training sets."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from synthnotes.coding.outcomes import Outcome
from synthnotes.machinery.disclosure import Table, computed, over, people, setting
from synthnotes.machinery.params import SignificanceParams
from synthnotes.significance.resampling import (
    ENOUGH,
    THE_SETS,
    Part,
    Samples,
    about,
    between_seeds,
    jackknife,
    observed,
    randomise,
    student,
    without_each,
)
from synthnotes.significance.two_samples import finite, holm

JUDGED = ("micro.f1", "macro.f1")  # for non-inferiority
MOST = 1000  # seeds up to which a number that would decide is looked for
INCONCLUSIVE, TOO_FEW, COLLAPSED = "inconclusive", "too few seeds", "collapsed"
Test = dict[str, Any]


class Measured(NamedTuple):
    """What is known of the coders of a training set, by metric.

    Attributes:
        of_seeds: on E, [seeds].
        without: their mean on E without each patient, [patients left out].
        collapsed: whether one of them reads nothing: then nothing follows from their metrics for the set.
    """

    of_seeds: Samples
    without: Samples
    collapsed: bool = False


def compare(coders: Mapping[str, Sequence[Outcome]], settings: SignificanceParams) -> dict[str, Any]:
    """Compares the coders of each pair of the settings.

    A coder's metrics are means over its seeds. Where both training sets of a pair have enough seeds, the intervals of
    the differences and their tests hold for the sets: they take in what other patients and what other seeds would
    change. Else they hold for these coders alone, over patients. The randomisation is about these coders in any case,
    and so is McNemar's test, which needs one decision each and takes those of the first seed. A metric that E without
    some patient does not define, such as the macro area where no code is left that a note lacks, is left out. Of a pair
    in which a coder has collapsed, nothing is concluded.

    Args:
        coders: the outcomes of each coder, one per seed, all on the same notes. Where two coders have as many seeds,
            those at one place have the same seed.
        settings: the section `significance`; its pairs name coders.

    Returns:
        patients, notes and codes that are compared on; by coder its metrics with their intervals; by pair,
        `<first>_against_<second>`, `about` what its differences are; the `differences` of each metric, the
        `randomisation` of F1, `mcnemar`, `non_inferiority` of F1, and how many `seeds_to_decide` about it. Each kind of
        test is one family in Holm's correction (p_holm), over all pairs and metrics.
    """
    measured = _measure(coders)
    between = _between_seeds([of_coder.of_seeds for of_coder in measured.values() if not of_coder.collapsed])
    pairs: dict[str, dict[str, Any]] = {}
    for first, second in settings.pairs:
        both = measured[first], measured[second]
        tests = computed(differences, *both, settings.significance_level)
        pairs[f"{first}_against_{second}"] = {
            "about": setting(about([len(coders[first]), len(coders[second])])),
            "differences": tests,
            "randomisation": computed(randomise, coders[first], coders[second], settings.resamples, settings.seed),
            "mcnemar": computed(mcnemar, coders[first][0], coders[second][0]),
            **_judge(*both, tests, between, settings),
        }
    adjust([test for pair in pairs.values() for test in pair["differences"].values()])
    adjust([test for pair in pairs.values() for test in pair["randomisation"].values()])
    adjust([pair["mcnemar"] for pair in pairs.values()], "p_by_patient")
    some = next(iter(coders.values()))[0]
    patients, (notes, codes) = int(some.patients.max()) + 1, some.truth.shape
    found = {
        "patients": people(patients),
        "notes": people(notes),
        "codes": codes,
        "resamples": setting(settings.resamples),
        "significance_level": setting(settings.significance_level),
        "coders": {
            name: setting({"seeds": len(coders[name]), "about": about([len(coders[name])])})
            | nested(computed(intervals_of, of_coder, settings.significance_level))
            for name, of_coder in measured.items()
        },
        "pairs": {name: pair | {"differences": nested(pair["differences"])} for name, pair in pairs.items()},
    }
    return over(patients, found)


def _measure(coders: Mapping[str, Sequence[Outcome]]) -> dict[str, Measured]:
    """The metrics of all coders, as far as they are defined for all, whichever patient is left out."""
    found = {
        name: Measured(observed(outcomes), without_each(outcomes), any(of_seed.collapsed for of_seed in outcomes))
        for name, outcomes in coders.items()
    }
    for metric in {
        m for measured in found.values() for m, values in measured.without.items() if np.isnan(values).any()
    }:
        for measured in found.values():
            measured.of_seeds.pop(metric), measured.without.pop(metric)
    return found


def intervals_of(measured: Measured, significance_level: float) -> dict[str, Test]:
    """By metric: the coder's mean over its seeds, with the interval of that mean."""
    found = {}
    for metric, of_seeds in measured.of_seeds.items():
        value, parts = of_seeds.mean(), [jackknife(measured.without[metric])]
        if len(of_seeds) >= ENOUGH:
            parts.append(between_seeds(of_seeds))
        interval = student(value, parts, significance_level)
        found[metric] = {"value": float(value), "low": float(interval.low), "high": float(interval.high)}
    return found


def differences(first: Measured, second: Measured, significance_level: float) -> dict[str, Test]:
    """By metric: both means over the seeds, their difference (first minus second), its interval, and p.

    Beside them stands the standard deviation of the difference over the seeds, None where there is one alone, or where
    the coders differ in their number.
    """
    tests = {}
    for metric, values in first.of_seeds.items():
        others = second.of_seeds[metric]
        parts = [jackknife(first.without[metric] - second.without[metric])]
        if about([len(values), len(others)]) == THE_SETS:
            parts += [between_seeds(values), between_seeds(others)]
        interval = student(values.mean() - others.mean(), parts, significance_level)
        tests[metric] = {
            "first": float(values.mean()),
            "second": float(others.mean()),
            "difference": float(values.mean() - others.mean()),
            "sd_over_seeds": float((values - others).std(ddof=1)) if len(values) == len(others) > 1 else None,
        } | {name: float(value) for name, value in interval._asdict().items()}
    return tests


def _judge(
    first: Measured,
    second: Measured,
    tests: Mapping[str, Test],
    between: Mapping[str, float],
    settings: SignificanceParams,
) -> dict[str, dict[str, Any]]:
    """The verdicts about two training sets, and the seeds that would bring one.

    By metric, `tests` holds their differences, and `between` the variance between the seeds of one training set.
    """
    verdicts, numbers = {}, {}
    for metric in [metric for metric in JUDGED if metric in tests]:
        seeds = [len(of.of_seeds[metric]) for of in (first, second)]
        collapsed = first.collapsed or second.collapsed
        found = computed(verdict, tests[metric], seeds, settings.margin, collapsed)
        patients = jackknife(first.without[metric] - second.without[metric])
        fewest = max(ENOUGH, *seeds) + (found == INCONCLUSIVE)
        name = metric.replace(".", "_")
        verdicts[name] = {"margin": setting(settings.margin), "verdict": found}
        known = None if collapsed else between.get(metric)
        numbers[name] = computed(seeds_to_decide, tests[metric]["difference"], patients, known, fewest, settings)
    return {"non_inferiority": verdicts, "seeds_to_decide": numbers}


def _between_seeds(coders: Sequence[Samples]) -> dict[str, float]:
    """By metric, the variance between the seeds of one training set, pooled over those of two seeds and more."""
    several = [of_coder for of_coder in coders if len(next(iter(of_coder.values()))) > 1]
    degrees = [len(next(iter(of_coder.values()))) - 1 for of_coder in several]
    return {
        metric: float(np.average([of_coder[metric].var(ddof=1) for of_coder in several], weights=degrees))
        for metric in (several[0] if several else {})
    }


def verdict(test: Test, seeds: Sequence[int], margin: float, collapsed: bool = False) -> str:
    """What the interval of a difference says about two training sets, the first against the second.

    Both ends of the interval count, so that each verdict errs in one direction, with half of the interval's level.

    Args:
        test: with the ends of the interval, low and high.
        seeds: how many, of each training set.
        margin: how much the first may fall below the second and still be no worse.
        collapsed: whether a coder of either set reads nothing.

    Returns:
        `collapsed` where one does, since two coders that read nothing do not differ; `too few seeds` where the interval
        is not about the sets; `superior` where it lies above zero; `non-inferior` where it holds zero and lies above
        -margin; `worse within margin` where it lies between -margin and zero; `inferior` where it lies below -margin;
        else `inconclusive`.
    """
    if collapsed:
        return COLLAPSED
    if about(seeds) != THE_SETS:
        return TOO_FEW
    if test["low"] > 0:
        return "superior"
    if test["high"] < -margin:
        return "inferior"
    if test["low"] <= -margin:
        return INCONCLUSIVE
    return "non-inferior" if test["high"] >= 0 else "worse within margin"


def seeds_to_decide(
    difference: float, patients: Part, between: float | None, fewest: int, settings: SignificanceParams
) -> int | None:
    """With how many seeds of each set a verdict would fall, if difference and variances stayed as they are.

    Args:
        difference: first minus second.
        patients: the part of its variance that is theirs.
        between: variance between the seeds of a training set; None where it is not known.
        fewest: from which number to look.
        settings: margin and significance level.

    Returns:
        None where even many seeds would leave it open, since the patients do.
    """
    if between is None:
        return None
    seeds = np.arange(fewest, MOST + 1)
    of_set = Part(between / seeds, seeds - 1)
    interval = student(difference, [patients, of_set, of_set], settings.significance_level)
    decided = np.flatnonzero((interval.low > -settings.margin) | (interval.high < -settings.margin))
    return int(seeds[decided[0]]) if len(decided) else None


def adjust(family: Sequence[Test], key: str = "p") -> None:
    """Adds p_holm, of the p-value under `key`, to each test of a family; tests without one are no members."""
    members = [test for test in family if test[key] is not None]
    for test, adjusted in zip(members, computed(holm, [test[key] for test in members]), strict=True):
        test["p_holm"] = adjusted
    for test in family:
        test.setdefault("p_holm", None)


def mcnemar(first: Outcome, second: Outcome) -> dict[str, int | float | None]:
    """McNemar's test of the decisions (does a note have a code?) that only one of two coders makes rightly.

    Returns:
        decisions, notes times codes; right_by_first_only and right_by_second_only; p, exact and two-sided, which takes
        all decisions as independent; p_by_patient, which does not: normal approximation with the variance of the
        patients' sums.
    """
    # 1 where only the first predicts the code, -1 where only the second does.
    lead = first.predicted.astype(np.int8) - second.predicted.astype(np.int8)
    # The coder that predicts it is right where the code is true, the other one where it is not.
    balance = (2 * lead.multiply(first.truth) - lead).tocsr()
    by_first, by_second = int((balance > 0).sum()), int((balance < 0).sum())
    discordant = by_first + by_second
    sums = first.by_patient(balance.sum(axis=1))
    variance = float((sums**2).sum())
    return {
        "decisions": people(first.truth.shape[0] * first.truth.shape[1]),
        "right_by_first_only": people(by_first),
        "right_by_second_only": people(by_second),
        "p": float(stats.binomtest(by_first, discordant).pvalue) if discordant else None,
        "p_by_patient": finite(2 * stats.norm.sf(abs(sums.sum()) / np.sqrt(variance))) if variance else None,
    }


def nested(tests: Mapping[str, Test]) -> dict[str, Any]:
    """Dotted names as nested objects, as the coders' own results have them."""
    tree: dict[str, Any] = {}
    for name, test in tests.items():
        *groups, last = name.split(".")
        branch = tree
        for group in groups:
            branch = branch.setdefault(group, {})
        branch[last] = test
    return tree


def tidy(results: Mapping[str, Any]) -> Table:
    """The differences as a table: pair, metric, first, second, difference, sd_over_seeds, low, high, p, p_holm."""
    labels = ["pair", "metric"]
    rows = [
        {"pair": pair, "metric": metric} | test
        for pair, content in results["pairs"].items()
        for metric, test in leaves(content["differences"])
    ]
    table = pd.DataFrame(rows)
    return Table(table, labels, statistics=list(table.columns.drop(labels)), basis=results["patients"])


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Test]]:
    """The tests of a nested object by dotted name."""
    for name, branch in tree.items():
        if "difference" in branch:
            yield prefix + name, branch
        else:
            yield from leaves(branch, f"{prefix}{name}.")
