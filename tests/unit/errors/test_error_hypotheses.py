import numpy as np
import pandas as pd
import pytest

from synthnotes.errors import curves
from synthnotes.errors.decisions import Decisions
from synthnotes.errors.hypotheses import Noise, area, compare


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
    one, other = (pd.DataFrame({"position": position, "mean": mean}) for mean in (first, second))
    assert area(one, other) == pytest.approx(expected)


CODES, NOTES = 40, 60
RNG = np.random.default_rng(5)
TRUTH = RNG.random((NOTES, CODES)) < np.linspace(0.05, 0.5, CODES)
FREQUENCY = np.round(np.logspace(0.5, 3, CODES)).astype(int)
WORDS = RNG.integers(50, 300, NOTES)


def coder(missed_codes, missed_notes, seed):
    """Finds every code, but for a share of all of them and for some notes as a whole."""
    rng = np.random.default_rng(seed)
    missed = (rng.random(TRUTH.shape) < missed_codes) | (rng.random(NOTES) < missed_notes)[:, None]
    return Decisions([str(code) for code in range(CODES)], TRUTH, TRUTH & ~missed)


NOISY = {
    Noise("h1", 20): coder(0.2, 0, 1),
    Noise("h1", 50): coder(0.5, 0, 2),
    Noise("h2", 20): coder(0, 0.05, 3),
    Noise("h2", 50): coder(0, 0.95, 4),
}


def test_the_noise_that_errs_alike_wins():
    results, _ = compare(coder(0.5, 0, 9), NOISY, FREQUENCY, WORDS, bins=8)
    assert results["winner"]["hypothesis"] == "h1"
    assert results["winner"]["level"] == 50
    assert results["best"]["h1"] == {"level": 50, "distance": results["distances"]["h1"]["50"]["distance"]}
    assert list(results["distances"]) == ["h1", "h2"]


def test_a_coder_has_no_distance_from_itself():
    synthetic = NOISY[Noise("h2", 20)]
    results, table = compare(synthetic, NOISY, FREQUENCY, WORDS, bins=8)
    assert results["winner"] == {"hypothesis": "h2", "level": 20, "distance": 0.0}
    assert set(results["distances"]["h2"]["20"].values()) == {0.0}
    assert results["distances"]["h2"]["50"]["micro_f1_difference"] < -0.5
    same = table.query("coder == 'synthetic'").drop(columns="coder").reset_index(drop=True)
    pd.testing.assert_frame_equal(same, table.query("coder == 'h2-20'").drop(columns="coder").reset_index(drop=True))


def test_curves_are_tidy_and_in_common_bins():
    _, table = compare(NOISY[Noise("h1", 20)], NOISY, FREQUENCY, WORDS, bins=8)
    assert table.columns.tolist() == ["coder", "curve", "x", "mean", "sd", "count"]
    assert table["coder"].unique().tolist() == ["synthetic", "h1-20", "h1-50", "h2-20", "h2-50"]
    for curve, points in (("frequency", TRUTH.any(axis=0).sum()), ("length", NOTES)):
        rows = table[table["curve"] == curve]
        assert rows.groupby("x")["coder"].nunique().eq(5).all()
        assert rows.groupby("coder")["count"].sum().eq(points).all()
        assert (rows["count"] >= curves.SMALLEST_BIN).all()
