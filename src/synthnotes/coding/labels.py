"""The codes of a corpus, which note has which, and which notes teach: what coders learn and are measured against."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from synthnotes.machinery.files import UserError, read_csv


def read_codes(path: Path) -> pd.DataFrame:
    """Reads the codes of a corpus: a table with code and kind, `diagnosis` or `procedure`, and their titles."""
    table = read_csv(path, text=True)
    if "code" not in table or table.empty or table["code"].duplicated().any():
        raise UserError(f"{path}: expected a column `code` with one row per code. Delete the file and run `dvc repro`.")
    if "kind" not in table or not table["kind"].isin(["diagnosis", "procedure"]).all():
        raise UserError(
            f"{path}: expected a column `kind`, diagnosis or procedure. Delete the file and run `dvc repro`."
        )
    return table


def read_code_set(path: Path) -> list[str]:
    """Reads the codes alone, in the order of their table."""
    return read_codes(path)["code"].tolist()


def label_matrix(notes: pd.DataFrame, code_set: Sequence[str]) -> sparse.csr_array:
    """Which note has which code: sparse bool [notes, codes].

    Raises:
        UserError: a note has a code outside the code set.
    """
    column = {code: index for index, code in enumerate(code_set)}
    rows, columns = [], []
    for row, (note_id, codes) in enumerate(zip(notes["note_id"], notes["codes"], strict=True)):
        unknown = set(codes) - column.keys()
        if unknown:
            raise UserError(
                f"note {note_id}: code {min(unknown)} is not among the {len(code_set)} codes of the corpus. "
                "Notes and code set come from different runs: run `dvc repro`."
            )
        indices = {column[code] for code in codes}
        rows += [row] * len(indices)
        columns += sorted(indices)
    return sparse.csr_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(notes), len(code_set)))


def teaching(notes: pd.DataFrame) -> pd.DataFrame:
    """The notes of a table from which a coder learns; the others choose its epoch and its threshold."""
    return notes[notes["fold"] == "train"]


def taught_by(teaching: pd.DataFrame, choosing: pd.DataFrame | None = None) -> pd.DataFrame:
    """The notes that a coder sees in training: those of fold `train` teach it, those of `validation` choose.

    Where a second table is given, all of its notes choose, and all of the first teach.
    """
    if choosing is None:
        return teaching
    return pd.concat([teaching.assign(fold="train"), choosing.assign(fold="validation")], ignore_index=True)
