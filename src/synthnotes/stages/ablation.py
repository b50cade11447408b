"""Ablation: samples at other repetition penalties and temperatures, read by the real-data coder (paper, 4.2)."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.corpus import notes
from synthnotes.generation.ablation import codes_found, describe, to_code, variants
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish
from synthnotes.machinery.files import UserError, read_csv
from synthnotes.machinery.sections import GenerateParams


def main(
    corpus: str, model: Path, records: Path, real: Path, codes: Path, coder: Path, work: Path, results: Path
) -> str:
    """Compares the values that params.yaml lists; without any there is nothing to do, and the result says so."""
    settings, disclosure = params.load("ablation"), params.load("disclosure")
    compared = variants(params.load("generate"), settings)
    if not compared:
        publish(results, {"prompts": 0, "settings": {}}, disclosure)
        return f"{corpus}: switched off (ablation.repetition_penalties or ablation.temperatures is empty)"
    drawn = _sample(corpus, compared, model, records, settings.prompts, work)
    prompted = notes.read(real).set_index("note_id", drop=False)
    prompted = prompted.loc[next(iter(drawn.values()))["note_id"].unique()].reset_index(drop=True)
    tables = {name: to_code(samples, prompted) for name, samples in drawn.items()}
    of_real, *of_samples = _codes_found([prompted, *tables.values()], codes, coder)
    described = [describe(samples, compared[name]) for name, samples in drawn.items()]
    merged = [description | found for description, found in zip(described, of_samples, strict=True)]
    numbers = {"prompts": len(prompted), "real": of_real, "settings": dict(zip(drawn, merged, strict=True))}
    publish(results, numbers, disclosure)
    shares = [entry["share_found"] for entry in merged]
    return (
        f"{corpus}: {len(shares)} pairs of values, {min(shares):.1%} to {max(shares):.1%} of the prompted codes found "
        f"again ({of_real['share_found']:.1%} in the real notes)"
    )


def _sample(
    corpus: str, compared: Mapping[str, GenerateParams], model: Path, records: Path, count: int, work: Path
) -> dict[str, pd.DataFrame]:
    """Samples from the first prompts with each of the values to compare; one engine serves all."""
    import torch

    from synthnotes.generation import sampling
    from synthnotes.generation.encoding import encode_prompts
    from synthnotes.generation.models import check_generator, load_tokenizer
    from synthnotes.generation.records import read_records
    from synthnotes.generation.shards import cut, sample_shards
    from synthnotes.machinery.workdir import fingerprint

    settings, gpus = next(iter(compared.values())), torch.cuda.device_count()
    check_generator(model, settings.model_length[corpus])
    sampling.check_gpus(settings, gpus)
    first = read_records(records / "prompts.jsonl")[:count]
    encoded = encode_prompts(load_tokenizer(model), corpus, [record.input for record in first])
    prompts = [sampling.Prompt(record.id, tokens) for record, tokens in zip(first, encoded, strict=True)]
    prompts, _ = sampling.split_by_length(prompts, settings, corpus)
    if not prompts:
        raise UserError(f"ablation: none of {count} prompts is shorter than generate.model_length.{corpus}. Raise it.")
    decisive = [sampling.decisive(values, corpus) for values in compared.values()]
    folder = work / f"ablation-{fingerprint([corpus, decisive, [vars(prompt) for prompt in prompts]], model)}"
    shards = {name: cut(prompts, values, folder / name) for name, values in compared.items()}
    start = sampling.starter(settings, corpus, model)
    everything = [shard for of_name in shards.values() for shard in of_name]
    tables = sample_shards(everything, start, settings.data_parallel, settings.tensor_parallel if gpus else 0)
    drawn = {name: pd.concat([tables.pop(0) for _ in of_name], ignore_index=True) for name, of_name in shards.items()}
    shutil.rmtree(folder)
    return drawn


def _codes_found(tables: list[pd.DataFrame], codes: Path, folder: Path) -> list[dict[str, Any]]:
    """Reads note tables with the coder of a folder and counts the prompted codes that it finds."""
    import torch

    from synthnotes.coding.plm_icd import coder as coders
    from synthnotes.coding.plm_icd.data import encode
    from synthnotes.coding.plm_icd.reading import predict
    from synthnotes.coding.predictions import above

    settings, coder = params.load("coding"), coders.load(folder)
    coder.model.to("cuda" if torch.cuda.is_available() else "cpu")
    listed = read_csv(codes, text=True)
    titled = set(listed.loc[listed["title"] != "", "code"])
    found = []
    for table in tables:
        encoded = encode(table, coder.tokenizer, coder.codes, settings.max_words)
        predicted = above(predict(coder.model, encoded, settings), coder.threshold)
        found.append(codes_found(table, coder.codes, titled, predicted))
    return found


if __name__ == "__main__":
    run(main)
