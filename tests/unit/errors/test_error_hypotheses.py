import numpy as np
import pandas as pd
import pytest

from synthnotes.errors import curves
from synthnotes.errors.distances import Distances, _draw_seeds, area
from synthnotes.errors.hypotheses import Noise, compare, tabulate
from synthnotes.machinery.sections import HypothesesParams


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
    means = np.array([first, second])
    assert area(means, np.array(position)) == pytest.approx([expected])
    assert area(np.stack([means, means], axis=2), np.array(position)) == pytest.approx(np.array([[expected] * 2]))


CODES, NOTES = 40, 60
RNG = np.random.default_rng(5)
TRUTH = RNG.random((NOTES, CODES)) < np.linspace(0.05, 0.5, CODES)
FREQUENCY = np.round(np.logspace(0.5, 3, CODES)).astype(int)
WORDS = RNG.integers(50, 300, NOTES)
SETTINGS = HypothesesParams(bins=8, resamples=100, level=0.05, seed=1)


@pytest.fixture
def coder(decisions_of):
    """Coders of one seed: they find every code, but for a share of all of them and for some notes as a whole."""

    def make(missed_codes, missed_notes, seed):
        rng = np.random.default_rng(seed)
        missed = (rng.random(TRUTH.shape) < missed_codes) | (rng.random(NOTES) < missed_notes)[:, None]
        return [decisions_of(map(str, range(CODES)), TRUTH, TRUTH & ~missed)]

    return make


@pytest.fixture
def noisy(coder):
    return {
        Noise("h1", 20): coder(0.2, 0, 1),
        Noise("h1", 50): coder(0.5, 0, 2),
        Noise("h2", 20): coder(0, 0.05, 3),
        Noise("h2", 50): coder(0, 0.95, 4),
    }


def test_the_noise_that_errs_alike_wins(coder, noisy):
    results = compare(coder(0.5, 0, 9), noisy, FREQUENCY, WORDS, SETTINGS)
    winner = results["winner"]
    assert (winner["hypothesis"], winner["level"], winner["verdict"]) == ("h1", 50, "h1")
    assert winner["resamples_share"] == 1
    assert 0 < winner["lead"]["low"] <= winner["lead"]["high"]
    distance = results["distances"]["h1"]["50"]["distance"]["value"]
    assert results["best"]["h1"] == {"level": 50, "level_low": 50, "level_high": 50, "distance": distance}
    assert list(results["distances"]) == ["h1", "h2"]
    shares = [level["nearest_share"] for levels in results["distances"].values() for level in levels.values()]
    assert sum(shares) == pytest.approx(1)


def test_hypotheses_that_fit_alike_are_undecided(coder):
    """Both coders err as the synthetic one does, up to chance: no seed of theirs may carry the verdict."""
    noisy = {Noise("h1", 20): coder(0.3, 0, 1), Noise("h2", 20): coder(0.3, 0, 2)}
    winner = compare(coder(0.3, 0, 9), noisy, FREQUENCY, WORDS, SETTINGS)["winner"]
    assert winner["verdict"] == "undecided"
    assert winner["lead"]["low"] < 0 < winner["lead"]["high"]


def test_one_hypothesis_alone_has_no_lead(noisy):
    alone = {noise: of_noise for noise, of_noise in noisy.items() if noise.hypothesis == "h2"}
    winner = compare(noisy[Noise("h1", 20)], alone, FREQUENCY, WORDS, SETTINGS)["winner"]
    assert winner["hypothesis"] == "h2"
    assert winner["lead"] is None
    assert winner["verdict"] == "undecided"


def test_a_coder_has_no_distance_from_itself(noisy):
    synthetic = noisy[Noise("h2", 20)]
    results = compare(synthetic, noisy, FREQUENCY, WORDS, SETTINGS)
    assert (results["winner"]["hypothesis"], results["winner"]["level"], results["winner"]["distance"]) == ("h2", 20, 0)
    own = results["distances"]["h2"]["20"]
    assert own.pop("nearest_share") == 1
    assert {name: own.pop(name) for name in ("coders", "micro_f1", "macro_f1")} == results["synthetic"]
    assert all(set(measure.values()) == {0.0} for measure in own.values())
    difference = results["distances"]["h2"]["50"]["micro_f1_difference"]
    assert difference["low"] < difference["value"] < difference["high"] < -0.5
    assert difference["value"] == pytest.approx(noisy[Noise("h2", 50)][0].micro_f1() - synthetic[0].micro_f1())
    difference = results["distances"]["h1"]["50"]["macro_f1_difference"]
    assert difference["value"] == pytest.approx(noisy[Noise("h1", 50)][0].macro_f1() - synthetic[0].macro_f1())


def test_distances_are_those_of_the_curves_that_are_drawn(noisy):
    table = tabulate({str(noise): of_noise for noise, of_noise in noisy.items()}, FREQUENCY, WORDS, 8)
    observed = Distances(list(noisy.values()), FREQUENCY, WORDS, 8).observed()
    for curve, position in (("frequency", np.log10), ("length", np.asarray)):
        drawn = table[table["curve"] == curve].pivot(index="x", columns="coder", values="mean")[[str(n) for n in noisy]]
        areas = area(drawn.to_numpy().T, position(drawn.index.to_numpy()))
        assert observed[f"{curve}_area"][:, 0] == pytest.approx(areas, abs=1e-6)


def test_a_resample_is_the_same_as_notes_written_several_times(noisy, decisions_of):
    coders = list(noisy.values())[:2]
    measures = Distances(coders, FREQUENCY, WORDS, 1)  # one bin each, which holds the same notes and codes afterwards
    weights = np.random.default_rng(3).integers(1, 4, NOTES)
    again = [
        [decisions_of(c.codes, *(np.repeat(m.toarray(), weights, axis=0) for m in (c.truth, c.predicted)))]
        for (c,) in coders
    ]
    written = Distances(again, FREQUENCY, np.repeat(WORDS, weights), 1).observed()
    weighted = measures._measure(weights[None].astype(np.float32), np.ones((2, 1)))
    assert list(weighted) == list(written)
    for name, values in weighted.items():
        assert values == pytest.approx(written[name], abs=1e-6), name


def test_a_training_set_s_curve_is_the_mean_over_its_seeds(coder):
    """Two coders of which one misses what the other finds: their mean lies nearer to the target than either."""
    synthetic, high, low = coder(0.4, 0, 1), coder(0.1, 0, 2), coder(0.7, 0, 3)
    noisy = {Noise("h1", 20): high + low, Noise("h2", 20): high, Noise("h2", 50): low}
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
        for synthetic in (coder(0.2, 0, 3) + coder(0.6, 0, 4), coder(0.4, 0, 3))
    )
    assert narrow["winner"]["verdict"] == "h1"
    assert wide["winner"]["verdict"] == "undecided"
    spread = [found["distances"]["h1"]["20"]["micro_f1_difference"] for found in (wide, narrow)]
    assert spread[0]["high"] - spread[0]["low"] > 2 * (spread[1]["high"] - spread[1]["low"])


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_drawn_seeds_have_the_variance_of_a_mean(seeds):
    """The mean of n values varies by their sample variance over n."""
    values = np.random.default_rng(seeds).random(seeds)
    means = values @ _draw_seeds(np.random.default_rng(1), seeds, 200_000)
    expected = values.var(ddof=1) / seeds if seeds > 1 else 0
    assert means.mean() == pytest.approx(values.mean(), rel=0.01)
    assert means.var() == pytest.approx(expected, rel=0.02, abs=1e-12)


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
