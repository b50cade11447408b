"""Few copies among many notes must be found, whatever one unseen note does, and none where there are none."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from synthnotes.machinery import params
from synthnotes.machinery.disclosure import over, setting, suppress
from synthnotes.privacy import membership as membership_test
from synthnotes.privacy.comparison import compare
from synthnotes.privacy.measures import VERDICTS, Measure, judge, overall, tail
from synthnotes.privacy.membership import compare_membership
from synthnotes.report import privacy as report

SETTINGS = params.read().privacy.model_copy(update={"resamples": 200})
SHARE, CONFIDENCE = SETTINGS.tail_share, 1 - SETTINGS.significance_level
PHRASES = [" ".join(f"p{phrase}w{word}" for word in range(3 + phrase % 9)) for phrase in range(300)]


def clinic(seed, size, patients=None, prefix="n"):
    """Notes of phrases that all share, the most common ones often, with loose words between."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, len(PHRASES) + 1)
    texts = []
    for _ in range(size):
        drawn = rng.choice(len(PHRASES), 12, p=weights / weights.sum())
        texts.append(" ".join(f"{PHRASES[phrase]} x{rng.integers(500)}" for phrase in drawn))
    frame = pd.DataFrame({"note_id": [f"{prefix}{number}" for number in range(size)], "text": texts})
    frame["patient_id"] = [f"{prefix}{number % (patients or size)}" for number in range(size)]
    frame["codes"] = [["I10"]] * size
    return frame


@cache
def tables():
    return (
        clinic(1, 900, prefix="l"),
        clinic(2, 600, prefix="s"),
        clinic(3, 570, prefix="e"),
        clinic(4, 600, prefix="r"),
    )


def results(copies=0, repeated=None):
    """Results with so many verbatim notes of L among the synthetic ones, and a note of E made from one of L."""
    training, written, control, unseen = (table.copy() for table in tables())
    written.loc[: copies - 1, "text"] = training["text"].iloc[100 : 100 + copies].to_numpy()
    if repeated:
        control.loc[7, "text"] = repeated(training["text"].iloc[0])
    return compare(training, written, control, unseen, SETTINGS, "ascii").results


def verdicts(found):
    return {name: measure["verdict"] for name, measure in found["measures"].items()}


REPEATED = {"none": None, "verbatim": lambda text: f"  {text.upper()}\n", "but for a word": lambda text: f"{text} y"}


@pytest.mark.parametrize("repeated", REPEATED.values(), ids=REPEATED)
@pytest.mark.parametrize("copies", [5, 9])
def test_few_copies_are_found_whatever_one_unseen_note_repeats(copies, repeated):
    """Before, the means of all three measures hid five copies, and one such unseen note hid any number."""
    found = results(copies, repeated)
    assert set(verdicts(found).values()) == {found["verdict"]} == {"copies found"}
    assert found["notes"]["unseen_texts_in_training"] == (repeated is REPEATED["verbatim"])
    assert suppress(found, 10)["verdict"] == "copies found"
    told = suppress(found, 10)["measures"]
    assert {measure["verdict"] for measure in told.values()} == {"copies found"}
    assert {measure["beyond"]["notes_beyond"] for measure in told.values()} <= {"1 to 9", 9, 10, 11}
    assert None not in {measure["beyond"]["notes_beyond"] for measure in told.values()}


@pytest.mark.parametrize("repeated", REPEATED.values(), ids=REPEATED)
def test_without_copies_none_are_found(repeated):
    found = results(0, repeated)
    said = {*verdicts(found).values(), found["membership"]["verdict"]}
    assert "copies found" not in said
    assert found["verdict"] == next(word for word in VERDICTS if word in said)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("not shown", "not shown"), "not shown"),
        (("not shown", "undecided"), "undecided"),
        (("undecided", "nearer", "not shown"), "nearer"),
        (("nearer", "copies found", "undecided"), "copies found"),
    ],
)
def test_the_worst_verdict_is_that_of_all(said, expected):
    found = overall([setting(word) for word in said])
    assert (found, suppress(found, 10), found.maker) == (expected, expected, "privacy.measures.worst")


def test_the_worst_verdict_is_hidden_with_one_that_tells_of_few():
    assert suppress(overall([over(9, "nearer"), setting("not shown")]), 10) is None
    assert suppress(overall([over(9, "not shown"), setting("nearer")]), 10) is None  # else it would tell of the few
    assert suppress(overall([over(10, "nearer"), setting("not shown")]), 10) == "nearer"
    with pytest.raises(TypeError, match="says nothing"):
        suppress(overall(["nearer"]), 10)


def test_the_report_warns_of_the_worst_of_these_verdicts():
    assert VERDICTS[:2] == report.WARNINGS


