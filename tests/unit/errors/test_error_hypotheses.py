import numpy as np
import pandas as pd
import pytest

from synthnotes.base.sections import HypothesesParams
from synthnotes.errors import curves
from synthnotes.errors.distances import Distances, area
from synthnotes.errors.hypotheses import Noise, compare, tabulate


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
    """Finds every code, but for a share of all of them and for some notes as a whole."""

    def make(missed_codes, missed_notes, seed):
        rng = np.random.default_rng(seed)
        missed = (rng.random(TRUTH.shape) < missed_codes) | (rng.random(NOTES) < missed_notes)[:, None]
        return decisions_of(map(str, range(CODES)), TRUTH, TRUTH & ~missed)

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
    assert all(set(measure.values()) == {0.0} for measure in own.values())
    difference = results["distances"]["h2"]["50"]["micro_f1_difference"]
    assert difference["low"] < difference["value"] < difference["high"] < -0.5
    assert difference["value"] == pytest.approx(noisy[Noise("h2", 50)].micro_f1() - synthetic.micro_f1())
    difference = results["distances"]["h1"]["50"]["macro_f1_difference"]
    assert difference["value"] == pytest.approx(noisy[Noise("h1", 50)].macro_f1() - synthetic.macro_f1())


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
        decisions_of(c.codes, *(np.repeat(m.toarray(), weights, axis=0) for m in (c.truth, c.predicted)))
        for c in coders
    ]
    written = Distances(again, FREQUENCY, np.repeat(WORDS, weights), 1).observed()
    weighted = measures._measure(weights[None].astype(np.float32))
    assert list(weighted) == list(written)
    for name, values in weighted.items():
        assert values == pytest.approx(written[name], abs=1e-6), name


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
