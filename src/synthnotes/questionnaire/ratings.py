"""The ratings, evaluated as the authors did and as ordinal answers by raters who saw both kinds ask for (paper 8)."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from synthnotes.files import UserError
from synthnotes.significance import differences, effects

COLUMNS = ("corpus", "pair", "kind", "rater", "readability", "coherence")
QUESTIONS = ("readability", "coherence")
KINDS = ("real", "synthetic")
SCALE = (1, 2, 3, 4, 5)


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
            raise UserError(f"{where}, line {ratings.index.get_loc(bad.idxmax()) + 2}: {expected}.")

    if ratings.empty:
        raise UserError(f"{where}: no ratings.")
    refuse(~ratings["kind"].isin(KINDS), "kind must be real or synthetic")
    for question in QUESTIONS:
        refuse(~ratings[question].isin(SCALE), f"{question} must be a whole number from 1 to 5")
    refuse(ratings.duplicated(["corpus", "pair", "kind", "rater"]), "this rater has rated this note already")
    halves = ratings.groupby(["corpus", "pair", "rater"])["kind"].transform("count")
    refuse(halves != len(KINDS), "the other note of the pair has no rating by this rater")


def matrices(ratings: pd.DataFrame, question: str) -> dict[str, np.ndarray]:
    """One corpus's answers to one question as raters x pairs, for real and for synthetic notes."""
    return {
        kind: ratings[ratings["kind"] == kind].pivot(index="rater", columns="pair", values=question).to_numpy(float)
        for kind in KINDS
    }


def analyse(ratings: pd.DataFrame, margin: float, level: float, resamples: int, seed: int) -> dict[str, dict]:
    """Evaluates the ratings of every corpus (METHOD: paper section 8, with repairs s and t).

    Args:
        ratings: one row per rated note and rater, with `COLUMNS`.
        margin: equivalence margin of TOST, in points of the scale.
        level: significance level; intervals cover 1 - level.
        resamples: bootstrap samples of Cliff's delta.
        seed: of the bootstrap.

    Returns:
        per corpus: counts of notes and raters, and per question `QUESTIONS` the descriptions, the authors' tests
        (`student_t` by pair: real minus synthetic; `welch_t`: synthetic minus real, the authors' order), and ours;
        `correlation` of the two questions. `student_t.*.p_holm` is adjusted over all pairs, questions and corpora.
    """
    results = {}
    for corpus, of_corpus in ratings.groupby("corpus", sort=False):
        results[corpus] = {
            "pairs": int(of_corpus["pair"].nunique()),
            "raters": int(of_corpus["rater"].nunique()),
            "ratings": len(of_corpus),
            **{q: question(matrices(of_corpus, q), margin, level, resamples, seed) for q in QUESTIONS},
            "correlation": correlation(of_corpus),
        }
    adjust(results)
    return results


def question(answers: dict[str, np.ndarray], margin: float, level: float, resamples: int, seed: int) -> dict:
    """Evaluates one question of one corpus; `answers` holds raters x pairs by kind. Arguments as for `analyse`."""
    real, synthetic = answers["real"], answers["synthetic"]
    low, high = effects.cliffs_delta_interval(synthetic, real, resamples, level, seed)
    tost = differences.equivalence(synthetic.ravel(), real.ravel(), margin)
    return {
        **{
            kind: {
                "mean": float(values.mean()),
                "sd": float(values.std(ddof=1)),
                "median": float(np.median(values)),
            }
            for kind, values in answers.items()
        },
        "student_t": {
            f"pair_{pair + 1}": differences.t_test(real[:, pair], synthetic[:, pair], equal_variance=True)
            for pair in range(real.shape[1])
        },
        "welch_t": differences.t_test(synthetic.ravel(), real.ravel(), equal_variance=False),
        "mean_kappa_real_synthetic": float(
            np.mean([cohen_kappa_score(a, b) for a, b in zip(real.T, synthetic.T, strict=True)])
        ),
        "krippendorff_alpha": effects.krippendorff_alpha(np.hstack([real, synthetic])),
        "wilcoxon": differences.wilcoxon(synthetic.ravel(), real.ravel()),
        "mann_whitney": differences.mann_whitney(synthetic.ravel(), real.ravel()),
        "cliffs_delta": {
            "delta": effects.cliffs_delta(synthetic.ravel(), real.ravel()),
            "low": low,
            "high": high,
        },
        "equivalence": {**tost, "margin": margin, "equivalent": tost["p"] is not None and tost["p"] < level},
    }


def correlation(ratings: pd.DataFrame) -> dict:
    """Correlation of readability and coherence over all ratings of a corpus, and coherence at each readability."""
    pearson = stats.pearsonr(ratings["readability"], ratings["coherence"])
    spearman = stats.spearmanr(ratings["readability"], ratings["coherence"])
    groups = ratings.groupby("readability")["coherence"]
    return {
        "pearson": {"r": differences.finite(pearson.statistic), "p": differences.finite(pearson.pvalue)},
        "spearman": {"r": differences.finite(spearman.statistic), "p": differences.finite(spearman.pvalue)},
        "coherence_by_readability": {
            str(level): {
                "mean": float(values.mean()),
                "sd": differences.finite(values.std()) if len(values) > 1 else None,
                "ratings": len(values),
            }
            for level, values in groups
        },
    }


def adjust(results: dict[str, dict]) -> None:
    """Adds Holm's adjusted p-value to every pair's t-test; the family is all pairs, questions and corpora."""
    family = list(pair_tests(results))
    known = [test for test in family if test["p"] is not None]
    for test, adjusted in zip(known, differences.holm([test["p"] for test in known]), strict=True):
        test["p_holm"] = adjusted


def pair_tests(results: dict[str, dict]) -> Iterator[dict]:
    """The pairs' t-tests of all corpora and questions."""
    for corpus, name in product(results, QUESTIONS):
        yield from results[corpus][name]["student_t"].values()


def answer_counts(ratings: pd.DataFrame) -> pd.DataFrame:
    """How often each answer was given: one row per corpus, question, pair, kind and rating from 1 to 5."""
    answers = ratings.melt(["corpus", "pair", "kind"], QUESTIONS, "question", "rating")
    keys = ["corpus", "question", "pair", "kind"]
    counts = answers.groupby(keys, sort=False)["rating"].value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=SCALE, fill_value=0).stack().rename("answers").reset_index()
    return counts.sort_values([*keys, "rating"], ignore_index=True)
