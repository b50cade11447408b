"""From a prepared corpus to its three note tables, and what the results say about them (METHOD, section 1)."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

import pandas as pd

from synthnotes.corpus import splits
from synthnotes.corpus.flow import Flow, distinct
from synthnotes.corpus.table import Corpus, code_set, with_descriptions
from synthnotes.sections import CorpusParams


@dataclass(frozen=True)
class Subsets:
    """The outcome of the chapter.

    Attributes:
        tables: the note table of each of L, S and E.
        codes: the code set, columns code, title and kind.
        results: aggregates, ready for JSON.
    """

    tables: dict[str, pd.DataFrame]
    codes: pd.DataFrame
    results: dict[str, Any]


def divide(
    corpus: Corpus, names_patients: bool, settings: CorpusParams, published: tuple[pd.Series, dict[str, int]] | None
) -> Subsets:
    """Divides a corpus into L, S and E, cuts L and S into the coder's training and validation notes, and counts.

    Args:
        corpus: the prepared corpus.
        names_patients: whether the source names patients; if not, counts of patients are None.
        settings: shares and seed.
        published: the subset of each note by a published split file, and that file's counts; None splits by patient.
    """
    flow = Flow(names_patients, corpus.flow)
    notes = corpus.notes
    if published is None:
        training_share = 1 - settings.prompts_share - settings.evaluation_share
        shares = {"L": training_share, "S": settings.prompts_share, "E": settings.evaluation_share}
        notes = notes.assign(subset=splits.by_patient(notes, shares, settings.seed))
    else:
        notes = notes.assign(subset=published[0])
        notes = flow.keep("in_split_file", notes[notes["subset"].notna()], "not in the published split file")
    notes = with_descriptions(notes, corpus.titles)
    tables = {name: _with_folds(notes[notes["subset"] == name], name, settings) for name in splits.SUBSETS}
    codes = code_set(notes, corpus.titles)
    results = {
        "release": corpus.release,
        "flow": flow.steps,
        "code_rows": corpus.code_rows,
        "subsets": {name: _sizes(table, names_patients) for name, table in tables.items()},
        "splits": {
            "by": "patient, iterative stratification" if published is None else "published split file",
            "file": None if published is None else published[1],
            "shared_patients": splits.shared_patients(notes["patient_id"], notes["subset"]) if names_patients else None,
            "quality": splits.quality(notes["codes"], notes["subset"]),
        },
        "codes": _code_statistics(notes, codes),
        "words_per_note": _words(notes["text"]),
    }
    return Subsets(tables, codes, results)


def _with_folds(notes: pd.DataFrame, subset: str, settings: CorpusParams) -> pd.DataFrame:
    """Adds the coder's cut: train and validation within L and S, again by patient and stratified."""
    if subset == "E":
        return notes.assign(fold="evaluation")
    shares = {"train": 1 - settings.validation_share, "validation": settings.validation_share}
    return notes.assign(fold=splits.by_patient(notes, shares, settings.seed))


def _sizes(table: pd.DataFrame, names_patients: bool) -> dict[str, int | None]:
    folds = table["fold"].value_counts()
    return {
        "notes": len(table),
        "patients": int(table["patient_id"].nunique()) if names_patients else None,
        "codes": distinct(table["codes"]),
    } | {fold: int(folds.get(fold, 0)) for fold in ("train", "validation", "evaluation")}


def _code_statistics(notes: pd.DataFrame, codes: pd.DataFrame) -> dict[str, Any]:
    """Codes per note, different codes by kind, and what lacks a description (repair c)."""
    assigned = pd.Series(list(chain.from_iterable(notes["codes"])))
    untitled = set(codes.loc[codes["title"] == "", "code"])
    per_note = notes["codes"].map(len)
    return {
        "per_note_mean": float(per_note.mean()),
        "per_note_median": float(per_note.median()),
        "unique": len(codes),
        "unique_diagnoses": int((codes["kind"] == "diagnosis").sum()),
        "unique_procedures": int((codes["kind"] == "procedure").sum()),
        "without_description": len(untitled),
        "assignments_without_description": int(assigned.isin(list(untitled)).sum()),
        "notes_without_description": int((notes["descriptions"].map(len) == 0).sum()),
    }


def _words(texts: pd.Series) -> dict[str, float]:
    """Words per note, split at white space."""
    words = texts.str.split().map(len)
    return {
        "mean": float(words.mean()),
        "median": float(words.median()),
        "percentile_5": float(words.quantile(0.05)),
        "percentile_95": float(words.quantile(0.95)),
        "maximum": int(words.max()),
    }
