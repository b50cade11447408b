"""Synthetic: the note tables that the samples make, from which coders learn (paper, sections 4.2 and 6.2)."""

from pathlib import Path

from synthnotes.corpus import notes
from synthnotes.generation.synthetic_notes import all_samples, first_samples, real_and_synthetic, require_texts
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import read_parquet


def main(real: Path, samples: Path, first: Path, mixed: Path, every: Path) -> str:
    """Writes the tables of the first samples, of real notes and first samples together, and of all samples."""
    real_notes = notes.read(real)
    drawn = read_parquet(samples, ["note_id", "sample", "text"]).to_pandas()
    require_texts(drawn, real_notes, samples)
    of_first, of_every = first_samples(drawn, real_notes), all_samples(drawn, real_notes)
    notes.write(mixed, real_and_synthetic(real_notes, of_first))
    notes.write(first, of_first)
    notes.write(every, of_every)
    return f"{len(of_first)} notes of first samples, {len(of_every)} of all, from {len(real_notes)} prompts"


if __name__ == "__main__":
    run(main)
