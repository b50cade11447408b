"""Verdicts of the ratings: what tests, intervals and agreement allow to say, in words that the report puts in prose."""

from collections.abc import Mapping, Sequence
from typing import Any

# Krippendorff (2018) asks for 0.8, and for 0.667 where conclusions may be tentative.
RELIABLE, TENTATIVE = 0.8, 0.667
NOT_DEFINED = "not defined"


def difference(of_question: Mapping[str, Any], level: float) -> str:
    """What Wilcoxon's and the equivalence test over the pairs, both adjusted, allow to say.

    Returns:
        different, equivalent, different and equivalent, undecided, or not tested where the ratings do not vary enough.
    """
    p_values = {"different": of_question["wilcoxon"]["p_holm"], "equivalent": of_question["equivalence"]["p_holm"]}
    if None in p_values.values():
        return "not tested"
    return " and ".join(says for says, p in p_values.items() if p < level) or "undecided"


def direction(of_synthetic: float) -> str:
    """How synthetic notes are rated: `lower` or `higher` than real ones, or `equal`, by the mean difference."""
    if of_synthetic == 0:
        return "equal"
    return "lower" if of_synthetic < 0 else "higher"


def agreement(alpha: float | None) -> str:
    """Whether raters agree enough for statements about single notes, by Krippendorff's alpha.

    Returns:
        reliable, tentative, too little, or not defined where all ratings are the same.
    """
    if alpha is None:
        return NOT_DEFINED
    if alpha >= RELIABLE:
        return "reliable"
    return "tentative" if alpha >= TENTATIVE else "too little"


def odds(model: Mapping[str, Any]) -> str:
    """Whom the interval of the cumulative-link model's odds ratio favours.

    Returns:
        one side, where 1 lies outside of the interval; either kind; or no solution.
    """
    if model["odds_ratio"] is None:
        return "no solution"
    return "either kind" if model["low"] < 1 < model["high"] else "one side"


def can_show(least_p: float, level: float) -> str:
    """Whether a test whose smallest possible p is this could find a difference: yes or no."""
    return "yes" if least_p < level else "no"


def correlation(spearman: Mapping[str, float | None], level: float) -> str:
    """Whether readability and coherence go together: positive, negative, not shown, or not defined."""
    r, p = spearman["r"], spearman["p"]
    if r is None or p is None:
        return NOT_DEFINED
    if p >= level:
        return "not shown"
    return "negative" if r < 0 else "positive"


def pairs(tests: Sequence[Mapping[str, float | None]], level: float) -> dict[str, int | str]:
    """How many pairs of notes differ by themselves.

    Args:
        tests: of the pairs, adjusted.
        level: significance level.

    Returns:
        tests, as far as they are defined; how many are below_significance_level, and how many after Holm's correction;
        verdict: some or none of the latter.
    """
    known = [test for test in tests if test["p"] is not None]
    below, kept = (sum(test[of] < level for test in known) for of in ("p", "p_holm"))
    return {
        "tests": len(known),
        "below_significance_level": below,
        "below_significance_level_after_holm": kept,
        "verdict": "some" if kept else "none",
    }
