"""Mixtures: training sets for the coder that hold more than real S or its synthetic notes alone."""

from pathlib import Path

import pandas as pd

from synthnotes.corpus import notes
from synthnotes.generation.mixtures import all_samples, real_and_synthetic
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import require


def main(real: Path, synthetic: Path, samples: Path, mixed: Path, every: Path) -> str:
    """Writes the table of real and synthetic notes together, and the table of all samples of every prompt."""
    require(samples)
    real_notes = notes.read(real)
    both = real_and_synthetic(real_notes, notes.read(synthetic))
    sampled = all_samples(pd.read_parquet(samples, columns=["note_id", "sample", "text"]), real_notes)
    notes.write(mixed, both)
    notes.write(every, sampled)
    return f"{len(both)} real and synthetic notes, {len(sampled)} notes of all samples, from {len(real_notes)} prompts"


if __name__ == "__main__":
    run(main)
