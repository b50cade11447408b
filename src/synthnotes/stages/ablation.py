"""Ablation: samples at other repetition penalties and temperatures, read by the real-data coder (paper, 4.2)."""

from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.corpus import notes
from synthnotes.generation.sample_measures import count_codes_found, describe_setting
from synthnotes.generation.sampling import COLUMNS, SETTING, pairs_of_values, part_tables
from synthnotes.generation.synthetic_notes import samples_to_code
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import people, publish
from synthnotes.machinery.files import read_csv, read_parquet
from synthnotes.machinery.params import AblationParams, CodingParams, DisclosureParams
from synthnotes.machinery.resources import CodingMachine, count_threads, load_resources


def main(corpus: str, samples: Path, real: Path, codes: Path, coder: Path, results: Path) -> str:
    """Compares the samples of each pair of values; without any there is nothing to do, and the result says so."""
    compared = pairs_of_values(params.load("ablation", AblationParams))
    disclosure = params.load("disclosure", DisclosureParams)
    drawn = part_tables(read_parquet(samples, [SETTING, *COLUMNS]).to_pandas())
    if not drawn:
        publish(results, {"prompts": people(0), "settings": {}}, disclosure)
        return "switched off (ablation.repetition_penalties or ablation.temperatures is empty)"
    prompted = notes.read(real).set_index("note_id", drop=False)
    prompted = prompted.loc[next(iter(drawn.values()))["note_id"].unique()].reset_index(drop=True)
    tables = [samples_to_code(table, prompted) for table in drawn.values()]
    of_real, *of_samples = _codes_found([prompted, *tables], codes, coder, corpus)
    described = [describe_setting(table, *compared[name]) for name, table in drawn.items()]
    merged = [description | found for description, found in zip(described, of_samples, strict=True)]
    numbers = {"prompts": people(len(prompted)), "real": of_real, "settings": dict(zip(drawn, merged, strict=True))}
    publish(results, numbers, disclosure)
    shares = [entry["share_found"] for entry in merged]
    return (
        f"{len(shares)} pairs of values, {min(shares):.1%} to {max(shares):.1%} of the prompted codes found again "
        f"({of_real['share_found']:.1%} in the real notes)"
    )


def _codes_found(tables: list[pd.DataFrame], codes: Path, folder: Path, corpus: str) -> list[dict[str, Any]]:
    """Reads note tables with the coder of a folder and counts the prompted codes that it finds."""
    import torch

    from synthnotes.coding.plm_icd import coder as coders
    from synthnotes.coding.plm_icd.data import encode
    from synthnotes.coding.plm_icd.model import at_work, predict
    from synthnotes.coding.predictions import above

    settings, resources = params.load("coding", CodingParams, corpus), load_resources("coding", CodingMachine)
    torch.set_num_threads(count_threads(resources.threads))
    coder = coders.load(folder)
    at_work(coder.model)
    listed = read_csv(codes, text=True)
    titled = set(listed.loc[listed["title"] != "", "code"])
    found = []
    for table in tables:
        encoded = encode(table, coder.tokenizer, coder.codes, settings.max_words, settings.join_lines)
        probabilities = predict(coder.model, encoded, settings, min(resources.micro_batch, settings.batch))
        found.append(count_codes_found(table, coder.codes, titled, above(probabilities, coder.threshold)))
    return found


if __name__ == "__main__":
    run(main)
