"""Records: instruction records of L, which train the generator, and of S, which prompt it (paper, section 4.1)."""

from pathlib import Path

from synthnotes.corpus import notes
from synthnotes.generation.records import build_records, summarise, write_records
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish
from synthnotes.machinery.files import replacing


def main(corpus: str, training: Path, prompts: Path, records: Path, results: Path) -> str:
    """Writes `training.jsonl` and `prompts.jsonl`, Alpaca records with the real notes as output."""
    tables = {"training": notes.read(training), "prompts": notes.read(prompts)}
    with replacing(records) as folder:
        folder.mkdir()
        for name, table in tables.items():
            write_records(folder / f"{name}.jsonl", build_records(corpus, table))
    counts = {name: summarise(corpus, table) for name, table in tables.items()}
    publish(results, counts, params.load("disclosure"))
    without = sum(count["codes_without_description"] for count in counts.values())
    return (
        f"{corpus}: {counts['training']['records']} training records, {counts['prompts']['records']} prompts, "
        f"{without} codes without a description"
    )


if __name__ == "__main__":
    run(main)
