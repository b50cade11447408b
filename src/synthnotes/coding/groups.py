"""A coder's metrics by groups of codes: frequent, middle and rare ones in training, diagnoses and procedures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthnotes.coding.metrics import averages
from synthnotes.machinery.disclosure import Parts, over


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
        truth: bool [notes, codes].
        probabilities: float [notes, codes].
        predicted: bool [notes, codes].
        divisions: each of the whole code set; by name, the codes of the group: bool [codes].
        patients: whose note it is: [notes].

    Returns:
        By group: codes, how many it has; codes_in_evaluation, how many of them occur; micro and macro.
    """
    found = {}
    for name, members in (group for division in divisions for group in division.items()):
        kept = members & truth.any(axis=0)
        basis = len(np.unique(patients[truth[:, kept].any(axis=1)]))
        told = {
            "codes": int(members.sum()),
            "codes_in_evaluation": int(kept.sum()),
            **averages(truth[:, kept], probabilities[:, kept], predicted[:, kept]),
        }
        found[name] = over(basis, told)
    return Parts(found, *map(tuple, divisions))
