from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from synthnotes.errors import curves
from synthnotes.errors.noise_comparison import Noise, Sources, area, compare, interpolation, tabulate, verdict
from synthnotes.machinery.params import HypothesesParams


@pytest.mark.parametrize(
    ("position", "first", "second", "expected"),
    [
        ([0.0, 1.0], [0.0, 0.0], [0.5, 0.5], 0.5),
        ([0.0, 2.0, 6.0], [0.0, 0.0, 0.0], [0.0, 0.6, 0.6], 0.5),  # (2 * 0.3 + 4 * 0.6) / 6
        ([1.0, 2.0], [0.2, 0.8], [0.4, 0.6], 0.2),  # curves that cross do not cancel out
        ([3.0], [0.1], [0.4], 0.3),
    ],
)
def test_area_by_hand(position, first, second, expected):
    gaps = np.array([second]) - np.array([first])
    assert area(gaps, np.array(position)) == pytest.approx([expected])
    assert area(np.stack([gaps, gaps], axis=2), np.array(position)) == pytest.approx(np.array([[expected] * 2]))


CODES, NOTES = 40, 60
RNG = np.random.default_rng(5)
TRUTH = RNG.random((NOTES, CODES)) < np.linspace(0.05, 0.5, CODES)
FREQUENCY = np.round(np.logspace(0.5, 3, CODES)).astype(int)
WORDS = RNG.integers(50, 300, NOTES)
SETTINGS = HypothesesParams(bins=8, significance_level=0.05)
WELL = 3  # seeds


@pytest.fixture
def coder(decisions_of):
    """Coders of some seeds: they find every code, but for a share of all of them and for some notes as a whole."""

    def make(missed_codes, missed_notes, seed, seeds=WELL):
        found = []
        for number in range(seeds):
            rng = np.random.default_rng([seed, number])
            missed = (rng.random(TRUTH.shape) < missed_codes) | (rng.random(NOTES) < missed_notes)[:, None]
            found.append(decisions_of(map(str, range(CODES)), TRUTH, TRUTH & ~missed))
        return found

    return make


@pytest.fixture
def noisy(coder):
    return {
        Noise("h1", 20): coder(0.2, 0, 1),
        Noise("h1", 50): coder(0.5, 0, 2),
        Noise("h2", 20): coder(0, 0.05, 3),
        Noise("h2", 50): coder(0, 0.2, 4),
    }


def test_the_noise_that_errs_alike_wins(coder, noisy):
    results = compare(coder(0.5, 0, 9), noisy, FREQUENCY, WORDS, SETTINGS)
    winner = results["winner"]
    assert (winner["hypothesis"], winner["verdict"]) == ("h1", "h1")
    assert 47 <= winner["noise_level"] <= 50
    assert results["about"] == "the training sets"
    assert 0 < winner["lead"]["low"] < winner["lead"]["value"] < winner["lead"]["high"]
    assert {"hypothesis": "h1", **results["best"]["h1"]}.items() <= winner.items()
    assert list(results["distances"]) == ["h1", "h2"]


def test_curves_are_interpolated_between_the_trained_levels(coder, noisy):
    """Half way between noise that misses a fifth of the codes and noise that misses half of them."""
    results = compare(coder(0.35, 0, 9), noisy, FREQUENCY, WORDS, SETTINGS)
    best = results["best"]["h1"]
    assert 31 <= best["noise_level"] <= 39
    assert 20 < best["noise_level_low"] < best["noise_level"] < best["noise_level_high"] < 50
    trained = [results["distances"]["h1"][level]["distance"]["value"] for level in ("20", "50")]
    assert best["distance"] < min(trained) / 2


def test_steps_mix_the_neighbouring_levels():
    trained = [Noise("h2", 30), Noise("h1", 10), Noise("h2", 20), Noise("h2", 60)]
    steps, mixtures = interpolation(trained)
    assert [step for step, mixture in zip(steps, mixtures, strict=True) if 1 in mixture] == [
        *(Noise("h2", level) for level in (20, 30, 60)), Noise("h1", 10),
    ]  # fmt: skip
    assert len(steps) == 41 + 1
    assert mixtures[steps.index(Noise("h2", 22))] == pytest.approx([0.2, 0, 0.8, 0])
    assert mixtures[steps.index(Noise("h2", 45))] == pytest.approx([0.5, 0, 0, 0.5])
    assert all(one.level + 1 == next.level for one, next in pairwise(steps[:41]))


def test_hypotheses_that_fit_alike_are_undecided(coder):
    """Both coders err as the synthetic one does, up to chance: no seed of theirs may carry the verdict."""
    noisy = {Noise("h1", 20): coder(0.3, 0, 1), Noise("h2", 20): coder(0.3, 0, 2)}
    winner = compare(coder(0.3, 0, 9), noisy, FREQUENCY, WORDS, SETTINGS)["winner"]
    assert winner["verdict"] == "undecided"
    assert winner["lead"]["low"] < 0 < winner["lead"]["high"]


