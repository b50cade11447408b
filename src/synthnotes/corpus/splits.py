"""Splits: notes distributed over subsets and folds, what belongs together in one of them (METHOD 1.1, step 7).

What belongs together are the notes of a patient, and notes of the same text: SEPR names no patients, and a text that
stands in both L and E would be learnt by heart and then count as a success, or as a leak.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from synthnotes.corpus.attrition import Flow
from synthnotes.corpus.stratification import stratify
from synthnotes.corpus.table import Corpus, code_set, with_descriptions
from synthnotes.machinery.sections import CorpusParams

SUBSETS = ("L", "S", "E")


@dataclass(frozen=True)
class Subsets:
    """A corpus divided.

    Attributes:
        tables: the note table of each of L, S and E.
        codes: the code set, columns code, title and kind.
        flow: the steps of the corpus's flow, the last one included.
        groups: counts of the groups of notes that were not parted, as `groups` gives them.
    """

    tables: dict[str, pd.DataFrame]
    codes: pd.DataFrame
    flow: dict[str, dict[str, Any]]
    groups: dict[str, int]


def divide(corpus: Corpus, names_patients: bool, settings: CorpusParams, published: pd.Series | None) -> Subsets:
    """Divides a corpus into L, S and E, and cuts L and S into the coder's training and validation notes.

    Args:
        corpus: the prepared corpus.
        names_patients: whether the source names patients; if not, the flow counts none.
        settings: shares and seed.
        published: the subset of each note by a published split file, missing where it names none; None splits by
            patient.
    """
    flow = Flow(names_patients, corpus.flow)
    notes = corpus.notes
    group, counts = groups(notes)
    if published is None:
        notes = notes.assign(subset=by_group(group, notes["codes"], subset_shares(settings), settings.seed))
    else:
        notes = notes.assign(subset=published)
        notes = flow.keep("in_split_file", notes[notes["subset"].notna()], "not in the published split file")
    notes = with_descriptions(notes, corpus.titles).assign(fold=_folds(notes, group, settings))
    tables = {name: notes[notes["subset"] == name] for name in SUBSETS}
    return Subsets(tables, code_set(notes, corpus.titles), flow.steps, counts)


def subset_shares(settings: CorpusParams) -> dict[str, float]:
    """The wanted share of the notes of L, S and E, where no published split file decides."""
    training = round(1 - settings.prompts_share - settings.evaluation_share, 12)
    return {"L": training, "S": settings.prompts_share, "E": settings.evaluation_share}


def fold_shares(settings: CorpusParams) -> dict[str, float]:
    """The wanted share of the notes of each of the coder's folds, within L and within S."""
    return {"train": round(1 - settings.validation_share, 12), "validation": settings.validation_share}


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


def _folds(notes: pd.DataFrame, group: pd.Series, settings: CorpusParams) -> pd.Series:
    """The coder's cut, train and validation within L and S, again by group and stratified; all of E is evaluation."""
    fold = pd.Series("evaluation", index=notes.index)
    for name in ("L", "S"):
        own = notes.index[notes["subset"] == name]
        fold[own] = by_group(group[own], notes.loc[own, "codes"], fold_shares(settings), settings.seed)
    return fold
