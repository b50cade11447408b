"""Areas under ROC curves, taken apart, against values worked by hand and against the areas of resampled notes."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score

from synthnotes.coding.metrics import macro_auc, micro_auc
from synthnotes.coding.outcomes import take_apart
from synthnotes.coding.outcomes import Outcome
from synthnotes.significance.resampling import Counts, draw

TRUTH = np.array([[1, 0], [0, 1], [0, 1]], dtype=bool)
PROBABILITIES = np.array([[0.5, 0.25], [0.5, 0.75], [0.25, 0.25]], dtype=np.float32)


def outcome_of(truth: np.ndarray, probabilities: np.ndarray, patients: np.ndarray) -> Outcome:
    decisions = sparse.csr_array(probabilities > 0.5)
    return Outcome(sparse.csr_array(truth), decisions, {}, patients, take_apart(truth, probabilities))


def test_placements_by_hand():
    areas = take_apart(TRUTH, PROBABILITIES)
    # The first code: 0.5 stands level with one 0.5 and above 0.25. The second: 0.75 above 0.25, and 0.25 level with it.
    assert areas.placements.toarray().tolist() == [[0.75, 0], [0, 1], [0, 0.5]]
    # As notes without: of the first code, the second note is half passed, the third wholly: 0.5 - 0.75 and 1 - 0.75,
    # over 2 such notes and 2 codes. Of the second code, there is but the first.
    assert areas.macro_negatives.tolist() == pytest.approx([0, -0.0625, 0.0625])
    # All together: true 0.5, 0.75, 0.25 against false 0.25, 0.5, 0.25.
    assert areas.micro_placements.tolist() == pytest.approx([2.5 / 3, 1, 1 / 3])
    # Two true ones lie above each 0.25 and one level with it; one above 0.5 and one level. The mean is 6.5 / 9.
    assert areas.micro_negatives.tolist() == pytest.approx([2.5 / 3 - 6.5 / 9, 1.5 / 3 - 6.5 / 9, 2.5 / 3 - 6.5 / 9])


def simulated(notes: int, codes: int, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Rare and frequent codes, a few of them on one note alone; notes are easy or hard as a whole."""
    rng = np.random.default_rng(4)
    share = 0.4 / np.arange(1, codes + 1)
    truth = rng.random((notes, codes)) < share
    truth[rng.integers(notes, size=codes), np.arange(codes)] = True
    easy = rng.normal(0, 0.5, size=notes)[:, None]
    logits = np.log(share) + rng.normal(size=truth.shape) + truth * (gap + easy)
    return truth, (1 / (1 + np.exp(-logits))).astype(np.float16).astype(np.float32)


def test_the_areas_of_all_notes_are_exact():
    truth, probabilities = simulated(120, 30, 1.5)
    truth[:, 3] = True  # a code that every note has is left out of the macro area
    probabilities[:, 5] = 0.5  # nothing but ties
    found = Counts([outcome_of(truth, probabilities, np.arange(120))]).metrics(np.ones((1, 120)))[0]
    assert found["micro.auc"].item() == pytest.approx(roc_auc_score(truth, probabilities, average="micro"))
    others = np.arange(30) != 3
    assert found["macro.auc"].item() == pytest.approx(
        roc_auc_score(truth[:, others], probabilities[:, others], average="macro")
    )


@pytest.mark.parametrize("gap", [1.0, 2.5])
def test_the_areas_of_resampled_patients_are_the_true_ones_to_first_order(gap):
    """300 notes of 200 patients: against the areas of the drawn notes, nearly all of the variance is found.

    The deviation may be a tenth of the areas' own standard deviation, which makes an interval wrong by half a hundredth
    of its width; a mere constant would deviate by all of it.
    """
    truth, probabilities = simulated(300, 40, gap)
    patients = np.arange(300) % 200
    counts = Counts([outcome_of(truth, probabilities, patients)])
    weights = np.concatenate(list(draw(200, 150, seed=6)))
    found = counts.metrics(weights)[0]
    exact = {"micro.auc": [], "macro.auc": []}
    for weight in weights.astype(int):
        rows = np.repeat(np.arange(300), weight[patients])
        drawn = truth[rows][:, truth[rows].any(axis=0)]
        given = probabilities[rows][:, truth[rows].any(axis=0)]
        exact["micro.auc"].append(micro_auc(truth[rows], probabilities[rows]))
        exact["macro.auc"].append(macro_auc(drawn, given))
    for name, areas in exact.items():
        deviation = found[name] - areas
        assert np.std(deviation) < 0.1 * np.std(areas), name
        assert abs(np.mean(deviation)) < 0.02 * np.std(areas), name


def test_probabilities_at_the_ends_and_a_negative_zero_are_ranked():
    truth = np.array([[1], [0], [0]], dtype=bool)
    placements = take_apart(truth, np.array([[1.0], [0.0], [-0.0]])).placements
    assert placements.toarray()[0, 0] == 1
    level = take_apart(truth, np.array([[-0.0], [0.0], [1.0]])).placements
    assert level.toarray()[0, 0] == 0.25