def test_noise_that_is_farther_than_seeds_are_does_not_fit(coder):
    """Even the nearer hypothesis misses twice as much as synthetic notes make a coder miss."""
    noisy = {Noise("h1", 20): coder(0.6, 0, 1), Noise("h2", 20): coder(0.9, 0, 2)}
    winner = compare(coder(0.3, 0, 9), noisy, FREQUENCY, WORDS, SETTINGS)["winner"]
    assert winner["lead"]["low"] > 0
    assert winner["distance_low"] > winner["between_seeds"] > 0
    assert (winner["hypothesis"], winner["verdict"]) == ("h1", "neither fits")


@pytest.mark.parametrize(
    ("low", "lead", "expected"),
    [
        (0.02, {"low": 0.01}, "h1"),
        (0.02, {"low": -0.01}, "undecided"),
        (0.02, None, "undecided"),
        (0.04, {"low": 0.01}, "neither fits"),
        (0.04, {"low": -0.01}, "neither fits"),
    ],
)
def test_the_verdict_by_hand(low, lead, expected):
    assert verdict({"hypothesis": "h1", "distance_low": low, "between_seeds": 0.03, "lead": lead}) == expected


@pytest.mark.parametrize(("of_synthetic", "of_noise"), [(2, 3), (3, 2), (1, 1)])
def test_fewer_than_three_seeds_decide_nothing(coder, of_synthetic, of_noise):
    noisy = {Noise("h1", 50): coder(0.5, 0, 2, of_noise), Noise("h2", 50): coder(0, 0.95, 4, of_noise)}
    results = compare(coder(0.5, 0, 9, of_synthetic), noisy, FREQUENCY, WORDS, SETTINGS)
    assert results["winner"]["lead"]["low"] > 0
    assert (results["about"], results["winner"]["verdict"]) == ("these coders", "too few seeds")
    assert (results["winner"]["between_seeds"] is None) == (of_synthetic == of_noise == 1)


def test_one_hypothesis_alone_has_no_lead(noisy):
    alone = {noise: of_noise for noise, of_noise in noisy.items() if noise.hypothesis == "h2"}
    winner = compare(noisy[Noise("h2", 20)], alone, FREQUENCY, WORDS, SETTINGS)["winner"]
    assert winner["hypothesis"] == "h2"
    assert winner["lead"] is None
    assert winner["verdict"] == "undecided"


def test_a_coder_has_no_distance_from_itself(coder):
    missed = {Noise("h1", 50): (0.5, 0), Noise("h2", 20): (0, 0.05), Noise("h2", 50): (0, 0.95)}
    noisy = {noise: coder(*of_noise, seed, 1) for seed, (noise, of_noise) in enumerate(missed.items())}
    synthetic = noisy[Noise("h2", 20)]
    results = compare(synthetic, noisy, FREQUENCY, WORDS, SETTINGS)
    assert (results["winner"]["hypothesis"], results["winner"]["noise_level"], results["winner"]["distance"]) == (
        "h2",
        20,
        0,
    )
    own = results["distances"]["h2"]["20"]
    assert {name: own.pop(name) for name in ("coders", "collapsed", "micro_f1", "macro_f1")} == results["synthetic"]
    assert all(set(measure.values()) == {0.0} for measure in own.values())
    difference = results["distances"]["h2"]["50"]["micro_f1_difference"]
    assert difference["low"] < difference["value"] < difference["high"] < -0.5
    assert difference["value"] == pytest.approx(noisy[Noise("h2", 50)][0].micro_f1 - synthetic[0].micro_f1)
    difference = results["distances"]["h1"]["50"]["macro_f1_difference"]
    assert difference["value"] == pytest.approx(noisy[Noise("h1", 50)][0].macro_f1 - synthetic[0].macro_f1)


def test_an_interval_holds_its_own_value_where_codes_are_rare(decisions_of):
    """Resamples of sixty notes lack some of the rare codes: their macro averages all lie on one side of E's own."""
    rng = np.random.default_rng(8)
    truth = rng.random((NOTES, 300)) < 0.02
    truth[:, 0] = True
    coders = [
        [decisions_of(map(str, range(300)), truth, truth & (rng.random(truth.shape) < found))] for found in (0.9, 0.5)
    ]
    noisy = {Noise("h1", 20): coders[1], Noise("h2", 20): coders[1]}
    results = compare(coders[0], noisy, np.full(300, 5), WORDS, SETTINGS)
    for name in ("micro_f1_difference", "macro_f1_difference", "distance"):
        of = results["distances"]["h1"]["20"][name]
        assert of["low"] < of["value"] < of["high"], name


def test_distances_are_those_of_the_curves_that_are_drawn(noisy):
    single = {str(noise): of_noise[:1] for noise, of_noise in noisy.items()}
    table = tabulate(single, FREQUENCY, WORDS, 8)
    first, *others = np.eye(len(single))
    found = Sources([coder for (coder,) in single.values()], FREQUENCY, WORDS, 8).on_all()
    observed = found.distances(first, np.stack(others))
    for curve, position in (("frequency", np.log10), ("length", np.asarray)):
        drawn = table[table["curve"] == curve].pivot(index="x", columns="coder", values="mean")[list(single)]
        gaps = drawn.to_numpy().T[1:] - drawn.to_numpy().T[0]
        areas = area(gaps, position(drawn.index.to_numpy()))
        assert observed[f"{curve}_area"][:, 0] == pytest.approx(areas, abs=1e-6)


