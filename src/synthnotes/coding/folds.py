"""Folds: which notes teach a coder, and which choose its epoch and its threshold."""

import pandas as pd


def of_coder(training: str, notes: pd.DataFrame, real_s: pd.DataFrame, real_l_validates_on: str) -> pd.DataFrame:
    """The notes from which a coder learns, with those that validate it; `fold` says which are which.

    Args:
        training: the training set, such as `real_l`.
        notes: its note table.
        real_s: the note table of real S.
        real_l_validates_on: `S` lets all of L teach and all of real S validate, as the published split does; with `L`,
            L is cut like every other set, by the folds of its table.

    Returns:
        A note table whose folds are `train` and `validation`.
    """
    if training != "real_l" or real_l_validates_on == "L":
        return notes
    return pd.concat([notes.assign(fold="train"), real_s.assign(fold="validation")], ignore_index=True)


def teaching(notes: pd.DataFrame) -> pd.DataFrame:
    """The notes of a table from which a coder learns: all that is called training counts these alone."""
    return notes[notes["fold"] == "train"]


def validating(notes: pd.DataFrame) -> pd.DataFrame:
    """The notes of a table that choose a coder's epoch and threshold."""
    return notes[notes["fold"] == "validation"]
