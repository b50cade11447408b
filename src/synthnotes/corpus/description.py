"""Description: what the results say about a prepared corpus, its attrition, subsets and codes (paper, section 3).

Nothing here decides a note: it is counted from the tables that the stage `corpus` has written, and from the facts that
it has noted down because no table tells them.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import accumulate, chain, combinations
from operator import sub
from typing import Any

import numpy as np
import pandas as pd

from synthnotes.corpus import icd
from synthnotes.corpus.attrition import DROPPED, UNITS, count_distinct, subtract
from synthnotes.corpus.notes import FOLDS
from synthnotes.corpus.splits import SUBSETS, fold_shares, subset_shares
from synthnotes.machinery.disclosure import Parts, Table, extreme, kept_steps, over, people, setting, share
from synthnotes.machinery.params import CorpusParams

PLURALS = {"procedure": "procedures", "diagnosis": "diagnoses"}


def describe(
    tables: Mapping[str, pd.DataFrame],
    codes: pd.DataFrame,
    facts: Mapping[str, Any],
    settings: CorpusParams,
    minimum_patients: int = 1,
) -> dict[str, Any]:
    """Describes a corpus, and says of each number what it is.

    Args:
        tables: the note table of each of L, S and E.
        codes: the code set, columns code, title (empty where there is none) and kind.
        facts: what the stage `corpus` noted down: corpus, sources_sha256, release, attrition, code_rows, split_file
            (its counts, None without one), groups, and names_patients; without patients, counts of them are None.
        settings: the shares that were wanted.
        minimum_patients: steps that lose fewer are put together in what is disclosed of the attrition.

    Returns:
        Aggregates for `publish`; the attrition is one that may be disclosed already.
    """
    every = pd.concat([tables[name].assign(subset=name) for name in SUBSETS], ignore_index=True)
    names_patients, split_file = facts["names_patients"], facts["split_file"]
    shares = subset_shares(settings) if split_file is None else dict.fromkeys(SUBSETS)
    folds = {of: measure_quality(tables[of]["codes"], tables[of]["fold"], fold_shares(settings)) for of in ("L", "S")}
    attrition, code_rows = disclose_attrition(facts["attrition"], facts["code_rows"], minimum_patients)
    groups = facts["groups"]
    return {
        **setting({name: facts[name] for name in ("corpus", "sources_sha256")}),
        # How many notes were released is the attrition's first step, and disclosed where that is.
        "release": {
            name: attrition["released"]["notes"] and people(value) if name == "discharge_notes" else setting(value)
            for name, value in facts["release"].items()
        },
        "attrition": {name: _describe_step(step) for name, step in attrition.items()},
        "code_rows": {kind: {name: _count(rows) for name, rows in of.items()} for kind, of in code_rows.items()},
        "subsets": Parts({name: _sizes(tables[name], names_patients) for name in SUBSETS}),
        "splits": {
            "by": setting("patient, iterative stratification" if split_file is None else "published split file"),
            "file": split_file and {name: people(count) for name, count in split_file.items()},
            "groups": {name: (extreme if name == "notes_in_largest" else people)(n) for name, n in groups.items()},
            "shared_patients": count_shared(every["patient_id"], every["subset"]) if names_patients else None,
            "shared_texts": count_shared(every["text"], every["subset"]),
            "quality": measure_quality(every["codes"], every["subset"], shares),
            "folds": folds,
        },
        "codes": _code_statistics(every, codes),
        "words_per_note": _words(every["text"]),
    }


def measure_quality(
    codes: pd.Series, parts: pd.Series, wanted: Mapping[str, float | None]
) -> dict[str, dict[str, Any]]:
    """Measures how well each part of a division represents the whole, as Edin et al. (SIGIR 2023) judge splits.

    Args:
        codes: the codes of each note.
        parts: the part of each note.
        wanted: the share of the notes that each part should have, None where that is not known.

    Returns:
        For each part: its notes, its share of them and the wanted one, the share of the whole's codes that it lacks,
        and the Kullback-Leibler divergence of its code distribution from the whole's, in nats (0: equal; None for a
        part without codes).
    """
    whole = Counter(chain.from_iterable(codes))
    measures = {}
    for name, share_wanted in wanted.items():
        inside = parts == name
        own, count = Counter(chain.from_iterable(codes[inside])), int(inside.sum())
        measures[name] = {
            "notes": people(count),
            "share_of_notes": share(count, len(parts)),
            "share_wanted": setting(share_wanted),
            "share_of_codes_missing": over(count, 1 - len(own) / len(whole)),
            "kl_divergence": over(count, _divergence(own, whole)),
        }
    return Parts(measures)


def count_shared(values: pd.Series, parts: pd.Series) -> dict[str, int]:
    """Counts the values (patients, texts) that stand in two subsets, for each pair of subsets (repair f)."""
    members = {name: set(values[parts == name]) for name in SUBSETS}
    return {f"{one}_{other}": people(len(members[one] & members[other])) for one, other in combinations(SUBSETS, 2)}


def disclose_attrition(
    steps: Mapping[str, Mapping[str, Any]], code_rows: Mapping[str, Mapping[str, int]], minimum: int
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, int | None]]]:
    """What may be disclosed of an `Attrition`: steps that lose fewer than a minimum are put together with the next.

    The minimum is of patients, admissions and notes alike; 1 leaves everything as it is.

    Returns:
        Steps and code rows with the same keys. Of a step that is put together with the next all counts are None, and
        the next one has its losses and its reason.
    """
    people = [unit for unit in UNITS if unit != "codes"]
    kept = kept_steps([{unit: step[unit] for unit in people} for step in steps.values()], minimum)
    disclosed: dict[str, dict[str, Any]] = {}
    before, reasons = None, []
    for position, (name, step) in enumerate(steps.items()):
        reasons += [step["why"]] if step["why"] else []
        if position not in kept:
            disclosed[name] = dict.fromkeys(step) | {"why": step["why"]}
            continue
        disclosed[name] = dict(step)
        if position and position - 1 not in kept:
            lost = {key: subtract(before[unit], step[unit]) if before else None for unit, key in DROPPED.items()}
            disclosed[name] |= lost | {"why": "; ".join(reasons)}
        before, reasons = step, []
    return disclosed, {kind: _disclose_rows(counts, minimum) for kind, counts in code_rows.items()}


def tabulate_attrition(steps: Mapping[str, Mapping[str, Any]], code_rows: Mapping[str, Mapping[str, int]]) -> Table:
    """The attrition, or what may be disclosed of it, as a tidy table, of which nothing more is hidden.

    Returns:
        Columns of (notes, procedures, diagnoses), step, unit, left, dropped and why; a unit that is not known, and a
        step that is not disclosed, has no row.
    """
    rows = [
        ("notes", step, unit, count[unit], count[dropped], count["why"])
        for step, count in steps.items()
        for unit, dropped in DROPPED.items()
        if count[unit] is not None
    ]
    for kind, counts in code_rows.items():
        left = counts["kept"]
        of_kind: list[tuple[str, str, str, int, int, str | None]] = []
        for reason in reversed([name for name in counts if name.startswith("dropped_")]):
            dropped, step = counts[reason], reason.removeprefix("dropped_")
            if dropped is not None:
                of_kind.append((PLURALS[kind], f"without_{step}", "rows", left, dropped, step.replace("_", " ")))
                left += dropped
        if counts["released"] is not None:
            of_kind.append((PLURALS[kind], "released", "rows", counts["released"], 0, None))
            if left != counts["released"]:
                raise ValueError(f"attrition: {kind} rows do not add up: {counts}")
        rows += reversed(of_kind)
    columns = ["of", "step", "unit", "left", "dropped", "why"]
    table = pd.DataFrame(rows, columns=columns).astype({"left": "int64", "dropped": "Int64"})
    return Table(table, labels=columns, basis=0)


def _disclose_rows(counts: Mapping[str, int], minimum: int) -> dict[str, int | None]:
    """Rows of codes likewise, each reason for dropping rows being a step."""
    *steps, last = counts  # `released`, a reason each, `kept`
    left = list(accumulate((counts[step] for step in steps), sub))
    kept = kept_steps([{"rows": rows} for rows in left], minimum)
    disclosed: dict[str, int | None] = dict.fromkeys(steps) | {last: counts[last]}
    before = None
    for position in kept:
        disclosed[steps[position]] = subtract(before, left[position]) if position else counts["released"]
        before = left[position]
    return disclosed


def _count(rows: int | None) -> int | None:
    return None if rows is None else people(rows)


def _describe_step(step: Mapping[str, Any]) -> dict[str, Any]:
    """Says what the numbers of an attrition's step are: codes and reasons tell of nobody."""
    people = [name for name in step if name != "why" and not name.endswith("codes")]
    return setting(dict(step) | {name: _count(step[name]) for name in people})