def test_a_weight_is_the_same_as_notes_written_several_times(noisy, decisions_of):
    coders = [of_noise[0] for of_noise in list(noisy.values())[:2]]
    sources = Sources(coders, FREQUENCY, WORDS, 1)  # one bin each, which holds the same notes and codes afterwards
    weights = np.random.default_rng(3).integers(1, 4, NOTES)
    again = [
        decisions_of(c.codes, *(np.repeat(m.toarray(), weights, axis=0) for m in (c.truth, c.predicted)))
        for c in coders
    ]
    written = Sources(again, FREQUENCY, np.repeat(WORDS, weights), 1).on_all()
    weighted = sources.on(weights[None].astype(np.float32))
    for name in ("frequency", "length", "micro_f1", "macro_f1"):
        assert getattr(weighted, name) == pytest.approx(getattr(written, name), abs=1e-6), name


def test_a_training_set_s_curve_is_the_mean_over_its_seeds(coder):
    """Two coders of which one misses what the other finds: their mean lies nearer to the target than either."""
    synthetic, high, low = (coder(missed, 0, seed, 1) for missed, seed in ((0.4, 1), (0.1, 2), (0.7, 3)))
    noisy = {Noise("h1", 20): high + low, Noise("h2", 20): high, Noise("h3", 20): low}
    results = compare(synthetic, noisy, FREQUENCY, WORDS, SETTINGS)
    both, one, other = (results["distances"][n.hypothesis][str(n.level)] for n in noisy)
    assert (results["winner"]["hypothesis"], both["coders"], one["coders"]) == ("h1", 2, 1)
    assert both["distance"]["value"] < min(one["distance"]["value"], other["distance"]["value"])
    for measure in ("micro_f1_difference", "macro_f1_difference"):
        values = [found[measure]["value"] for found in (both, one, other)]
        assert values[0] == pytest.approx((values[1] + values[2]) / 2)
    table = tabulate({"both": high + low, "one": high, "other": low}, FREQUENCY, WORDS, 8)
    means = table.pivot(index=["curve", "x"], columns="coder", values="mean")
    assert means["both"].to_numpy() == pytest.approx(means[["one", "other"]].mean(axis=1).to_numpy())


def test_intervals_hold_what_other_seeds_change(coder):
    """Where seeds differ more than notes do, intervals without them promise too much."""
    noisy = {Noise("h1", 20): coder(0.3, 0, 1), Noise("h2", 20): coder(0.6, 0, 2)}
    wide, narrow = (
        compare(synthetic, noisy, FREQUENCY, WORDS, SETTINGS)
        for synthetic in (coder(0.2, 0, 3, 2) + coder(0.5, 0, 4, 1), coder(0.3, 0, 3))
    )
    assert narrow["winner"]["verdict"] == "h1"
    assert wide["winner"]["verdict"] == "undecided"
    spread = [found["distances"]["h1"]["20"]["micro_f1_difference"] for found in (wide, narrow)]
    assert spread[0]["high"] - spread[0]["low"] > 2 * (spread[1]["high"] - spread[1]["low"])


def test_no_code_of_e_in_training_leaves_the_curve_by_length(coder, noisy):
    results = compare(coder(0.5, 0, 9), noisy, np.zeros(CODES, dtype=int), WORDS, SETTINGS)
    measures = results["distances"]["h1"]["50"]
    assert measures["frequency_area"] is None
    assert measures["distance"] == measures["length_area"]
    assert results["winner"]["verdict"] == "h1"
    table = tabulate({"synthetic": coder(0.5, 0, 9)}, np.zeros(CODES, dtype=int), WORDS, 8)
    assert set(table["curve"]) == {"length"}


def test_curves_are_tidy_and_in_common_bins(noisy):
    coders = {"synthetic": noisy[Noise("h1", 20)]} | {str(noise): of_noise for noise, of_noise in noisy.items()}
    table = tabulate(coders, FREQUENCY, WORDS, bins=8)
    assert table.columns.tolist() == ["coder", "curve", "x", "mean", "sd", "count", "patients"]
    assert table["coder"].unique().tolist() == ["synthetic", "h1-20", "h1-50", "h2-20", "h2-50"]
    for curve, points in (("frequency", TRUTH.any(axis=0).sum()), ("length", NOTES)):
        rows = table[table["curve"] == curve]
        assert rows.groupby("x")["coder"].nunique().eq(5).all()
        assert rows.groupby("coder")["count"].sum().eq(points).all()
        assert (rows["count"] >= curves.SMALLEST_BIN).all()
    same = table.query("coder == 'synthetic'").drop(columns="coder").reset_index(drop=True)
    pd.testing.assert_frame_equal(same, table.query("coder == 'h1-20'").drop(columns="coder").reset_index(drop=True))
