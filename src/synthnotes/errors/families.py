"""Errors within the family of a true code or out of it, and the families of all predictions (paper, 6.3.3).

Families are ICD-10 chapters for diagnoses and ICD-10-PCS sections for procedures (repair n).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from synthnotes.corpus.icd import FAMILY_NAMES, UNKNOWN, family
from synthnotes.errors.decisions import Decisions

OTHERS = "Others"


def family_errors(decisions: Decisions) -> dict[str, int | float | None]:
    """Counts wrong codes that share their family with a true code of the note (WF), and those that do not (OOF).

    Codes of unknown family are no family: a wrong one is out of family whatever the true codes are.

    Returns:
        wrong, within_family, out_of_family and, of the latter, of_unknown_family, counts; within_family_share and
        out_of_family_share, of the wrong ones, None where nothing is wrong.
    """
    families, family_of = np.unique([family(code) for code in decisions.codes], return_inverse=True)
    membership = np.eye(len(families), dtype=np.float32)[family_of]  # [codes, families]; float multiplies fastest
    membership[:, families == UNKNOWN] = 0
    true_families = decisions.truth.astype(np.float32) @ membership > 0  # [notes, families]
    notes, codes = (decisions.predicted & ~decisions.truth).nonzero()
    wrong = len(notes)
    within = int(true_families[notes, family_of[codes]].sum())
    return {
        "wrong": wrong,
        "within_family": within,
        "out_of_family": wrong - within,
        "of_unknown_family": int((families[family_of[codes]] == UNKNOWN).sum()),
        "within_family_share": within / wrong if wrong else None,
        "out_of_family_share": (wrong - within) / wrong if wrong else None,
    }


def family_distribution(given: Mapping[str, np.ndarray], codes: Sequence[str], other_share: float) -> pd.DataFrame:
    """Distributes the codes that coders give over families.

    Args:
        given: for each coder (or the truth), which codes it gives: bool [notes, codes].
        codes: the code set.
        other_share: families below this share for every coder are put together as "Others", so that the coders keep
            the same families and compare.

    Returns:
        Columns coder, family, title, predictions, share; families by their size over all coders, "Others" last.
    """
    counts = pd.DataFrame({coder: codes_given.sum(axis=0) for coder, codes_given in given.items()})
    counts = counts.groupby([family(code) for code in codes]).sum()
    small = _shares(counts).max(axis=1) < other_share
    counts = counts.groupby(np.where(small, OTHERS, counts.index)).sum()
    size = _shares(counts).sum(axis=1).where(counts.index != OTHERS, -1)
    counts = counts.loc[size.sort_values(ascending=False, kind="stable").index].rename_axis("family")
    table = counts.melt(var_name="coder", value_name="predictions", ignore_index=False).reset_index()
    table["share"] = _shares(counts).melt()["value"]
    table["title"] = table["family"].map(FAMILY_NAMES).fillna(OTHERS)
    return table[["coder", "family", "title", "predictions", "share"]]


def _shares(counts: pd.DataFrame) -> pd.DataFrame:
    return counts / counts.sum().clip(lower=1)
