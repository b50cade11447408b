"""Splits: notes distributed over subsets and folds, what belongs together in one of them (paper, section 3).

A published split file decides the subsets where there is one, and is resolved where it contradicts itself (repair f).

What belongs together are the notes of a patient, and notes of the same text: SEPR names no patients, and a text that
stands in both L and E would be learnt by heart and then count as a success, or as a leak.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from synthnotes.corpus.attrition import Corpus, add_descriptions, list_codes
from synthnotes.corpus.stratification import stratify
from synthnotes.machinery.files import UserError, is_dropping
from synthnotes.machinery.params import CorpusParams

SUBSETS = ("L", "S", "E")
SPLIT_FILE = "splits.feather"
PRECEDENCE = ("E", "S", "L")  # a note that a published file puts into several subsets stays in the first of these


@dataclass(frozen=True)
class Subsets:
    """A corpus divided.

    Attributes:
        tables: the note table of each of L, S and E.
        codes: the code set, columns code, title and kind.
        groups: counts of the groups of notes that were not parted, as `group_notes` gives them.
    """

    tables: dict[str, pd.DataFrame]
    codes: pd.DataFrame
    groups: dict[str, int]


def divide(corpus: Corpus, settings: CorpusParams, published: pd.Series | None) -> Subsets:
    """Divides a corpus into L, S and E, and cuts L and S into the coder's training and validation notes.

    Args:
        corpus: the prepared corpus, whose attrition records what a published split file leaves out.
        settings: shares and seed.
        published: the subset of each note by a published split file, missing where it names none; None splits by
            patient.
    """
    notes = corpus.notes
    group, counts = group_notes(notes)
    if published is None:
        notes = notes.assign(subset=distribute(group, notes["codes"], subset_shares(settings), settings.seed))
    else:
        notes = notes.assign(subset=published)[published.notna()]
        notes = corpus.attrition.keep("in_split_file", notes, "not in the published split file")
    fold = pd.Series("evaluation", index=notes.index)  # throughout E
    for name in ("L", "S"):
        own = notes.index[notes["subset"] == name]
        fold[own] = distribute(group[own], notes.loc[own, "codes"], fold_shares(settings), settings.seed)
    notes = add_descriptions(notes, corpus.titles).assign(fold=fold)
    tables = {name: notes[notes["subset"] == name] for name in SUBSETS}
    return Subsets(tables, list_codes(notes, corpus.titles), counts)


def subset_shares(settings: CorpusParams) -> dict[str, float]:
    """The wanted share of the notes of L, S and E, where no published split file decides."""
    training = round(1 - settings.prompts_share - settings.evaluation_share, 12)
    return {"L": training, "S": settings.prompts_share, "E": settings.evaluation_share}


def fold_shares(settings: CorpusParams) -> dict[str, float]:
    """The wanted share of the notes of each of the coder's folds, within L and within S."""
    return {"train": round(1 - settings.validation_share, 12), "validation": settings.validation_share}


def group_notes(notes: pd.DataFrame) -> tuple[pd.Series, dict[str, int]]:
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


def distribute(group: pd.Series, codes: pd.Series, shares: Mapping[str, float], seed: int) -> pd.Series:
    """Distributes notes over parts, all notes of a group into one, the codes stratified.

    Args:
        group: of each note; what belongs together has the same value.
        codes: of each note.
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


def find_split_file(folder: Path) -> Path | None:
    """The published split file of a corpus, if there is one.

    Raises:
        UserError: one lies there under the name that its publishers gave it, and would be passed over.
    """
    path = folder / SPLIT_FILE
    if path.is_file():
        return path
    files = [file for file in folder.iterdir() if file.is_file()] if folder.is_dir() else []
    if others := sorted(file for file in files if "split" in file.name.casefold() and not is_dropping(Path(file.name))):
        raise UserError(
            f"{others[0]}: not read: a published split file must be called {SPLIT_FILE} (feather, columns _id and "
            "split). Rename or convert it; or move it elsewhere, to draw the subsets by patient."
        )
    return None


def resolve_published(
    note_ids: pd.Series, published: pd.DataFrame, labels: Mapping[str, str], where: str
) -> tuple[pd.Series, dict[str, int]]:
    """Takes the subsets from a published split file.

    Args:
        note_ids: the ids of the corpus's notes.
        published: columns note_id and label, as the file has them.
        labels: the file's label of each of L, S and E.
        where: the file's name.

    Returns:
        The subset of each note, missing where the file does not name it; and counts: the file's rows and different ids,
        ids in more than one row, those of them in more than one subset, ids that are no notes of this corpus, and
        notes that the file does not name.

    Raises:
        UserError: a row has no id, a label of the file has no subset, no id is the corpus's, or a subset gets no note.
    """
    names = pd.Series(list(labels.values()))
    lenient = all(_as_compared(values).nunique() == values.nunique() for values in (note_ids, names))
    subset_of = dict(zip(_as_compared(names, lenient), labels, strict=True))
    rows = published.assign(
        note_id=_as_compared(published["note_id"], lenient),
        subset=_as_compared(published["label"], lenient).map(subset_of),
    )
    note_ids = _as_compared(note_ids, lenient)
    _refuse(rows["note_id"].isna(), where, "no id. Get the file again from its source.")
    _refuse(
        rows["subset"].isna(),
        where,
        f"a label that is none of {', '.join(sorted(labels.values()))}. "
        f"Found: {', '.join(map(repr, published['label'].dropna().unique()[:6]))}. "
        "Name the file's labels in params.yaml, corpus.published_subsets.",
    )
    pairs = rows.drop_duplicates(["note_id", "subset"])
    resolved = pairs.sort_values("subset", key=lambda own: own.map(PRECEDENCE.index), kind="stable")
    resolved = resolved.drop_duplicates("note_id")
    subset = note_ids.map(resolved.set_index("note_id")["subset"])
    counts = {
        "rows": len(rows),
        "ids": len(resolved),
        "ids_repeated": int(rows["note_id"].value_counts().gt(1).sum()),
        "ids_in_several_subsets": int(pairs["note_id"].value_counts().gt(1).sum()),
        "ids_unknown": int((~resolved["note_id"].isin(note_ids)).sum()),
        "notes_not_named": int(subset.isna().sum()),
    }
    if counts["ids_unknown"] == counts["ids"]:
        raise UserError(
            f"{where}: none of the file's {counts['ids']:,} ids is one of the corpus's {len(subset):,} notes. It is "
            "another corpus's file, or its ids are of another kind; remove it to draw the subsets by patient."
        )
    for name in SUBSETS:
        if not (subset == name).any():
            raise UserError(
                f"{where}: subset {name} (label {labels[name]!r}) would get no note; "
                f"{counts['ids'] - counts['ids_unknown']:,} of the file's {counts['ids']:,} ids are notes of the "
                "corpus. Check params.yaml, corpus.published_subsets, or get the whole file from its source."
            )
    return subset, counts


def _as_compared(values: pd.Series, lenient: bool = True) -> pd.Series:
    """Ids or labels as they are compared; leniently, whichever program saved either side: `007`, `7.0`, ` 7` are 7."""
    text = values.astype("string")
    if not lenient:
        return text
    return text.str.strip().str.casefold().str.replace(r"^0*(\d+)(?:\.0+)?$", r"\1", regex=True)


def _refuse(bad: pd.Series, where: str, what: str) -> None:
    if bad.any():
        raise UserError(f"{where}: row {int(bad.to_numpy().argmax()) + 1}: {what} ({int(bad.sum())} such rows)")
