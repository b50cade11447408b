"""Subsets L, S and E: from a published split file, or by patient with iterative stratification (METHOD 1.1, step 7).

A subset assignment is a Series over the notes' index with values L, S, E.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import chain, combinations
from typing import Any

import numpy as np
import pandas as pd

from synthnotes.corpus.stratification import stratify
from synthnotes.files import UserError

SUBSETS = ("L", "S", "E")
PRECEDENCE = ("E", "S", "L")  # repair f: an id in several subsets stays in the first of these


def by_patient(notes: pd.DataFrame, shares: Mapping[str, float], seed: int) -> pd.Series:
    """Distributes notes over parts, all notes of a patient into one, the codes stratified.

    Args:
        notes: columns patient_id and codes.
        shares: the wanted share of the notes of each part, by the part's name; they sum to 1.
        seed: of the stratification.

    Returns:
        The part's name for each note.
    """
    patient, names = pd.factorize(notes["patient_id"])
    labels: list[Counter[str]] = [Counter() for _ in names]
    for number, codes in zip(patient, notes["codes"], strict=True):
        labels[number].update(codes)
    part_of = stratify(labels, np.bincount(patient).tolist(), list(shares.values()), seed)
    return pd.Series(np.array(list(shares))[np.array(part_of)[patient]], index=notes.index, dtype=str)


def from_published(
    note_ids: pd.Series, published: pd.DataFrame, labels: Mapping[str, str], where: str
) -> tuple[pd.Series, dict[str, int]]:
    """Takes the subsets from a published split file.

    Args:
        note_ids: the ids of the corpus's notes.
        published: columns note_id and label, as the file has them.
        labels: the file's label of each of L, S and E.
        where: the file's name, for messages.

    Returns:
        The subset of each note, missing where the file does not name it, and counts: ids repeated within a subset, ids
        in more than one (kept in E before S before L), ids that are no notes of this corpus.

    Raises:
        UserError: a label of the file has no subset, or a subset gets no note.
    """
    subset_of_label = {label: subset for subset, label in labels.items()}
    unknown = published.loc[~published["label"].isin(list(subset_of_label)), "label"]
    if not unknown.empty:
        raise UserError(
            f"{where}: row {unknown.index[0] + 1}: label {unknown.iloc[0]!r} is none of {sorted(subset_of_label)}. "
            "Name the file's labels in params.yaml, corpus.published_subsets."
        )
    rows = published.assign(subset=published["label"].map(subset_of_label))
    pairs = rows.drop_duplicates(["note_id", "subset"])
    rank = pairs["subset"].map({subset: rank for rank, subset in enumerate(PRECEDENCE)})
    resolved = pairs.assign(rank=rank).sort_values("rank", kind="stable").drop_duplicates("note_id")
    counts = {
        "ids_repeated": len(rows) - len(pairs),
        "ids_in_several_subsets": len(pairs) - len(resolved),
        "ids_unknown": int((~resolved["note_id"].isin(note_ids)).sum()),
    }
    subset = note_ids.map(resolved.set_index("note_id")["subset"])
    for name in SUBSETS:
        if not (subset == name).any():
            raise UserError(
                f"{where}: none of the corpus's {len(note_ids)} notes is in subset {name} (label {labels[name]!r}); "
                f"{counts['ids_unknown']} of the file's {len(resolved)} ids are unknown. Is it another corpus's file?"
            )
    return subset, counts


def shared_patients(patients: pd.Series, subset: pd.Series) -> dict[str, int]:
    """Counts the patients who stand in two subsets, for each pair of subsets (repair f)."""
    members = {name: set(patients[subset == name]) for name in SUBSETS}
    return {f"{one}_{other}": len(members[one] & members[other]) for one, other in combinations(SUBSETS, 2)}


def quality(codes: pd.Series, subset: pd.Series) -> dict[str, dict[str, Any]]:
    """How well each subset represents the corpus, as Edin et al. (SIGIR 2023) judge splits.

    Returns:
        For each subset: its share of the notes, the share of the corpus's codes that it lacks, and the Kullback-Leibler
        divergence of its code distribution from the corpus's, in nats (0: equal).
    """
    corpus = Counter(chain.from_iterable(codes))
    measures = {}
    for name in SUBSETS:
        own = Counter(chain.from_iterable(codes[subset == name]))
        measures[name] = {
            "share_of_notes": float((subset == name).mean()),
            "share_of_codes_missing": 1 - len(own) / len(corpus),
            "kl_divergence": _divergence(own, corpus),
        }
    return measures


def _divergence(own: Counter[str], corpus: Counter[str]) -> float:
    p = np.array(list(own.values())) / own.total()
    q = np.array([corpus[code] for code in own]) / corpus.total()
    return float(np.sum(p * np.log(p / q)))
