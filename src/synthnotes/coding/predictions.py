"""What a coder predicts for a set of notes: kept beside its weights for the analyses of errors and their comparison.

One `predictions.npz` per coder: the ids of the notes and of the codes, the probabilities at half precision, and the
threshold. Nothing in it is pickled, so that loading it cannot run code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from synthnotes.machinery.files import UserError, replacing, require

FILE = "predictions.npz"
DESCRIPTION = "coder.json"  # beside it: the threshold, how the coder reads a note, its codes, its best epoch
CURVE_FILE = "curve.csv"  # beside it: the training curve, one row per epoch
NOISE_FILE = "noise.json"  # beside it, where the notes were noisy: how many words had been changed


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
    except Exception as error:  # damaged bytes raise whatever they happen to mean
        raise UserError(f"{path}: not a complete file of predictions. Delete it and run `dvc repro`.") from error


def align(predictions: Predictions, note_ids: Sequence[str], code_set: Sequence[str], where: str) -> Predictions:
    """Puts the predictions that the coder of a folder (`where`) left in the order of the evaluated notes.

    Raises:
        UserError: the predictions are not for these notes and codes, or hold what is no probability.
    """

    def refuse(found: str, expected: str) -> None:
        raise UserError(f"{where}: {found}, expected {expected}. Delete the folder and run `dvc repro`.")

    if predictions.codes != list(code_set):
        other = set(predictions.codes) ^ set(code_set)
        which = f"{min(other)} is in one of them only" if other else "their order differs"
        refuse(f"predictions of another code set ({which})", f"the {len(code_set)} codes of the corpus")
    row = {note_id: index for index, note_id in enumerate(predictions.note_ids)}
    if len(row) < len(predictions.note_ids):
        refuse("several predictions of one note", "one per note of E")
    strange = row.keys() ^ set(note_ids)
    if strange:
        lacks = "E does not have" if strange & row.keys() else "has no predictions"
        note_id = min(strange & row.keys() or strange)
        refuse(f"note {note_id}, which {lacks}", f"predictions of the {len(note_ids)} notes of E")
    if not 0 <= predictions.threshold <= 1:
        refuse(f"threshold {predictions.threshold}", "one in [0, 1]")
    if not ((predictions.probabilities >= 0) & (predictions.probabilities <= 1)).all():  # NaN fails too
        refuse("a value that is no probability", "values in [0, 1]")
    if predictions.note_ids == list(note_ids):
        return predictions  # nothing to move, which at the paper's size is half a gigabyte
    order = [row[note_id] for note_id in note_ids]
    return replace(predictions, note_ids=list(note_ids), probabilities=predictions.probabilities[order])
