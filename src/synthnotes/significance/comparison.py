"""Pairs of coders compared: intervals, tests, corrections for their number, and verdicts of non-inferiority."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from synthnotes.sections import SignificanceParams
from synthnotes.significance.differences import holm
from synthnotes.significance.outcomes import Outcome
from synthnotes.significance.randomisation import mcnemar, randomise
from synthnotes.significance.resampling import Samples, bootstrap, observed

JUDGED = ("micro.f1", "macro.f1")  # for non-inferiority
Test = dict[str, Any]


def compare(coders: Mapping[str, Sequence[Outcome]], settings: SignificanceParams) -> dict[str, Any]:
    """Compares the coders of each pair of the settings.

    The bootstrap compares means over the seeds of a coder; the tests of decisions need one decision each, and take
    those of the first seed.

    Args:
        coders: the outcomes of each coder that stands in a pair, one per seed, all on the same notes.
        settings: the section `significance`.

    Returns:
        patients, notes and codes that are compared on; by pair, `<first>_against_<second>`, the `bootstrap` of each
        metric, the `randomisation` of F1, `mcnemar`, and `non_inferiority` of F1. Each kind of test is one family in
        Holm's correction (p_holm), over all pairs and metrics.
    """
    values = observed(coders)
    samples = bootstrap(coders, settings.resamples, settings.seed)
    pairs = {}
    for first, second in settings.pairs:
        ones = coders[first][0], coders[second][0]
        intervals = bootstrap_tests(*((values[name], samples[name]) for name in (first, second)), settings.level)
        pairs[f"{first}_against_{second}"] = {
            "bootstrap": intervals,
            "randomisation": randomise(*ones, settings.resamples, settings.seed),
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
    some = coders[settings.pairs[0][0]][0]
    return {
        "patients": int(some.patients.max()) + 1,
        "notes": some.truth.shape[0],
        "codes": some.truth.shape[1],
        "resamples": settings.resamples,
        "level": settings.level,
        "seeds": {name: len(outcomes) for name, outcomes in coders.items()},
        "pairs": {name: pair | {"bootstrap": nested(pair["bootstrap"])} for name, pair in pairs.items()},
    }


def bootstrap_tests(
    first: tuple[Mapping[str, float], Samples], second: tuple[Mapping[str, float], Samples], level: float
) -> dict[str, Test]:
    """By metric: both values, their difference (first minus second), its percentile interval, and p.

    Args:
        first, second: the coders' metrics on E, and on the same resamples.
        level: 1 - coverage.
    """
    tests = {}
    for metric, value in first[0].items():
        differences = first[1][metric] - second[1][metric]
        low, high = np.quantile(differences, [level / 2, 1 - level / 2])
        tests[metric] = {
            "first": value,
            "second": second[0][metric],
            "difference": value - second[0][metric],
            "low": float(low),
            "high": float(high),
            "p": two_sided(differences),
        }
    return tests


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
    """The differences as a table: pair, metric, first, second, difference, low, high, p, p_holm."""
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
