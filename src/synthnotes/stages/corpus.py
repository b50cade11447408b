"""Corpus: from the files in data/ to clean, split notes and instruction records (paper, sections 3 and 4.1)."""

from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.corpus import mimic, sepr, sources, splits
from synthnotes.corpus import notes as note_table
from synthnotes.generation.records import build_records, write_records
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import require_demo
from synthnotes.machinery.files import UserError, replacing, write_csv, write_json
from synthnotes.machinery.params import CorpusParams, DisclosureParams

SOURCES = {"mimic": mimic, "sepr": sepr}
RECORDS = {"training": "L", "prompts": "S"}


def main(corpus: str, data: Path, notes: Path, codes: Path, records: Path, facts: Path) -> str:
    """Prepares one corpus and writes its notes for training (L), prompts (S) and evaluation (E), and its code set.

    Besides the instruction records of L, which train the generator, and of S, which prompt it; and, for the stage
    `cohort`, the facts about the preparation that none of these files tells.
    """
    if corpus not in SOURCES:
        raise UserError(f"--corpus {corpus}: expected one of {', '.join(SOURCES)}.")
    subsets, known = prepare(corpus, data, params.load("corpus", CorpusParams))
    tables = {notes / f"real_{subset.lower()}.parquet": table for subset, table in subsets.tables.items()}
    for path, table in tables.items():  # all of them, before the first is written
        note_table.check(table, str(path))
    checksums = {f"{data.name}/{name}": checksum for name, checksum in known["sources_sha256"].items()}
    require_demo(data.parent, checksums, params.load("disclosure", DisclosureParams))

    for path, table in tables.items():
        note_table.write(path, table)
    write_csv(codes, subsets.codes)
    with replacing(records) as folder:
        folder.mkdir()
        for name, subset in RECORDS.items():
            write_records(folder / f"{name}.jsonl", build_records(corpus, subsets.tables[subset]))
    write_json(facts, known)
    sizes = ", ".join(f"{subset} {len(table):,}" for subset, table in subsets.tables.items())
    return f"{corpus}: {sum(map(len, tables.values())):,} notes ({sizes}), {len(subsets.codes):,} codes"


def prepare(corpus: str, data: Path, settings: CorpusParams) -> tuple[splits.Subsets, dict[str, Any]]:
    """Reads, cleans and divides a corpus.

    Returns:
        Its subsets; and what is known now alone: checksums of the sources, their release, the attrition, what became of
        the rows that assign codes, counts of a published split file (None without one) and of groups, and whether
        patients are named.
    """
    source, split_file = SOURCES[corpus], splits.find_split_file(data)
    split_rows = read_splits(split_file) if split_file else None
    prepared = source.load(data, settings.minimum_notes_per_code[corpus])
    if prepared.notes.empty:
        raise UserError(f"{data}: no note is left: {lost(prepared.attrition.steps)}.")
    chosen, split_counts = None, None
    if split_rows is not None:
        labels = settings.published_subsets[corpus].model_dump()
        chosen, split_counts = splits.resolve_published(prepared.notes["note_id"], split_rows, labels, str(split_file))
    subsets = splits.divide(prepared, settings, chosen)
    files = [*prepared.files, *([split_file] if split_file else [])]
    return subsets, {
        "corpus": corpus,
        "sources_sha256": {file.relative_to(data).as_posix(): sources.sha256(file) for file in files},
        "release": prepared.release,
        "names_patients": prepared.attrition.names_patients,
        "attrition": prepared.attrition.steps,
        "code_rows": prepared.attrition.code_rows,
        "split_file": split_counts,
        "groups": subsets.groups,
    }


def read_splits(path: Path) -> pd.DataFrame:
    """Reads a published split file: columns note_id and label."""
    table = sources.read_feather(path, ["_id", "split|splits"])
    ids = sources.as_ids(table["_id"], str(path))
    return pd.DataFrame({"note_id": ids, "label": table["split"].astype("string")})


def lost(attrition: dict[str, dict[str, object]]) -> str:
    """What the steps of an attrition dropped, in words."""
    return "; ".join(f"{step['dropped']} dropped ({step['why']})" for step in attrition.values() if step["dropped"])


if __name__ == "__main__":
    run(main)
