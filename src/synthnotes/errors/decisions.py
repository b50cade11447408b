"""A coder's decisions beside the truth: what every analysis of errors starts from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synthnotes.coding.labels import label_matrix
from synthnotes.coding.predictions import Predictions, align


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
    aligned = align(predictions, evaluation["note_id"].tolist(), code_set, where)
    return Decisions(list(code_set), label_matrix(evaluation, code_set).toarray(), aligned.predicted)
