"""The authors' numbers come out again, and broken ratings are refused with their line."""

from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import yaml

from synthnotes.files import UserError
from synthnotes.questionnaire.ratings import analyse, answer_counts, check

PUBLISHED = Path("paper/published")
SETTINGS = {"margin": 0.5, "level": 0.05, "resamples": 200, "seed": 1}


@pytest.fixture(scope="module")
def ratings():
    return pd.read_csv(PUBLISHED / "ratings.csv")


@pytest.fixture(scope="module")
def rebuilt(ratings):
    return analyse(ratings, **SETTINGS)


def published_numbers():
    """Every published number: (corpus, path in our results, value, digits after the point or None for all)."""
    published = yaml.safe_load((PUBLISHED / "questionnaire.yaml").read_text())
    for corpus, values in published.items():
        for question in ("readability", "coherence"):
            for statistic, digits in (("mean", 6), ("sd", 6), ("median", 6)):
                for kind in ("real", "synthetic"):
                    if statistic in values:
                        yield corpus, (question, kind, statistic), values[statistic][kind][question], digits
            kappa = "mean_kappa_real_synthetic"
            yield corpus, (question, kappa), values[kappa][question], None
            for number in ("t", "p"):
                yield corpus, (question, "welch_t", number), values["welch_t"][question][number], None
                for pair, test in enumerate(values["student_t_by_pair"][question], start=1):
                    yield corpus, (question, "student_t", f"pair_{pair}", number), test[number], None
        for method, number in product(("pearson", "spearman"), ("r", "p")):
            yield corpus, ("correlation", method, number), values["correlation"][method][number], None


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
        ("rater", 99, "has no rating by this rater"),
    ],
)
def test_broken_ratings_are_refused(ratings, column, value, message):
    broken = ratings.astype(object)
    broken.loc[1, column] = value
    with pytest.raises(UserError, match=message):
        check(broken, "ratings.csv")


def test_a_missing_column_is_refused(ratings):
    with pytest.raises(UserError, match="column kind is missing"):
        check(ratings.drop(columns="kind"), "ratings.csv")
