"""Splits: notes distributed over subsets and folds, what belongs together in one of them (METHOD 1.1, step 7).

What belongs together are the notes of a patient, and notes of the same text: SEPR names no patients, and a text that
stands in both L and E would be learnt by heart and then count as a success, or as a leak.
"""

from collections.abc import Mapping, Sequence
from itertools import chain, combinations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from synthnotes.corpus.stratification import stratify

SUBSETS = ("L", "S", "E")
FOLDS = ("train", "validation")


def groups(notes: pd.DataFrame) -> tuple[pd.Series, dict[str, int]]:
    """Groups notes that must not be parted: of one patient, or of identical text, or linked by a chain of such notes.

    Args:
        notes: columns patient_id and text.

    Returns:
        The number of each note's group; and counts: groups, the notes of the largest, notes whose text another note
        has as well, and how many different texts these share.
    """
    patient, text = pd.factorize(notes["patient_id"])[0], pd.factorize(notes["text"])[0]
    patients = int(patient.max(initial=-1)) + 1
    vertices = patients + int(text.max(initial=-1)) + 1
    edges = sparse.coo_array((np.ones(len(notes), bool), (patient, patients + text)), shape=(vertices, vertices))
    group = connected_components(edges, directed=False)[1][patient] if len(notes) else patient
    with_text = np.bincount(text)
    counts = {
        "groups": len(np.unique(group)),
        "notes_in_largest": int(np.bincount(group).max(initial=0)),
        "notes_of_same_text": int(with_text[with_text > 1].sum()),
        "texts_shared": int((with_text > 1).sum()),
    }
    return pd.Series(group, index=notes.index), counts


def by_group(group: pd.Series, codes: pd.Series, shares: Mapping[str, float], seed: int) -> pd.Series:
    """Distributes notes over parts, all notes of a group into one, the codes stratified.

    Args:
        group: what belongs together has the same value.
        codes: the codes of each note.
        shares: the wanted share of the notes of each part, by the part's name; they sum to 1.
        seed: of the stratification.

    Returns:
        The part's name for each note.
    """
    number, names = pd.factorize(group)
    per_note = codes.map(len).to_numpy(int)
    code, distinct = pd.factorize(np.array(list(chain.from_iterable(codes)), dtype=object))
    entries = np.ones(len(code), int), (np.repeat(number, per_note), code)
    labels = sparse.coo_array(entries, shape=(len(names), len(distinct))).tocsr()
    part_of = stratify(labels, np.bincount(number, minlength=len(names)), np.array(list(shares.values())), seed)
    return pd.Series(np.array(list(shares))[part_of[number]], index=group.index, dtype=str)


def shared(values: pd.Series, parts: pd.Series, names: Sequence[str] = SUBSETS) -> dict[str, int]:
    """Counts the values (patients, texts) that stand in two parts, for each pair of parts (repair f)."""
    members = {name: set(values[parts == name]) for name in names}
    return {f"{one}_{other}": len(members[one] & members[other]) for one, other in combinations(names, 2)}
