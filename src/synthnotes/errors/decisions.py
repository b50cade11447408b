"""A coder's decisions beside the truth: what every analysis of errors starts from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthnotes.coding.labels import label_matrix
from synthnotes.coding.predictions import Predictions
from synthnotes.files import UserError


@dataclass(frozen=True)
class Decisions:
    """Which codes a coder gives to the evaluated notes, and which they have.

    Attributes:
        codes: the code set, in the order of the columns.
        truth: bool [notes, codes].
        predicted: bool [notes, codes].
    """

    codes: list[str]
    truth: np.ndarray
    predicted: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """Which codes are predicted and true: bool [notes, codes]."""
        return self.truth & self.predicted

    @property
    def occurring(self) -> np.ndarray:
        """Which codes some evaluated note has: bool [codes]. Per code, only these are judged (Edin et al. 2023)."""
        return self.truth.any(axis=0)

    def f1_per_code(self) -> np.ndarray:
        """F1 of each code over the notes: [codes], 0 for a code that is neither true nor predicted anywhere."""
        return self._f1(axis=0)

    def f1_per_note(self) -> np.ndarray:
        """F1 of each note over the codes: [notes]."""
        return self._f1(axis=1)

    def macro_f1(self) -> float:
        """Mean F1 of the codes that occur."""
        return float(self.f1_per_code()[self.occurring].mean())

    def micro_f1(self) -> float:
        """F1 of all decisions on the codes that occur."""
        occurring = self.occurring
        decided = self.predicted[:, occurring].sum() + self.truth[:, occurring].sum()
        return float(2 * self.correct.sum() / decided)

    def _f1(self, axis: int) -> np.ndarray:
        correct, decided = self.correct.sum(axis), self.truth.sum(axis) + self.predicted.sum(axis)
        return np.divide(2 * correct, decided, out=np.zeros(len(correct)), where=decided > 0)


def decide(predictions: Predictions, evaluation: pd.DataFrame, code_set: Sequence[str], where: str) -> Decisions:
    """Lays a coder's predictions beside the codes of the evaluated notes, both in the order of the note table.

    Args:
        predictions: as the coder left them, for the notes of E in any order.
        evaluation: the note table of E.
        code_set: the corpus's codes.
        where: the coder's folder, for messages.

    Raises:
        UserError: the predictions are not for these notes and codes, or hold what is no probability.
    """
    _check(predictions, evaluation["note_id"], code_set, where)
    row = {note_id: index for index, note_id in enumerate(predictions.note_ids)}
    order = [row[note_id] for note_id in evaluation["note_id"]]
    return Decisions(list(code_set), label_matrix(evaluation, code_set).toarray(), predictions.predicted[order])


def _check(predictions: Predictions, note_ids: pd.Series, code_set: Sequence[str], where: str) -> None:
    def refuse(found: str, expected: str) -> None:
        raise UserError(f"{where}: {found}, expected {expected}. Delete the folder and run `dvc repro`.")

    if predictions.codes != list(code_set):
        other = set(predictions.codes) ^ set(code_set)
        which = f"{min(other)} is in one of them only" if other else "their order differs"
        refuse(f"predictions of another code set ({which})", f"the {len(code_set)} codes of the corpus")
    if len(set(predictions.note_ids)) < len(predictions.note_ids):
        refuse("several predictions of one note", "one per note of E")
    strange = set(predictions.note_ids) ^ set(note_ids)
    if strange:
        lacks = "E does not have" if strange & set(predictions.note_ids) else "has no predictions"
        note_id = min(strange & set(predictions.note_ids) or strange)
        refuse(f"note {note_id}, which {lacks}", f"predictions of the {len(note_ids)} notes of E")
    if not 0 <= predictions.threshold <= 1:
        refuse(f"threshold {predictions.threshold}", "one in [0, 1]")
    if not ((predictions.probabilities >= 0) & (predictions.probabilities <= 1)).all():  # NaN fails too
        refuse("a value that is no probability", "values in [0, 1]")
