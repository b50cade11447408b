"""The ratings, evaluated as the authors did and as ordinal answers by raters who saw both kinds ask for (paper 8).

The `judge_…` functions say what tests, intervals and agreement allow to say, in words that the report puts in prose.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from synthnotes.machinery.disclosure import computed, setting
from synthnotes.machinery.files import UserError
from synthnotes.questionnaire.ordinal import cumulative_link
from synthnotes.significance import agreement, power, two_samples

COLUMNS = ("corpus", "pair", "kind", "rater", "readability", "coherence")
QUESTIONS = ("readability", "coherence")
KINDS = ("real", "synthetic")
SCALE = (1, 2, 3, 4, 5)
POWER = 0.8
MOST_STUDIES = 1000  # simulated for the power: the share that finds something is then known to about a hundredth
# Krippendorff (2018) asks for 0.8, and for 0.667 where conclusions may be tentative.
RELIABLE, TENTATIVE = 0.8, 0.667
NOT_DEFINED = "not defined"
# One test per corpus and question: each of these makes a family for Holm's correction; the pairs' t-tests make another.
FAMILIES = ("welch_t", "wilcoxon", "mann_whitney", "cumulative_link", "equivalence")


def check(ratings: pd.DataFrame, where: str) -> None:
    """Raises a `UserError` that names the first row which is no complete, single rating from 1 to 5.

    Args:
        ratings: one row per rated note and rater, with `COLUMNS`.
        where: the file's name, for messages.
    """
    missing = [column for column in COLUMNS if column not in ratings]
    if missing:
        raise UserError(f"{where}: column {missing[0]} is missing; expected {', '.join(COLUMNS)}.")

    def refuse(bad: pd.Series, expected: str) -> None:
        if bad.any():
            raise UserError(f"{where}, line {np.flatnonzero(bad)[0] + 2}: {expected}.")

    if ratings.empty:
        raise UserError(f"{where}: no ratings.")
    for column in ("corpus", "pair", "rater"):
        refuse(ratings[column].isna(), f"{column} must be given")
    refuse(~ratings["kind"].isin(KINDS), "kind must be real or synthetic")
    for question in QUESTIONS:
        refuse(~ratings[question].isin(SCALE), f"{question} must be a whole number from 1 to 5")
    refuse(ratings.duplicated(["corpus", "pair", "kind", "rater"]), "this rater has rated this note already")
    halves = ratings.groupby(["corpus", "pair", "rater"])["kind"].transform("count")
    refuse(halves != len(KINDS), "the other note of the pair has no rating by this rater")


def matrices(ratings: pd.DataFrame, question: str) -> dict[str, np.ndarray]:
    """One corpus's answers to one question as raters x pairs, by kind; NaN where a rater did not rate a pair."""
    return {
        kind: ratings[ratings["kind"] == kind].pivot(index="rater", columns="pair", values=question).to_numpy(float)
        for kind in KINDS
    }


def analyse(
    ratings: pd.DataFrame, margin: float = 0.5, level: float = 0.05, resamples: int = 10_000, seed: int = 1337
) -> dict[str, dict]:
    """Evaluates the ratings of every corpus (paper section 8, with repairs s and t).

    Args:
        ratings: one row per rated note and rater, with `COLUMNS`; a rater may leave out whole pairs.
        margin: equivalence margin, in points of the scale.
        level: significance level; intervals cover 1 - level.
        resamples: permutations of the cumulative-link test, and simulated studies for the power, up to `MOST_STUDIES`.
        seed: of both.

    Returns:
        per corpus: counts of pairs, raters and ratings; per question of `QUESTIONS` what `evaluate_question` gives; the
        `correlation` of the two questions; and `pairs_tested`, by `student_t`. Each question has its `verdict`. Tests
        have `p_holm`: within `student_t` adjusted over all pairs, questions and corpora; in each other test of
        `FAMILIES` over all questions and corpora. Settings all, each made by the function that computes it.

    Raises:
        UserError: the ratings are not what `check` expects.
    """
    check(ratings, "ratings")
    results: dict[str, dict[str, Any]] = {}
    tests = ratings["corpus"].nunique() * len(QUESTIONS)
    for corpus, of_corpus in ratings.groupby("corpus", sort=False):
        results[str(corpus)] = {
            "pairs": int(of_corpus["pair"].nunique()),
            "raters": int(of_corpus["rater"].nunique()),
            "ratings": len(of_corpus),
            **{q: evaluate_question(of_corpus, q, margin, level, tests, resamples, seed) for q in QUESTIONS},
            "correlation": computed(correlate, of_corpus, level),
        }
    adjust(results)
    for corpus, name in product(results, QUESTIONS):
        results[corpus][name]["verdict"] = computed(judge_difference, results[corpus][name], level)
    for found in results.values():
        tests = [test for name in QUESTIONS for test in found[name]["student_t"].values()]
        found["pairs_tested"] = computed(judge_pairs, tests, level)
    return setting(results)


