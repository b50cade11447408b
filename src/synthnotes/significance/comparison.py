"""Pairs of coders compared: intervals, tests, corrections for their number, and verdicts of non-inferiority."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthnotes.machinery.sections import SignificanceParams
from synthnotes.significance.differences import holm
from synthnotes.significance.outcomes import Outcome
from synthnotes.significance.randomisation import mcnemar, randomise
from synthnotes.significance.resampling import Samples, bootstrap, observed

JUDGED = ("micro.f1", "macro.f1")  # for non-inferiority
Test = dict[str, Any]


def compare(coders: Mapping[str, Sequence[Outcome]], settings: SignificanceParams) -> dict[str, Any]:
    """Compares the coders of each pair of the settings.

    A coder's metrics are means over its seeds. So bootstrap and randomisation tell what other patients would change;
    what other seeds would change, tell the standard deviations over the seeds. McNemar's test needs one decision each,
    and takes those of the first seed. A metric that some resample does not define, such as the macro area where no code
    of E is left that a drawn note lacks, is left out.

    Args:
        coders: the outcomes of each coder, one per seed, all on the same notes. Where two coders have as many seeds,
            those at one place have the same seed.
        settings: the section `significance`; its pairs name coders.

    Returns:
        patients, notes and codes that are compared on; by coder its metrics with their intervals; by pair,
        `<first>_against_<second>`, the `bootstrap` of each metric, the `randomisation` of F1, `mcnemar`, and
        `non_inferiority` of F1. Each kind of test is one family in Holm's correction (p_holm), over all pairs and
        metrics.
    """
    samples = bootstrap(coders, settings.resamples, settings.seed)
    undefined = {metric for of_coder in samples.values() for metric in of_coder if np.isnan(of_coder[metric]).any()}
    values = {
        name: {metric: of_seeds for metric, of_seeds in of_coder.items() if metric not in undefined}
        for name, of_coder in observed(coders).items()
    }
    pairs = {}
    for first, second in settings.pairs:
        ones = coders[first][0], coders[second][0]
        intervals = bootstrap_tests(*((values[name], samples[name]) for name in (first, second)), settings.level)
        pairs[f"{first}_against_{second}"] = {
            "bootstrap": intervals,
            "randomisation": randomise(coders[first], coders[second], settings.resamples, settings.seed),
            "mcnemar": mcnemar(*ones),
            "non_inferiority": {
                metric.replace(".", "_"): {
                    "margin": settings.margin,
                    "verdict": verdict(intervals[metric], settings.margin),
                }
                for metric in JUDGED
            },
        }
    adjust([test for pair in pairs.values() for test in pair["bootstrap"].values()])
    adjust([test for pair in pairs.values() for test in pair["randomisation"].values()])
    adjust([pair["mcnemar"] for pair in pairs.values()])
    some = next(iter(coders.values()))[0]
    return {
        "patients": int(some.patients.max()) + 1,
        "notes": some.truth.shape[0],
        "codes": some.truth.shape[1],
        "resamples": settings.resamples,
        "level": settings.level,
        "coders": {
            name: {"seeds": len(outcomes)} | nested(intervals_of(values[name], samples[name], settings.level))
            for name, outcomes in coders.items()
        },
        "pairs": {name: pair | {"bootstrap": nested(pair["bootstrap"])} for name, pair in pairs.items()},
    }


def intervals_of(values: Samples, samples: Samples, level: float) -> dict[str, dict[str, float]]:
    """By metric: the coder's mean over its seeds, with the interval of that mean."""
    return {
        metric: {"value": float(of_seeds.mean())} | percentiles(centred(samples[metric], of_seeds.mean()), level)
        for metric, of_seeds in values.items()
    }


def bootstrap_tests(first: tuple[Samples, Samples], second: tuple[Samples, Samples], level: float) -> dict[str, Test]:
    """By metric: both means over the seeds, their difference (first minus second), its interval, and p.

    Beside them stands the standard deviation of the difference over the seeds, None where there is one alone, or where
    the coders differ in their number.

    Args:
        first, second: the coders' metrics on E, [seeds], and on the same resamples, means over the seeds.
        level: 1 - coverage.
    """
    tests = {}
    for metric, values in first[0].items():
        others = second[0][metric]
        difference = values.mean() - others.mean()
        differences = centred(first[1][metric] - second[1][metric], difference)
        tests[metric] = {
            "first": float(values.mean()),
            "second": float(others.mean()),
            "difference": float(difference),
            "sd_over_seeds": float((values - others).std(ddof=1)) if len(values) == len(others) > 1 else None,
            **percentiles(differences, level),
            "p": two_sided(differences),
        }
    return tests


def centred(samples: np.ndarray, value: float) -> np.ndarray:
    """The samples moved so that their mean is the value on E itself.

    Macro averages need it: of the few notes with a rare code, a resample doubles some and leaves out others, or all, so
    that its average differs from E's in one direction, as no other sample of patients does. With thousands of codes,
    the average varies far less than that: its percentiles would not even hold the value.
    """
    return samples + (value - samples.mean())


def percentiles(samples: np.ndarray, level: float) -> dict[str, float]:
    """The interval that covers 1 - level of the samples, as much left out below as above."""
    low, high = np.quantile(samples, [level / 2, 1 - level / 2])
    return {"low": float(low), "high": float(high)}


def two_sided(differences: np.ndarray) -> float:
    """The p-value that agrees with the percentile interval: the level at which zero leaves it."""
    beyond = min((differences <= 0).sum(), (differences >= 0).sum())
    return min(1.0, float(2 * (1 + beyond) / (1 + len(differences))))


def verdict(test: Test, margin: float) -> str:
    """Is the first coder not worse than the second by more than the margin?

    Returns:
        `non_inferior` where the whole interval lies above -margin, `inferior` where it lies below, else `inconclusive`.
    """
    if test["low"] > -margin:
        return "non_inferior"
    return "inferior" if test["high"] < -margin else "inconclusive"


def adjust(family: Sequence[Test]) -> None:
    """Adds p_holm to each test of a family; tests without a p-value are no members."""
    members = [test for test in family if test["p"] is not None]
    for test, adjusted in zip(members, holm([test["p"] for test in members]), strict=True):
        test["p_holm"] = adjusted
    for test in family:
        test.setdefault("p_holm", None)


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


def tidy(results: Mapping[str, Any]) -> pd.DataFrame:
    """The differences as a table: pair, metric, first, second, difference, sd_over_seeds, low, high, p, p_holm."""
    rows = [
        {"pair": pair, "metric": metric} | test
        for pair, content in results["pairs"].items()
        for metric, test in leaves(content["bootstrap"])
    ]
    return pd.DataFrame(rows)


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Test]]:
    """The tests of a nested object by dotted name."""
    for name, branch in tree.items():
        if "difference" in branch:
            yield prefix + name, branch
        else:
            yield from leaves(branch, f"{prefix}{name}.")
