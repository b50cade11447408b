"""Utility: how well coders code the notes of E, by the notes from which they learnt (paper, 6.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from synthnotes.coding.collapse import measure_reading
from synthnotes.coding.labels import label_matrix, teaching
from synthnotes.coding.metrics import averages, evaluate
from synthnotes.coding.predictions import Predictions
from synthnotes.machinery.disclosure import Parts, computed, like, over, people


@dataclass(frozen=True)
class Evaluation:
    """What coders are measured on: the notes of E.

    Attributes:
        truth: bool [notes, codes].
        patients: whose note it is, [notes].
        codes: the code set.
        kinds: `diagnosis` or `procedure` of each code.
        truncated: how many notes are longer than a coder reads.
    """

    truth: np.ndarray
    patients: np.ndarray
    codes: Sequence[str]
    kinds: Sequence[str]
    truncated: int

    @classmethod
    def of(cls, notes: pd.DataFrame, codes: Sequence[str], kinds: Sequence[str], max_words: int) -> "Evaluation":
        """Takes what is needed from a note table."""
        truth = label_matrix(notes, codes).toarray()
        return cls(truth, notes["patient_id"].to_numpy(), codes, kinds, truncated(notes["text"], max_words))


def measure(
    taught: pd.DataFrame,
    evaluation: Evaluation,
    runs: Mapping[int, tuple[Predictions, Mapping[str, Any]]],
    max_words: int,
    baseline_codes: int,
) -> dict[int, dict[str, Any]]:
    """Measures the coders of one training set.

    Args:
        taught: the note table from which they learnt.
        evaluation: the notes of E.
        runs: by seed, the predictions for the notes of E, in their order, and the coder's description.
        max_words: that a coder reads of a note.
        baseline_codes: how many codes the baseline predicts, see `predict_most_frequent`.

    Returns:
        By seed: counts of notes and codes, best epoch, validation MAP, threshold, the metrics, what they owe to
        `reading` the notes (`collapsed` is true where it is nothing), the metrics of the baseline, and those by groups
        of codes.
    """
    taught_with = teaching(taught)
    validation = len(taught) - len(taught_with)
    labels = label_matrix(taught_with, evaluation.codes)
    frequency = labels.sum(axis=0, dtype=int)
    divisions = frequency_groups(frequency), kind_groups(evaluation.kinds)
    truth, patients = evaluation.truth, len(np.unique(evaluation.patients))
    of_set = {
        "training_notes": people(len(taught_with)),
        "validation_notes": people(validation),
        "evaluation_notes": people(len(truth)),
        "truncated_notes": people(truncated(taught["text"], max_words) + evaluation.truncated),
        "codes": len(evaluation.codes),
        "codes_in_training": int((frequency > 0).sum()),
        "codes_in_evaluation": int(truth.any(axis=0).sum()),
    }
    baseline = computed(evaluate, truth, *predict_most_frequent(labels, len(truth), baseline_codes))
    found: dict[int, dict[str, Any]] = {}
    for seed, (predictions, description) in runs.items():
        given = truth, predictions.probabilities, predictions.predicted
        chosen = {name: description[name] for name in ("best_epoch", "validation_map", "threshold")}
        disclosed = of_set | over(validation, chosen) | computed(evaluate, *given)
        disclosed |= {"reading": computed(_describe_reading, truth, predictions.probabilities, evaluation.patients)}
        disclosed |= {"baseline": baseline, "groups": by_group(*given, divisions, evaluation.patients)}
        # The notes that teach and those that choose are all of the set.
        found[seed] = over(patients, Parts(disclosed, ("training_notes", "validation_notes")))
    return found


def _describe_reading(truth: np.ndarray, probabilities: np.ndarray, patients: np.ndarray) -> dict[str, float | bool]:
    found = measure_reading(truth, probabilities, patients)._asdict()
    return {name: found[name] for name in ("spread", "map_without_reading", "collapsed")}


def frequency_groups(training_notes: np.ndarray) -> dict[str, np.ndarray]:
    """Divides the codes that training saw at the thirds of their frequencies; equally frequent codes stay together.

    Args:
        training_notes: how many training notes have each code: [codes].

    Returns:
        Which codes are `frequent`, `middle`, `rare`, and `unseen` in training: bool [codes] each.
    """
    seen = training_notes > 0
    low, high = np.quantile(training_notes[seen], [1 / 3, 2 / 3]) if seen.any() else (0, 0)
    return {
        "frequent": training_notes > high,
        "middle": (training_notes > low) & (training_notes <= high),
        "rare": seen & (training_notes <= low),
        "unseen": ~seen,
    }


def kind_groups(kinds: Sequence[str]) -> dict[str, np.ndarray]:
    """Which codes are `diagnoses`, and which are `procedures`: bool [codes] each."""
    of_kind = np.asarray(kinds)
    return {"diagnoses": of_kind == "diagnosis", "procedures": of_kind == "procedure"}


def by_group(
    truth: np.ndarray,
    probabilities: np.ndarray,
    predicted: np.ndarray,
    divisions: Sequence[Mapping[str, np.ndarray]],
    patients: np.ndarray,
) -> dict[str, dict[str, Any]]:
    """Micro and macro averages within each group, over its codes that occur.

    Args:
        truth, probabilities, predicted: as for `metrics.evaluate`.
        divisions: each of the whole code set; by name, the codes of the group: bool [codes].
        patients: whose note it is: [notes].

    Returns:
        By group: codes, how many it has; codes_in_evaluation, how many of them occur; micro and macro.
    """
    found = {}
    for name, members in (group for division in divisions for group in division.items()):
        kept = members & truth.any(axis=0)
        basis = len(np.unique(patients[truth[:, kept].any(axis=1)]))
        disclosed = {
            "codes": int(members.sum()),
            "codes_in_evaluation": int(kept.sum()),
            **averages(truth[:, kept], probabilities[:, kept], predicted[:, kept]),
        }
        found[name] = over(basis, disclosed)
    return Parts(found, *map(tuple, divisions))


def truncated(texts: pd.Series, max_words: int) -> int:
    """How many texts are longer than a number of words, split at white space."""
    return sum(len(text.split(maxsplit=max_words)) > max_words for text in texts)


def predict_most_frequent(labels: sparse.csr_array, notes: int, codes: int) -> tuple[np.ndarray, np.ndarray]:
    """The baseline that every coder must beat: it reads no note, and always predicts the most frequent codes.

    Args:
        labels: of the training notes, bool [training notes, codes].
        notes: how many notes to answer for.
        codes: how many codes to predict.

    Returns:
        Probabilities, each code's share of the training notes, and decisions: [notes, codes] each.
    """
    counts = labels.sum(axis=0)
    share = (counts / labels.shape[0]).astype(np.float32)
    predicted = np.zeros(len(share), dtype=bool)
    predicted[np.argsort(-counts, kind="stable")[:codes]] = True
    return np.tile(share, (notes, 1)), np.tile(predicted, (notes, 1))


def over_seeds(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Gives mean and standard deviation of every number in the results of one training set's coders.

    Args:
        results: of each run, nested alike.

    Returns:
        In the place of each number its `mean` over the seeds and its `sd`, of the sample (ddof 1); sd is None for one
        seed, and both are None for a metric that does not exist in one of the runs.

    Raises:
        ValueError: the results hold different numbers.
    """
    first = results[0]
    if any(result.keys() != first.keys() for result in results):
        raise ValueError("the results of one coder's runs must hold the same numbers")
    found = {
        name: over_seeds([result[name] for result in results])
        if isinstance(value, Mapping)
        else _mean_and_deviation([result[name] for result in results])
        for name, value in first.items()
    }
    return Parts(found, *first.sums) if isinstance(first, Parts) else found


def _mean_and_deviation(values: Sequence[float | None]) -> dict[str, float | None]:
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values):
        return {"mean": None, "sd": None}
    deviation = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
    return {"mean": like(float(np.mean(numbers)), *numbers), "sd": like(deviation, *numbers)}