def evaluate_question(
    ratings: pd.DataFrame, name: str, margin: float, level: float, tests: int, resamples: int, seed: int
) -> dict:
    """Evaluates one question of one corpus. Arguments as for `analyse`; `tests` is the size of the verdict's families.

    Returns:
        descriptions by kind; the authors' tests (`student_t` by pair: real minus synthetic; `welch_t`: synthetic minus
        real, their order; `mean_kappa_real_synthetic`); and ours, synthetic minus real. Tests of pairs take each
        rater's two ratings of a pair as one difference; `by_rater` takes a rater's mean difference as one. `power` is
        that of the tests which give the verdict, over the pairs, at the strictest level of Holm's correction.
    """
    answers = matrices(ratings, name)
    rated = ~np.isnan(answers["real"])
    real, synthetic = answers["real"][rated], answers["synthetic"][rated]
    low, high = computed(two_samples.cliffs_delta_interval, answers["synthetic"], answers["real"], level)
    of_pairs, of_both = answers["synthetic"] - answers["real"], np.hstack([answers["real"], answers["synthetic"]])
    alpha = computed(agreement.krippendorff_alpha, of_both)
    model = computed(cumulative_link, ratings, name, level, resamples, seed)
    equivalence: Mapping[str, Any] = computed(two_samples.equivalence, synthetic, real, margin, level)
    return {
        **{kind: computed(describe, values[rated]) for kind, values in answers.items()},
        "student_t": {
            f"pair_{pair}": computed(two_samples.t_test, *of_pair, equal_variance=True)
            for pair, of_pair in zip(sorted(ratings["pair"].unique()), by_pair(answers), strict=True)
        },
        "welch_t": computed(two_samples.t_test, synthetic, real, equal_variance=False),
        "mean_kappa_real_synthetic": computed(mean_kappa, answers),
        "krippendorff_alpha": alpha,
        "agreement_verdict": computed(judge_agreement, alpha),
        "intraclass_correlation": computed(agreement.intraclass_correlation, of_both, level),
        "wilcoxon": computed(two_samples.wilcoxon, synthetic, real),
        "mann_whitney": computed(two_samples.mann_whitney, synthetic, real),
        "cliffs_delta": {"delta": computed(two_samples.cliffs_delta, synthetic, real), "low": low, "high": high},
        "cumulative_link": model | {"verdict": computed(judge_odds, model)},
        "equivalence": {**equivalence, "direction": computed(judge_direction, equivalence["difference"])},
        "by_rater": computed(by_rater, np.nanmean(of_pairs, axis=1), margin, level),
        "power": computed(power.of_study, of_pairs, margin, level / tests, POWER, min(resamples, MOST_STUDIES), seed),
    }


def describe(values: np.ndarray) -> dict[str, float | None]:
    """Mean, standard deviation (n - 1) and median."""
    sd = two_samples.finite(values.std(ddof=1)) if len(values) > 1 else None
    return {"mean": float(values.mean()), "sd": sd, "median": float(np.median(values))}


