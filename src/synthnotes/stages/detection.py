"""Detection: passages planted into synthetic notes, and how many the privacy searches find (paper, section 7)."""

from pathlib import Path

import pandas as pd

from synthnotes.corpus import notes
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import Table, publish
from synthnotes.machinery.files import UserError, read_parquet
from synthnotes.machinery.language import read_language
from synthnotes.machinery.params import DisclosureParams, PrivacyParams
from synthnotes.machinery.resources import PrivacyMachine, load_resources
from synthnotes.privacy.overlap.memory import GIB
from synthnotes.privacy.planting import detection, plant


def main(language: Path, training: Path, synthetic: Path, neighbours: Path, results: Path, curve: Path) -> str:
    """Plants copies, searches for them, and counts what is found by the length of the passage."""
    settings = params.load("privacy", PrivacyParams)
    real, written = (notes.read(path)["text"].tolist() for path in (training, synthetic))
    unplanted = read_parquet(neighbours, ["kind", "passage_words", "recall"]).to_pandas()
    planted = plant(written, real, settings.planted_notes, settings.planted_words, settings.seed)
    if not planted.texts:
        raise UserError(f"{synthetic}: no note has room for a passage. Lower privacy.planted_words in params.yaml.")
    found = detection(
        planted,
        real,
        unplanted,
        settings.rouge_n,
        read_language(language).rouge_tokenizer,
        settings.false_alarms,
        settings.seed,
        int(load_resources("privacy", PrivacyMachine).memory_gib * GIB),
    )
    disclosure = params.load("disclosure", DisclosureParams)
    publish(results, found, disclosure)
    rows = [{"words": int(words), **shares} for words, shares in found["by_words"].items()]
    table = pd.DataFrame(rows)
    publish(curve, Table(table, ["words"], ["notes"], list(table.columns[2:])), disclosure)
    flagged = ", ".join(f"{row['words']} words {row['flagged_by_passage']:.0%}" for row in rows)
    return f"{len(planted.texts)} planted passages, flagged by their length: {flagged}"


if __name__ == "__main__":
    run(main)
