"""Corpus: from the files in data/ to clean, split notes and instruction records (paper, sections 3 and 4.1)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.corpus import codiesp, mimic, sources, splits, table
from synthnotes.corpus import notes as note_table
from synthnotes.corpus.attrition import Corpus
from synthnotes.errors.word_noise import list_words
from synthnotes.generation.records import RECORDS, build_records, write_records
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import require_demo
from synthnotes.machinery.files import UserError, replacing, write_csv, write_json
from synthnotes.machinery.language import read_language
from synthnotes.machinery.params import CorpusParams, DisclosureParams, NoiseParams
from synthnotes.questionnaire import survey

READERS: dict[str, Callable[[Path, Any, int], Corpus]] = {
    "mimic": mimic.load,
    "codiesp": codiesp.load,
    "table": table.load,
}


def main(
    corpus: str, data: Path, notes: Path, codes: Path, records: Path, words: Path, facts: Path, language: Path
) -> str:
    """Prepares one corpus and writes its notes for training (L), prompts (S) and evaluation (E), and its code set.

    Besides the instruction records of L, which train the generator, and of S, which prompt it; the words of its
    language that are noise; and, for the stages that measure, what none of these files tells: facts about the
    preparation, the passages that support the codes, and further texts without codes.
    """
    spoken = read_language(language)
    survey.read_wording(language)  # which the questionnaire would miss days later
    prepared, subsets, known = prepare(corpus, data)
    tables = {notes / f"real_{subset.lower()}.parquet": table for subset, table in subsets.tables.items()}
    for path, notes_of in tables.items():  # all of them, before the first is written
        note_table.check(notes_of, str(path))
    checksums = {f"{data.name}/{name}": checksum for name, checksum in known["sources_sha256"].items()}
    require_demo(data.parent, checksums, params.load("disclosure", DisclosureParams))
    listed = list_words(spoken.word_list, params.load("noise", NoiseParams).dictionary_words)

    for path, notes_of in tables.items():
        note_table.write(path, notes_of)
    write_csv(codes, subsets.codes)
    with replacing(records) as folder:
        folder.mkdir()
        for name, subset in RECORDS.items():
            write_records(folder / f"{name}.jsonl", build_records(spoken, subsets.tables[subset]))
    with replacing(words) as temporary:
        temporary.write_text("\n".join(listed) + "\n", encoding="utf-8")
    with replacing(facts) as folder:
        folder.mkdir()
        write_json(folder / "facts.json", known)
        if prepared.passages is not None:
            prepared.passages.to_parquet(folder / "passages.parquet", index=False)
    write_unseen(notes / "unseen.parquet", prepared.unseen)
    sizes = ", ".join(f"{subset} {len(of_subset):,}" for subset, of_subset in subsets.tables.items())
    return f"{corpus}: {sum(map(len, tables.values())):,} notes ({sizes}), {len(subsets.codes):,} codes"


def prepare(corpus: str, data: Path) -> tuple[Corpus, splits.Subsets, dict[str, Any]]:
    """Reads, cleans and divides a corpus.

    Returns:
        The corpus; its subsets; and what is known now alone: checksums of the sources, their release, the attrition,
        what became of the rows that assign codes, counts of a published split file (None without one) and of groups,
        and whether patients are named.
    """
    source, settings = params.declaration(corpus).source, params.load("corpus", CorpusParams, corpus)
    split_file = splits.find_split_file(data)
    split_rows = read_splits(split_file) if split_file else None
    prepared = READERS[source.reader](data, source, settings.minimum_notes_per_code)
    if prepared.notes.empty:
        raise UserError(f"{data}: no note is left: {lost(prepared.attrition.steps)}.")
    chosen, split_counts, where = None, None, str(split_file or data)
    if split_rows is None and prepared.parts is not None:
        split_rows = pd.DataFrame({"note_id": prepared.notes["note_id"], "label": prepared.parts})
    if split_rows is not None:
        labels = settings.published_subsets.model_dump()
        chosen, split_counts = splits.resolve_published(prepared.notes["note_id"], split_rows, labels, where)
    subsets = splits.divide(prepared, settings, chosen)
    files = [*prepared.files, *([split_file] if split_file else [])]
    return (
        prepared,
        subsets,
        {
            "corpus": corpus,
            "sources_sha256": {file.relative_to(data).as_posix(): sources.sha256(file) for file in files},
            "release": prepared.release,
            "names_patients": prepared.attrition.names_patients,
            "attrition": prepared.attrition.steps,
            "code_rows": prepared.attrition.code_rows,
            "split_file": split_counts,
            "groups": subsets.groups,
        },
    )


def write_unseen(path: Path, unseen: pd.DataFrame | None) -> None:
    """Writes the texts without codes, each a patient of its own; none, where the source has no such texts."""
    texts = pd.DataFrame({"note_id": [], "text": []}, dtype=str) if unseen is None else unseen
    with replacing(path) as temporary:
        texts.assign(patient_id=texts["note_id"]).to_parquet(temporary, index=False, compression="zstd")


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
