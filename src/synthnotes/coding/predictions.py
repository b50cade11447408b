"""What a coder predicts for a set of notes: kept beside its weights for the analyses of errors and their comparison.

One `predictions.npz` per coder: the ids of the notes and of the codes, the probabilities at half precision, and the
threshold. Nothing in it is pickled, so that loading it cannot run code.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthnotes.files import UserError, replacing, require

FILE = "predictions.npz"


@dataclass(frozen=True)
class Predictions:
    """The probabilities that a coder gives to notes and codes.

    Attributes:
        note_ids: ids of the notes, in the order of the rows.
        codes: the codes, in the order of the columns.
        probabilities: float32 [notes, codes]; read back from a file, they hold the precision of a half.
        threshold: a code is predicted where its probability is greater.
    """

    note_ids: list[str]
    codes: list[str]
    probabilities: np.ndarray
    threshold: float

    def __post_init__(self) -> None:
        expected = (len(self.note_ids), len(self.codes))
        if self.probabilities.shape != expected:
            raise ValueError(f"probabilities are {self.probabilities.shape}, notes and codes are {expected}")

    @property
    def predicted(self) -> np.ndarray:
        """Which codes are predicted: bool [notes, codes]."""
        return above(self.probabilities, self.threshold)


def above(probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """The one rule of decision (repair k): the probability, as kept in the file, is greater than the threshold.

    Rounding to half precision first makes the decisions of a coder in memory those of its predictions read back.
    """
    return probabilities.astype(np.float16) > np.float32(threshold)


def save(folder: Path, predictions: Predictions) -> None:
    """Writes `predictions.npz` into the folder."""
    with replacing(folder / FILE) as temporary:
        np.savez_compressed(
            temporary,
            note_ids=np.asarray(predictions.note_ids, dtype=str),
            codes=np.asarray(predictions.codes, dtype=str),
            probabilities=predictions.probabilities.astype(np.float16),
            threshold=np.float64(predictions.threshold),
        )


def load(folder: Path) -> Predictions:
    """Reads the predictions that a coder left in its folder.

    Raises:
        UserError: the file is missing, unreadable, or lacks an array.
    """
    path = folder / FILE
    require(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Predictions(
                note_ids=arrays["note_ids"].tolist(),
                codes=arrays["codes"].tolist(),
                probabilities=arrays["probabilities"].astype(np.float32),
                threshold=float(arrays["threshold"]),
            )
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: not a complete file of predictions. Delete it and run `dvc repro`.") from error