def test_tail_by_hand():
    """One of 4 unseen notes may lie beyond the level, which is 0.7. The order is s s u s u u u: 3 before the second u.

    Of the 35 orders of 3 and 4, those with 3 s before the second u have one u among the first four: 4.
    """
    found = tail(np.array([0.95, 0.9, 0.75]), np.array([0.8, 0.7, 0.2, 0.1]), 0.001, 0.95)
    assert found["notes_promised"] == pytest.approx(3 * 2 / 5)
    assert found["beyond"]["notes_beyond"] == 3
    assert found["beyond"]["p"] == pytest.approx(4 / 35)
    assert found["beyond"]["low"] == pytest.approx(0.025 ** (1 / 3))  # Clopper and Pearson, all of 3
    assert tail(np.array([0.1]), np.array([0.8, 0.1]), 0.5, 0.95)["beyond"]["p"] == 1  # a tie is not beyond
    assert tail(np.array([0.1]), np.array([0.8]), 0.5, 0.95)["beyond"]["p"] is None


@pytest.mark.parametrize(("size", "others", "share"), [(600, 1200, 0.001), (600, 1200, 0.01), (30, 40, 0.1)])
def test_chance_finds_copies_at_most_as_often_as_stated(size, others, share):
    """Heavy tails and ties included; the table is printed."""
    rng = np.random.default_rng(1)
    draws = {
        "normal": rng.normal,
        "heavy": lambda size: rng.standard_t(1, size),
        "ties": lambda size: rng.poisson(9, size),
    }
    for name, draw in draws.items():
        found = [tail(draw(size=size), draw(size=others), share, 0.95)["beyond"]["p"] <= 0.025 for _ in range(1000)]
        print(f"{size} against {others}, {share:.1%} beyond, {name}: copies found in {np.mean(found):.2%}")
        assert np.mean(found) <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 1000)


def test_power_and_verdicts_by_the_number_of_copies():
    """From five copies on, however far the other notes lie from training; no unseen note beyond them hides them."""
    rng = np.random.default_rng(2)
    for copies, least in ((0, 0.0), (5, 0.95), (9, 0.95)):
        said = []
        for _ in range(60):
            written, unseen = rng.normal(-0.2, 1, 600), rng.normal(size=1200)
            written[:copies], unseen[0] = 20, 21
            pairs = Measure.mean_of(written), Measure.mean_of(unseen[:600])
            said.append(judge(*pairs, tail(written, unseen, SHARE, CONFIDENCE), 50, CONFIDENCE, 0)["verdict"])
        share = said.count("copies found") / len(said)
        print(f"{copies} copies, and one unseen note nearer than all: copies found in {share:.0%}")
        assert share >= least if copies else share <= 0.1


def membership(written, named=True, seed=1):
    training, unseen = clinic(5, 300, 200 if named else None, "l"), clinic(6, 100, 67 if named else None, "e")
    return compare_membership(training, written(training), unseen, 5, "ascii", 400, CONFIDENCE, seed)


def test_membership_is_seen_where_notes_are_worse_than_real_ones(monkeypatch):
    """Every other word is torn out of copies: far from all real notes, but nearer to those that they come from."""

    def torn(training):
        rng = np.random.default_rng(7)
        texts = []
        for text in training["text"].iloc[:200]:
            words = text.split()
            texts.append(" ".join(words[:20] + [f"z{word}" for word in rng.integers(9**9, size=len(words))]))
        return training.iloc[:200].assign(text=texts)

    found = membership(torn)
    assert (found["patients"], found["counted"], found["verdict"]) == (67, "patients", "nearer")
    assert found["p"] == pytest.approx(1 / 401)
    assert found["difference"] == pytest.approx(found["members"] - found["others"])
    monkeypatch.setattr(membership_test, "MOST_PATIENTS", 40)  # of a whole release a draw is enough
    monkeypatch.setattr(membership_test, "MOST_NOTES", 150)
    drawn = membership(torn)
    assert (drawn["patients"], drawn["verdict"]) == (40, "nearer")
    assert drawn["members"] != found["members"]


def test_notes_that_saw_neither_side_are_near_to_none():
    verdicts = [membership(lambda _, seed=seed: clinic(seed, 150, prefix="s"), seed=seed) for seed in range(20, 32)]
    assert sum(found["verdict"] == "nearer" for found in verdicts) <= 2
    assert membership(lambda _: clinic(9, 50, prefix="s"), named=False)["counted"] == "notes"


def test_texts_on_both_sides_tell_nothing():
    training = clinic(5, 30, prefix="l")
    both = training.assign(note_id="e", patient_id="e")
    found = compare_membership(training, training, both, 5, "ascii", 20, CONFIDENCE, 1)
    assert (found["patients"], found["difference"], found["verdict"]) == (0, None, "undecided")