def by_pair(answers: dict[str, np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each pair, the real and the synthetic note's ratings by those who rated it."""
    for real, synthetic in zip(answers["real"].T, answers["synthetic"].T, strict=True):
        yield real[~np.isnan(real)], synthetic[~np.isnan(synthetic)]


def mean_kappa(answers: dict[str, np.ndarray]) -> float | None:
    """Cohen's kappa between the ratings of a pair's real and synthetic note, averaged over the pairs, as published.

    Pairs with one and the same rating throughout, for which kappa is not defined, are left out.
    """
    kappas = [cohen_kappa_score(*of_pair) for of_pair in by_pair(answers) if np.ptp(np.concatenate(of_pair))]
    return float(np.mean(kappas)) if kappas else None


def by_rater(differences_of_raters: np.ndarray, margin: float, level: float) -> dict:
    """Tests with the rater as the unit.

    One rater's answers hang together, so that this, and not the number of ratings, is the size of the study.

    Args:
        differences_of_raters: each rater's mean of synthetic minus real.
        margin: equivalence margin.
        level: significance level.

    Returns:
        among others least_p: the smallest p that Wilcoxon's test can give with so many raters, whatever they answer;
        can_show: whether that is below the level.
    """
    raters = len(differences_of_raters)
    none = np.zeros(raters)
    low, high = computed(two_samples.mean_interval, differences_of_raters, level)
    least_p = 2.0 ** (1 - raters)
    return {
        "difference": float(differences_of_raters.mean()),
        "sd": float(differences_of_raters.std(ddof=1)) if raters > 1 else 0.0,
        "low": low,
        "high": high,
        "wilcoxon": computed(two_samples.wilcoxon, differences_of_raters, none),
        "least_p": least_p,
        "can_show": computed(judge_size, least_p, level),
        "equivalence": computed(two_samples.equivalence, differences_of_raters, none, margin, level),
    }


def correlate(ratings: pd.DataFrame, level: float) -> dict:
    """Correlation of readability and coherence over all ratings of a corpus, and coherence at each readability.

    The `verdict` is about Spearman's.
    """
    defined = len(ratings) > 2 and all(ratings[question].nunique() > 1 for question in QUESTIONS)
    results: dict[str, Any] = {}
    for name, method in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        result = method(ratings["readability"], ratings["coherence"]) if defined else None
        results[name] = (
            {"r": two_samples.finite(result.statistic), "p": two_samples.finite(result.pvalue)}
            if result
            else {"r": None, "p": None}
        )
    results["verdict"] = computed(judge_correlation, results["spearman"], level)
    results["coherence_by_readability"] = {
        str(int(rating)): {
            "mean": float(values.mean()),
            "sd": two_samples.finite(values.std()) if len(values) > 1 else None,
            "ratings": len(values),
        }
        for rating, values in ratings.groupby("readability")["coherence"]
    }
    return results


def adjust(results: dict[str, dict]) -> None:
    """Adds Holm's adjusted p-value to the tests, family by family (see `analyse`)."""
    questions = [results[corpus][name] for corpus, name in product(results, QUESTIONS)]
    families = [[of_question[family] for of_question in questions] for family in FAMILIES]
    families.append([test for of_question in questions for test in of_question["student_t"].values()])
    for family in families:
        known = [test for test in family if test["p"] is not None]
        for test in family:
            test["p_holm"] = None
        for test, adjusted in zip(known, computed(two_samples.holm, [test["p"] for test in known]), strict=True):
            test["p_holm"] = adjusted


def judge_difference(of_question: Mapping[str, Any], level: float) -> str:
    """What Wilcoxon's and the equivalence test over the pairs, both adjusted, allow to say.

    Returns:
        different, equivalent, different and equivalent, undecided, or not tested where the ratings do not vary enough.
    """
    p_values = {"different": of_question["wilcoxon"]["p_holm"], "equivalent": of_question["equivalence"]["p_holm"]}
    if None in p_values.values():
        return "not tested"
    return " and ".join(says for says, p in p_values.items() if p < level) or "undecided"


def judge_direction(of_synthetic: float) -> str:
    """How synthetic notes are rated: `lower` or `higher` than real ones, or `equal`, by the mean difference."""
    if of_synthetic == 0:
        return "equal"
    return "lower" if of_synthetic < 0 else "higher"


def judge_agreement(alpha: float | None) -> str:
    """Whether raters agree enough for statements about single notes, by Krippendorff's alpha.

    Returns:
        reliable, tentative, too little, or not defined where all ratings are the same.
    """
    if alpha is None:
        return NOT_DEFINED
    if alpha >= RELIABLE:
        return "reliable"
    return "tentative" if alpha >= TENTATIVE else "too little"


def judge_odds(model: Mapping[str, Any]) -> str:
    """Whom the interval of the cumulative-link model's odds ratio favours.

    Returns:
        one side, where 1 lies outside of the interval; either kind; or no solution.
    """
    if model["odds_ratio"] is None:
        return "no solution"
    return "either kind" if model["low"] < 1 < model["high"] else "one side"


def judge_size(least_p: float, level: float) -> str:
    """Whether a test whose smallest possible p is this could find a difference: yes or no."""
    return "yes" if least_p < level else "no"


def judge_correlation(spearman: Mapping[str, float | None], level: float) -> str:
    """Whether readability and coherence go together: positive, negative, not shown, or not defined."""
    r, p = spearman["r"], spearman["p"]
    if r is None or p is None:
        return NOT_DEFINED
    if p >= level:
        return "not shown"
    return "negative" if r < 0 else "positive"


def judge_pairs(tests: Sequence[Mapping[str, Any]], level: float) -> dict[str, int | str]:
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


def count_answers(ratings: pd.DataFrame) -> pd.DataFrame:
    """How often each answer was given: one row per corpus, question, pair, kind and rating from 1 to 5."""
    answers = ratings.melt(["corpus", "pair", "kind"], QUESTIONS, "question", "rating")
    keys = ["corpus", "question", "pair", "kind"]
    counts = answers.groupby(keys, sort=False)["rating"].value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=SCALE, fill_value=0).stack().rename("answers").reset_index()
    return counts.sort_values([*keys, "rating"], ignore_index=True)


def count_differences(ratings: pd.DataFrame) -> pd.DataFrame:
    """How often each rater rated the synthetic note so many points above the real one, over the pairs.

    Returns:
        columns corpus, question, rater (numbered from 1 within the corpus), difference (-4 to 4) and pairs.
    """
    parts = []
    for corpus, name in product(ratings["corpus"].unique(), QUESTIONS):
        answers = matrices(ratings[ratings["corpus"] == corpus], name)
        raters, pairs = np.nonzero(~np.isnan(answers["real"]))
        difference = (answers["synthetic"] - answers["real"])[raters, pairs].astype(int)
        parts.append(pd.DataFrame({"corpus": corpus, "question": name, "rater": raters + 1, "difference": difference}))
    keys = ["corpus", "question", "rater", "difference"]
    return pd.concat(parts).groupby(keys, sort=False).size().rename("pairs").reset_index().sort_values(keys)
