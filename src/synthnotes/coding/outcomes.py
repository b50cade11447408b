"""From a coder's predictions to its outcome on each evaluated note, which the tests of differences start from."""

import numpy as np
from scipy import sparse

from synthnotes.coding.collapse import reading
from synthnotes.coding.metrics import cross_entropy_per_note
from synthnotes.coding.predictions import Predictions
from synthnotes.coding.ranking import ranking_per_note
from synthnotes.significance.areas import take_apart
from synthnotes.significance.outcomes import Outcome


def outcome(truth: np.ndarray, predictions: Predictions, patients: np.ndarray) -> Outcome:
    """Puts together what the metrics of `coding.metrics` are computed from.

    Args:
        truth: bool [notes, codes]; every note has a code.
        predictions: of the same notes and codes.
        patients: the patient of each note, as an index from 0: [notes].
    """
    occurring = truth.any(axis=0)
    truth, probabilities = truth[:, occurring], predictions.probabilities[:, occurring]
    predicted = predictions.predicted[:, occurring]
    means = {f"ranking.{name}": values for name, values in ranking_per_note(truth, probabilities).items()}
    means["exact_match_ratio"] = (truth == predicted).all(axis=1)
    means["loss"] = cross_entropy_per_note(truth, probabilities)
    areas = take_apart(truth, probabilities)
    collapsed = reading(truth, probabilities, patients).collapsed
    return Outcome(sparse.csr_array(truth), sparse.csr_array(predicted), means, patients, areas, collapsed)
