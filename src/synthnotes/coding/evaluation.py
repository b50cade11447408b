"""Utility: how well coders code the notes of E, by the notes from which they learnt (paper, 6.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from synthnotes.coding.collapse import measure_collapse
from synthnotes.coding.labels import label_matrix, teaching
from synthnotes.coding.metrics import averages, evaluate
from synthnotes.coding.predictions import Predictions
from synthnotes.machinery.disclosure import Parts, computed, like, over, people


def measure(
    taught: pd.DataFrame,
    evaluated: pd.DataFrame,
    codes: pd.DataFrame,
    runs: Mapping[int, tuple[Predictions, Mapping[str, Any]]],
    max_words: int,
    baseline_codes: int,
) -> dict[int, dict[str, Any]]:
    """Measures the coders of one training set.

    Args:
        taught: the note table from which they learnt.
        evaluated: the note table of E.
        codes: the code set and its kinds, as `labels.read_codes` gives them.
        runs: by seed, the predictions for the notes of E, in their order, and the coder's description.
        max_words: that a coder reads of a note.
        baseline_codes: how many codes the baseline predicts, see `predict_most_frequent`.

    Returns:
        By seed: counts of notes and codes, best epoch, validation MAP, threshold, the metrics, what they owe to
        `reading` the notes (`collapsed` is true where it is nothing), the metrics of the baseline, and those by groups
        of codes.
    """
    learnt = teaching(taught)
    validation = len(taught) - len(learnt)
    labels, truth = label_matrix(learnt, codes["code"]), label_matrix(evaluated, codes["code"]).toarray()
    frequency = labels.sum(axis=0, dtype=int)
    divisions = frequency_groups(frequency), kind_groups(codes["kind"])
    patients = evaluated["patient_id"].to_numpy()
    of_set = {
        "training_notes": people(len(learnt)),
        "validation_notes": people(validation),
        "evaluation_notes": people(len(truth)),
        "truncated_notes": people(sum(count_truncated(notes["text"], max_words) for notes in (taught, evaluated))),
        "codes": len(codes),
        "codes_in_training": int((frequency > 0).sum()),
        "codes_in_evaluation": int(truth.any(axis=0).sum()),
    }
    baseline = computed(evaluate, truth, *predict_most_frequent(labels, len(truth), baseline_codes))
    measured: dict[int, dict[str, Any]] = {}
    for seed, (predictions, description) in runs.items():
        given = truth, predictions.probabilities, predictions.predicted
        chosen = {name: description[name] for name in ("best_epoch", "validation_map", "threshold")}
        disclosed = of_set | over(validation, chosen) | computed(evaluate, *given)
        collapse = measure_collapse(truth, predictions.probabilities, patients)
        reading = {"spread": collapse.spread, "map_without_reading": collapse.map_without_notes}
        disclosed |= {"reading": reading | {"collapsed": collapse.collapsed}}
        disclosed |= {"baseline": baseline, "groups": average_by_group(*given, divisions, patients)}
        # The notes that teach and those that choose are all of the set.
        measured[seed] = over(len(np.unique(patients)), Parts(disclosed, ("training_notes", "validation_notes")))
    return measured


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


def average_by_group(
    truth: np.ndarray,
    probabilities: np.ndarray,
    predicted: np.ndarray,
    divisions: Sequence[Mapping[str, np.ndarray]],
    patients: np.ndarray,
) -> dict[str, dict[str, Any]]:
    """Micro and macro averages within each group, over its codes that occur, and how many it has and occur.

    The matrices are those of `metrics.evaluate`; a division has, by name, the codes of each group, bool [codes], and
    `patients` are those of the notes.
    """
    averaged = {}
    for name, members in (group for division in divisions for group in division.items()):
        kept = members & truth.any(axis=0)
        basis = len(np.unique(patients[truth[:, kept].any(axis=1)]))
        disclosed = {
            "codes": int(members.sum()),
            "codes_in_evaluation": int(kept.sum()),
            **averages(truth[:, kept], probabilities[:, kept], predicted[:, kept]),
        }
        averaged[name] = over(basis, disclosed)
    return Parts(averaged, *map(tuple, divisions))


def count_truncated(texts: pd.Series, max_words: int) -> int:
    """Counts the texts that are longer than a number of words, split at white space."""
    return sum(len(text.split(maxsplit=max_words)) > max_words for text in texts)


def predict_most_frequent(labels: sparse.csr_array, notes: int, codes: int) -> tuple[np.ndarray, np.ndarray]:
    """The baseline that every coder must beat: it reads no note, and always predicts the most frequent codes.

    Gives, for so many notes, each code's share of the training notes, whose labels are given, as its probability, and
    the decisions for so many codes: [notes, codes] each.
    """
    counts = labels.sum(axis=0)
    share = (counts / labels.shape[0]).astype(np.float32)
    predicted = np.zeros(len(share), dtype=bool)
    predicted[np.argsort(-counts, kind="stable")[:codes]] = True
    return np.tile(share, (notes, 1)), np.tile(predicted, (notes, 1))


def average_seeds(results: Sequence[Any]) -> dict[str, Any]:
    """Gives mean and standard deviation of every number in the results of one training set's coders, nested alike.

    In the place of each number stand its `mean` over the seeds and its `sd`, of the sample (ddof 1); sd is None for one
    seed, and both are None for a metric that does not exist in one of the runs.

    Raises:
        ValueError: the results hold different numbers.
    """
    first = results[0]
    if not isinstance(first, Mapping):
        if any(value is None for value in results):
            return {"mean": None, "sd": None}
        deviation = float(np.std(results, ddof=1)) if len(results) > 1 else None
        return {"mean": like(float(np.mean(results)), *results), "sd": like(deviation, *results)}
    if any(result.keys() != first.keys() for result in results):
        raise ValueError("the results of one coder's runs must hold the same numbers")
    averaged = {name: average_seeds([result[name] for result in results]) for name in first}
    return Parts(averaged, *first.sums) if isinstance(first, Parts) else averaged
