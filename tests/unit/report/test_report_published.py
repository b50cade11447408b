"""Published against rebuilt: what a row says of a value."""

import pytest
from reading import shown

from synthnotes.report.published import scores, values, worst_verdict
from synthnotes.significance.published_values import compare, parse

CONTENT = {
    "title": "T", "source": "S", "cite": "c", "rebuilt": ["utility", "cohort"], "demo": "artificial",
    "not_comparable": {"m.c": "another code set"}, "labels": {"m": "M,"},
    "values": {"m": {"f1": "0.58", "map": "0.62", "auc": "0.99", "gone": 5, "c": {"n": 7}, "n": 1234, "full": 0.25}},
}  # fmt: skip
RESULTS = {
    "cohort": {"m": {"c": {"n": 7}, "n": 1234, "full": 0.5}},
    "utility": {
        "m": {
            "f1": {"mean": 0.5799, "low": 0.5, "high": 0.6},
            "map": {"mean": 0.6, "sd": 0.02},
            "auc": {"mean": 0.95, "sd": 0.01},
        }
    },
}


@pytest.fixture
def paper(paper_of):
    def make(demo=False):
        coder = parse(CONTENT, "coder.yaml")
        told = RESULTS | {"published.coder": coder.numbers | compare(coder, RESULTS, demo)}
        return paper_of(told, {"coder": coder})

    return make


def cells(rows):
    return [[shown(str(cell)) for cell in row] for row in rows]


def test_rows_set_everything_beside_the_published_value(paper):
    """Of the interval, the ends of the results or two deviations over seeds; what is equal differs by no −0.00."""
    assert cells(values(paper(), "coder")) == [
        ["M, f1", "0.58", "0.58", "[0.50, 0.60]", "0.00", "equal"],
        ["M, map", "0.62", "0.60", "[0.56, 0.64]", "−0.02", "within interval"],
        ["M, auc", "0.99", "0.95", "[0.93, 0.97]", "−0.04", "**differs**"],
        ["M, gone", "5", "–", "–", "–", "not comparable: this run has no such result"],
        ["M, c n", "7", "7", "–", "–", "not comparable: another code set"],
        ["M, n", "1,234", "1,234", "–", "0", "equal"],
        ["M, full", "0.250", "0.500", "–", "+0.250", "**differs**"],
    ]
    assert cells(values(paper(demo=True), "coder"))[0][4:] == ["–", "not comparable: artificial"]


def test_the_interval_of_seeds_says_how_it_is_computed(paper):
    of = paper()
    values(of, "coder")
    formulas = {printed.formula for printed in of.numbers.printed()}
    assert {f"utility.m.map.mean {sign} 2 × utility.m.map.sd" for sign in "−+"} <= formulas


def test_the_worst_of_several_verdicts_counts(paper):
    of, keys = paper(), [f"published.coder.m.{name}" for name in ("f1", "map", "auc")]
    assert worst_verdict(of, keys[:2]) == "within interval"
    assert worst_verdict(of, keys) == "**differs**"


def test_the_score_counts_verdicts(paper):
    assert cells(scores(paper())) == [["T", "S [@c]", "7", "2", "1", "2", "2"]]
