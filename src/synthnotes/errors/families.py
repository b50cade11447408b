"""How far from the truth a wrong code is: its category, block and family, and the families of all predictions.

Families are ICD-10 chapters for diagnoses and ICD-10-PCS sections for procedures (paper, 6.3.3; repair n). Blocks
divide families, and categories, the first three characters of a code, divide blocks.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from synthnotes.coding.outcomes import Outcome, count, membership
from synthnotes.corpus.icd import CHAPTERS, FAMILY_NAMES, UNKNOWN, block, category, family, kind_of
from synthnotes.machinery.disclosure import Parts, Table, people, share

OTHERS = "Others"
NOTHING_MISSED = "none"  # in the place of a family, where a note has a wrong code and misses none
GRAINS = ("category", "block", "family")  # from fine to coarse
FAMILY_PARTS = ("within_family", "out_of_family")  # of all wrong codes


def families(codes: Sequence[str], published: bool = False) -> np.ndarray:
    """The family of each code: str [codes].

    Args:
        codes: as printed.
        published: file procedures under the diagnosis chapter of their first letter, as the published code does
            (repair n).
    """
    return np.array([published_family(code) if published else family(code) for code in codes], dtype=object)


def published_family(code: str) -> str:
    """The chapter of a code if every code were a diagnosis: the last of its letter that begins before it.

    A procedure whose first character is a digit has none: `unknown`.
    """
    if kind_of(code) != "procedure":
        return family(code)
    before = [c.number for c in CHAPTERS if c.first <= code and c.first[0] <= code[0] <= c.last[0]]
    return before[-1] if before else UNKNOWN


def family_errors(outcome: Outcome, families: np.ndarray) -> dict[str, int | float | None]:
    """Counts wrong codes that share their family with a true code of the note (WF), and those that do not (OOF).

    Codes of unknown family are no family: a wrong one is out of family whatever the true codes are. The same holds for
    unknown blocks.

    Args:
        outcome: the coder's.
        families: of each code, [codes].

    Returns:
        wrong, within_category, within_block, within_family, out_of_family and, of the latter, of_unknown_family,
        counts; each with its share of the wrong ones, None where nothing is wrong. What lies within a category lies
        within its block and its family too.
    """
    known = [kind_of(code) != UNKNOWN for code in outcome.codes]
    groups = {
        "category": np.array([category(c) if k else UNKNOWN for c, k in zip(outcome.codes, known, strict=True)]),
        "block": np.array([block(code) for code in outcome.codes]),
        "family": families,
    }
    wrong, true = outcome.wrong.nonzero(), outcome.truth.nonzero()
    which = {f"within_{grain}": _within(wrong, true, groups[grain]) for grain in GRAINS}
    which |= {"out_of_family": ~which["within_family"], "of_unknown_family": families[wrong[1]] == UNKNOWN}
    total = len(wrong[0])
    disclosed: dict[str, int | float | None] = {"wrong": people(total, patients=outcome.patients_of(wrong[0]))}
    for name, those in which.items():
        number, patients = int(those.sum()), outcome.patients_of(wrong[0][those])
        disclosed[name] = people(number, patients=patients)
        disclosed[f"{name}_share"] = share(number, total, patients=patients)
    return Parts(disclosed, FAMILY_PARTS, [f"{name}_share" for name in FAMILY_PARTS])


def _within(
    wrong: tuple[np.ndarray, np.ndarray], true: tuple[np.ndarray, np.ndarray], groups: np.ndarray
) -> np.ndarray:
    """Which wrong codes share a known group with a true code of their note; both are given as notes and codes."""
    names, group_of = np.unique(groups.astype(str), return_inverse=True)
    own, others = (notes.astype(np.int64) * len(names) + group_of[codes] for notes, codes in (wrong, true))
    return np.isin(own, others) & (names[group_of[wrong[1]]] != UNKNOWN)


def family_confusion(outcome: Outcome, families: np.ndarray) -> pd.DataFrame:
    """Which families wrong codes come from, and which they stand in the place of.

    A note has several codes, and nothing tells which missed code a wrong one replaces. So each wrong code counts once,
    in equal parts for all codes that the note misses; where it misses none, for NOTHING_MISSED.

    Returns:
        Columns missed and predicted, families; codes, how many wrong codes that is; the patients of whom; share of all
        wrong codes. Pairs without any are left out; the largest come first.
    """
    names, family_of = np.unique(families.astype(str), return_inverse=True)
    in_family = membership(family_of, len(names))
    missed = count(outcome.missed, axis=1)
    parts = sparse.diags_array(1 / np.maximum(missed, 1)) @ (outcome.missed @ in_family)
    wrong = outcome.wrong @ in_family  # [notes, families]
    needless = wrong[missed == 0].sum(axis=0)
    # Whose note misses what, and wrongly has what: a patient counts once for each pair of families.
    in_note = sparse.hstack([parts > 0, sparse.csr_array((missed == 0)[:, None])]).tocsr()
    rows, columns = [*names, NOTHING_MISSED], pd.Index(names, name="predicted")
    cells = {
        "codes": np.vstack([(parts.T @ wrong).toarray(), needless]),
        "patients": _patients_with_both(in_note, wrong, outcome.patients),
    }
    wide = {name: pd.DataFrame(values, pd.Index(rows, name="missed"), columns) for name, values in cells.items()}
    tidy = pd.DataFrame({name: table.T.stack() for name, table in wide.items()}).reset_index()
    tidy = tidy[["missed", "predicted", "codes", "patients"]]
    tidy = tidy[tidy["codes"] > 0].sort_values("codes", ascending=False, kind="stable", ignore_index=True)
    return tidy.assign(share=tidy["codes"] / max(outcome.wrong.nnz, 1))


def _patients_with_both(missed: sparse.csr_array, wrong: sparse.csr_array, patients: np.ndarray) -> np.ndarray:
    """Counts, for each pair of families, the patients with a note that has both: int [missed, predicted].

    Args:
        missed, wrong: which note misses, and wrongly has, codes of which family: [notes, families].
        patients: whose note it is: [notes].
    """
    missing, having = (
        pd.DataFrame({"note": given.nonzero()[0], "family": given.nonzero()[1]}) for given in (missed, wrong)
    )
    pairs = missing.merge(having, on="note")
    pairs = pairs.assign(patient=patients[pairs.pop("note")]).drop_duplicates()
    found = np.zeros((missed.shape[1], wrong.shape[1]), dtype=np.int64)
    np.add.at(found, (pairs["family_x"], pairs["family_y"]), 1)
    return found


def confusion_table(frame: pd.DataFrame) -> Table:
    """What `family_confusion` gives, by coder, for `publish`."""
    return Table(frame, ["coder", "missed", "predicted"], ["patients"], ["codes", "share"], by=["coder"])


def distribution_table(frame: pd.DataFrame) -> Table:
    """What `family_distribution` gives, for `publish`."""
    return Table(frame, ["coder", "family", "title"], ["patients", "predictions"], ["share"], by=["coder"])


def family_distribution(
    given: Mapping[str, sparse.csr_array], families: np.ndarray, other_share: float, patients: np.ndarray
) -> pd.DataFrame:
    """Distributes the codes that coders give over families.

    Args:
        given: for each coder (or the truth), which codes it gives: bool [notes, codes].
        families: of each code, [codes].
        other_share: families below this share for every coder are put together as "Others", so that the coders keep
            the same families and compare.
        patients: whose note it is: [notes].

    Returns:
        Columns coder, family, title, predictions, the patients of whom, share; families by their size over all coders,
        "Others" last.
    """
    counts = pd.DataFrame({coder: count(codes_given, axis=0) for coder, codes_given in given.items()})
    counts = counts.groupby(families).sum()
    small = _shares(counts).max(axis=1) < other_share
    shown = pd.Series(np.where(small, OTHERS, counts.index), counts.index)
    counts = counts.groupby(shown).sum()
    size = _shares(counts).sum(axis=1).where(counts.index != OTHERS, -1)
    counts = counts.loc[size.sort_values(ascending=False, kind="stable").index].rename_axis("family")
    table = counts.melt(var_name="coder", value_name="predictions", ignore_index=False).reset_index()
    table["share"] = _shares(counts).melt()["value"]
    table["title"] = table["family"].map(FAMILY_NAMES).fillna(OTHERS)
    rows = {
        coder: _patients_by_family(of_coder, shown[families].to_numpy(), patients) for coder, of_coder in given.items()
    }
    table["patients"] = [rows[row.coder][row.family] for row in table.itertuples()]
    return table[["coder", "family", "title", "predictions", "patients", "share"]]


def _patients_by_family(given: sparse.csr_array, families: np.ndarray, patients: np.ndarray) -> dict[str, int]:
    """How many patients have a code of each family in one of their notes."""
    notes, codes = given.nonzero()
    pairs = pd.DataFrame({"family": families[codes], "patient": patients[notes]}).drop_duplicates()
    return dict.fromkeys(families, 0) | pairs["family"].value_counts().to_dict()


def _shares(counts: pd.DataFrame) -> pd.DataFrame:
    return counts / counts.sum().clip(lower=1)
