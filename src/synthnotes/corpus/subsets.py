"""From a prepared corpus to its three note tables, and what the results say about them (METHOD, section 1)."""

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pandas as pd

from synthnotes.corpus import flow as flow_table
from synthnotes.corpus import icd, splits
from synthnotes.corpus.flow import Flow, distinct
from synthnotes.corpus.quality import quality
from synthnotes.corpus.table import Corpus, code_set, with_descriptions
from synthnotes.machinery.sections import CorpusParams


@dataclass(frozen=True)
class Subsets:
    """The outcome of the chapter.

    Attributes:
        tables: the note table of each of L, S and E.
        codes: the code set, columns code, title and kind.
        flow: the flow as a tidy table.
        results: aggregates, ready for JSON.
    """

    tables: dict[str, pd.DataFrame]
    codes: pd.DataFrame
    flow: pd.DataFrame
    results: dict[str, Any]


def divide(
    corpus: Corpus,
    names_patients: bool,
    settings: CorpusParams,
    published: tuple[pd.Series, dict[str, int]] | None,
    minimum_patients: int = 1,
) -> Subsets:
    """Divides a corpus into L, S and E, cuts L and S into the coder's training and validation notes, and counts.

    Args:
        corpus: the prepared corpus.
        names_patients: whether the source names patients; if not, counts of patients are None.
        settings: shares and seed.
        published: the subset of each note by a published split file, and that file's counts; None splits by patient.
        minimum_patients: steps that lose fewer are put together in what is told of the flow.
    """
    flow = Flow(names_patients, corpus.flow)
    notes = corpus.notes
    group, groups = splits.groups(notes)
    if published is None:
        shares = _shares(settings)
        notes = notes.assign(subset=splits.by_group(group, notes["codes"], shares, settings.seed))
    else:
        shares = dict.fromkeys(splits.SUBSETS)
        notes = notes.assign(subset=published[0])
        notes = flow.keep("in_split_file", notes[notes["subset"].notna()], "not in the published split file")
    notes = with_descriptions(notes, corpus.titles).assign(fold=_folds(notes, group, settings))
    tables = {name: notes[notes["subset"] == name] for name in splits.SUBSETS}
    codes = code_set(notes, corpus.titles)
    steps, code_rows = flow_table.told(flow.steps, corpus.code_rows, minimum_patients)
    results = {
        "release": corpus.release,
        "flow": steps,
        "code_rows": code_rows,
        "subsets": {name: _sizes(table, names_patients) for name, table in tables.items()},
        "splits": {
            "by": "patient, iterative stratification" if published is None else "published split file",
            "file": None if published is None else published[1],
            "groups": groups,
            "shared_patients": splits.shared(notes["patient_id"], notes["subset"]) if names_patients else None,
            "shared_texts": splits.shared(notes["text"], notes["subset"]),
            "quality": quality(notes["codes"], notes["subset"], shares),
            "folds": {name: quality(tables[name]["codes"], tables[name]["fold"], _cut(settings)) for name in "LS"},
        },
        "codes": _code_statistics(notes, codes),
        "words_per_note": _words(notes["text"]),
    }
    return Subsets(tables, codes, flow_table.tidy(steps, code_rows), results)


def _shares(settings: CorpusParams) -> dict[str, float]:
    training = round(1 - settings.prompts_share - settings.evaluation_share, 12)
    return {"L": training, "S": settings.prompts_share, "E": settings.evaluation_share}


def _cut(settings: CorpusParams) -> dict[str, float]:
    return {"train": round(1 - settings.validation_share, 12), "validation": settings.validation_share}


def _folds(notes: pd.DataFrame, group: pd.Series, settings: CorpusParams) -> pd.Series:
    """The coder's cut, train and validation within L and S, again by group and stratified; all of E is evaluation."""
    fold = pd.Series("evaluation", index=notes.index)
    for name in ("L", "S"):
        own = notes.index[notes["subset"] == name]
        fold[own] = splits.by_group(group[own], notes.loc[own, "codes"], _cut(settings), settings.seed)
    return fold


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
    families = Counter(map(icd.family, codes["code"]))
    return {
        "per_note_mean": float(per_note.mean()),
        "per_note_median": float(per_note.median()),
        "unique": len(codes),
        "unique_diagnoses": int((codes["kind"] == "diagnosis").sum()),
        "unique_procedures": int((codes["kind"] == "procedure").sum()),
        "unique_categories": len({icd.category(code) for code in codes["code"]}),
        "unique_blocks": len({icd.block(code) for code in codes["code"]} - {icd.UNKNOWN}),
        "unique_families": len(families.keys() - {icd.UNKNOWN}),
        "of_unknown_family": families.get(icd.UNKNOWN, 0),
        "without_description": len(untitled),
        "assignments_without_description": int(assigned.isin(list(untitled)).sum()),
        "notes_without_description": int((notes["descriptions"].map(len) == 0).sum()),
    }


def _words(texts: pd.Series) -> dict[str, float]:
    """Words per note, split at white space."""
    words = texts.map(lambda text: len(text.split()))  # one note's words in memory at a time
    return {
        "mean": float(words.mean()),
        "median": float(words.median()),
        "percentile_5": float(words.quantile(0.05)),
        "percentile_95": float(words.quantile(0.95)),
        "maximum": int(words.max()),
    }