def _divergence(own: Counter[str], whole: Counter[str]) -> float | None:
    """The Kullback-Leibler divergence of one distribution of codes from another that covers it, in nats."""
    if not own:
        return None
    p = np.array(list(own.values())) / own.total()
    q = np.array([whole[code] for code in own]) / whole.total()
    return max(0.0, float(np.sum(p * np.log(p / q))))  # rounding may leave it just below zero


def _sizes(table: pd.DataFrame, names_patients: bool) -> dict[str, int | None]:
    folds = table["fold"].value_counts()
    of_folds = {fold: people(int(folds.get(fold, 0))) for fold in FOLDS}
    counted = {
        "notes": people(len(table)),
        "patients": people(table["patient_id"].nunique()) if names_patients else None,
        "codes": over(len(table), count_distinct(table["codes"])),
    }
    return Parts(counted | of_folds, FOLDS)


def _code_statistics(table: pd.DataFrame, codes: pd.DataFrame) -> dict[str, Any]:
    """Codes per note, different codes by kind, and what lacks a description (repair c)."""
    assigned = pd.Series(list(chain.from_iterable(table["codes"])))
    untitled = set(codes.loc[codes["title"] == "", "code"])
    per_note = table["codes"].map(len)
    families = Counter(map(icd.family, codes["code"]))
    counted = {
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
        "assignments_without_description": people(int(assigned.isin(list(untitled)).sum())),
        "notes_without_description": people(int((table["descriptions"].map(len) == 0).sum())),
    }
    return over(len(table), counted)


def _words(texts: pd.Series) -> dict[str, float]:
    """Words per note, split at white space."""
    words = texts.map(lambda text: len(text.split()))  # one note's words in memory at a time
    measures = {
        "mean": float(words.mean()),
        "median": float(words.median()),
        "percentile_5": float(words.quantile(0.05)),
        "percentile_95": float(words.quantile(0.95)),
        "maximum": extreme(int(words.max())),
    }
    return over(len(words), measures)
