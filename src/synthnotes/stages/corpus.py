"""Corpus: from the files in data/ to clean, split, described notes (paper, section 3; METHOD, section 1)."""

from pathlib import Path

import pandas as pd

from synthnotes.corpus import mimic, published, sepr, sources, splits
from synthnotes.corpus import notes as note_table
from synthnotes.corpus.subsets import divide
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish, require_demo
from synthnotes.machinery.files import UserError, write_csv

SOURCES = {"mimic": mimic, "sepr": sepr}


def main(corpus: str, data: Path, notes: Path, codes: Path, results: Path, flow: Path) -> str:
    """Prepares one corpus and writes its notes for training (L), prompts (S) and evaluation (E), and its code set."""
    if corpus not in SOURCES:
        raise UserError(f"--corpus {corpus}: expected one of {', '.join(SOURCES)}.")
    settings, disclosure = params.load("corpus"), params.load("disclosure")
    split_file = data / "splits.feather"
    split_rows = read_splits(split_file) if split_file.exists() else None

    prepared = SOURCES[corpus].load(data, settings.minimum_notes_per_code[corpus])
    if prepared.notes.empty:
        raise UserError(f"{data}: no note is left: {lost(prepared.flow)}.")
    chosen = None
    if split_rows is not None:
        labels = settings.published_subsets[corpus].model_dump()
        chosen = published.subsets_of(prepared.notes["note_id"], split_rows, labels, str(split_file))
    subsets = divide(prepared, SOURCES[corpus].NAMES_PATIENTS, settings, chosen, disclosure.least)

    paths = {subset: notes / f"real_{subset.lower()}.parquet" for subset in splits.SUBSETS}
    for subset, path in paths.items():  # all of them, before the first is written
        note_table.check(subsets.tables[subset], str(path))
    files = prepared.files + [split_file] * (split_rows is not None)
    checksums = {file.relative_to(data).as_posix(): sources.sha256(file) for file in files}
    require_demo(data.parent, {f"{data.name}/{name}": checksum for name, checksum in checksums.items()}, disclosure)
    for subset, path in paths.items():
        note_table.write(path, subsets.tables[subset])
    write_csv(codes, subsets.codes)
    publish(flow, subsets.flow, disclosure)
    publish(results, {"corpus": corpus, "sources_sha256": checksums} | subsets.results, disclosure)
    sizes = ", ".join(f"{subset} {len(table):,}" for subset, table in subsets.tables.items())
    return f"{corpus}: {len(prepared.notes):,} notes ({sizes}), {len(subsets.codes):,} codes"


def read_splits(path: Path) -> pd.DataFrame:
    """Reads a published split file: columns note_id and label."""
    table = sources.read_feather(path, ["_id", "split|splits"])
    ids = sources.as_ids(table["_id"], str(path))
    return pd.DataFrame({"note_id": ids, "label": table["split"].astype("string")})


def lost(flow: dict[str, dict[str, object]]) -> str:
    """What the steps of a flow dropped, in words."""
    return "; ".join(f"{step['dropped']} dropped ({step['why']})" for step in flow.values() if step["dropped"])


if __name__ == "__main__":
    run(main)
