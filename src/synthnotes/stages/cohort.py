"""Cohort: what a prepared corpus holds, and what became of the rest (paper, sections 3 and 4.1)."""

from pathlib import Path

from synthnotes.corpus import notes as note_table
from synthnotes.corpus.description import describe, tabulate_attrition
from synthnotes.corpus.splits import SUBSETS
from synthnotes.generation.records import RECORDS, read_records
from synthnotes.generation.sample_measures import summarise_records
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish
from synthnotes.machinery.files import read_csv, read_json
from synthnotes.machinery.params import CorpusParams, DisclosureParams


def main(corpus: str, notes: Path, codes: Path, records: Path, facts: Path, results: Path, attrition: Path) -> str:
    """Describes the tables that the stage `corpus` has written into the folder `notes`, and the records of them."""
    settings, disclosure = params.load("corpus", CorpusParams, corpus), params.load("disclosure", DisclosureParams)
    tables = {subset: note_table.read(notes / f"real_{subset.lower()}.parquet") for subset in SUBSETS}
    described = describe(
        tables, read_csv(codes, text=True), read_json(facts / "facts.json"), settings, disclosure.least
    )
    of_records = {
        name: summarise_records(read_records(records / f"{name}.jsonl"), tables[subset])
        for name, subset in RECORDS.items()
    }
    publish(attrition, tabulate_attrition(described["attrition"], described["code_rows"]), disclosure)
    publish(results, described | {"records": of_records}, disclosure)
    of_codes = described["codes"]
    without = f"{of_codes['without_description']:,} of {of_codes['unique']:,} codes without a description"
    return f"{corpus}: {sum(map(len, tables.values())):,} notes, {without}"


if __name__ == "__main__":
    run(main)
