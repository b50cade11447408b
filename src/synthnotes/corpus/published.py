"""Published split files: which note belongs to which subset, resolved where the file contradicts itself (repair f)."""

from collections.abc import Mapping

import pandas as pd

from synthnotes.corpus.splits import SUBSETS
from synthnotes.machinery.files import UserError

PRECEDENCE = ("E", "S", "L")  # an id in several subsets stays in the first of these


def subsets_of(
    note_ids: pd.Series, published: pd.DataFrame, labels: Mapping[str, str], where: str
) -> tuple[pd.Series, dict[str, int]]:
    """Takes the subsets from a published split file.

    Args:
        note_ids: the ids of the corpus's notes.
        published: columns note_id and label, as the file has them.
        labels: the file's label of each of L, S and E.
        where: the file's name, for messages.

    Returns:
        The subset of each note, missing where the file does not name it; and counts: the file's rows and different ids,
        ids in more than one row, those of them in more than one subset, ids that are no notes of this corpus, and
        notes that the file does not name.

    Raises:
        UserError: a row has no id, a label of the file has no subset, no id is the corpus's, or a subset gets no note.
    """
    form = _one_form if _keeps_apart(note_ids) and _keeps_apart(pd.Series(list(labels.values()))) else _as_they_are
    subset_of = dict(zip(form(pd.Series(list(labels.values()))), labels, strict=True))
    rows = published.assign(note_id=form(published["note_id"]), subset=form(published["label"]).map(subset_of))
    note_ids = form(note_ids)
    _refuse(rows["note_id"].isna(), where, "no id. Get the file again from its source.")
    _refuse(
        rows["subset"].isna(),
        where,
        f"a label that is none of {', '.join(sorted(labels.values()))}. "
        f"Found: {', '.join(map(repr, published['label'].dropna().unique()[:6]))}. "
        "Name the file's labels in params.yaml, corpus.published_subsets.",
    )
    pairs = rows.drop_duplicates(["note_id", "subset"])
    rank = pairs["subset"].map({subset: rank for rank, subset in enumerate(PRECEDENCE)})
    resolved = pairs.assign(rank=rank).sort_values("rank", kind="stable").drop_duplicates("note_id")
    subset = note_ids.map(resolved.set_index("note_id")["subset"])
    counts = {
        "rows": len(rows),
        "ids": len(resolved),
        "ids_repeated": int(rows["note_id"].value_counts().gt(1).sum()),
        "ids_in_several_subsets": int(pairs["note_id"].value_counts().gt(1).sum()),
        "ids_unknown": int((~resolved["note_id"].isin(note_ids)).sum()),
        "notes_not_named": int(subset.isna().sum()),
    }
    _require_notes(subset, counts, labels, where)
    return subset, counts


def _one_form(values: pd.Series) -> pd.Series:
    """Ids or labels as they are compared, whichever program saved either side: `007`, `7.0` and ` 7` are 7."""
    text = values.astype("string").str.strip().str.casefold()
    return text.str.replace(r"^0*(\d+)(?:\.0+)?$", r"\1", regex=True)


def _as_they_are(values: pd.Series) -> pd.Series:
    return values.astype("string")


def _keeps_apart(values: pd.Series) -> bool:
    """Whether no two different values have the same form, as ids 7 and 007 of a corpus that has both would."""
    return _one_form(values).nunique() == values.nunique()


def _refuse(bad: pd.Series, where: str, what: str) -> None:
    if bad.any():
        raise UserError(f"{where}: row {int(bad.to_numpy().argmax()) + 1}: {what} ({int(bad.sum())} such rows)")


def _require_notes(subset: pd.Series, counts: Mapping[str, int], labels: Mapping[str, str], where: str) -> None:
    fit = f"{counts['ids'] - counts['ids_unknown']:,} of the file's {counts['ids']:,} ids are"
    if counts["ids_unknown"] == counts["ids"]:
        raise UserError(
            f"{where}: none of the file's {counts['ids']:,} ids is one of the corpus's {len(subset):,} notes. It is "
            "another corpus's file, or its ids are of another kind; remove it to draw the subsets by patient."
        )
    for name in SUBSETS:
        if not (subset == name).any():
            raise UserError(
                f"{where}: subset {name} (label {labels[name]!r}) would get no note; {fit} notes of the corpus. "
                "Check params.yaml, corpus.published_subsets, or get the whole file from its source."
            )
