"""Generate: synthetic notes sampled from the prompts of S with the merged model (paper, section 4.2)."""

import shutil
import sys
from pathlib import Path

import pandas as pd

from synthnotes.corpus import notes
from synthnotes.generation import sampling
from synthnotes.generation.encoding import encode_prompts
from synthnotes.generation.models import check_generator, load_tokenizer
from synthnotes.generation.records import read_records
from synthnotes.generation.samples import assess, first_samples, summarise
from synthnotes.generation.shards import cut, sample_shards
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import publish
from synthnotes.machinery.files import UserError, replacing
from synthnotes.machinery.workdir import disk_space_needed, fingerprint


def main(
    corpus: str, model: Path, records: Path, real: Path, work: Path, samples: Path, synthetic: Path, results: Path
) -> str:
    """Samples from every prompt; writes all samples, the note table of the first ones, and their description."""
    settings = params.load("generate")
    check_generator(model, settings.model_length[corpus])
    import torch

    gpus = torch.cuda.device_count()
    sampling.check_gpus(settings, gpus)
    real_notes = notes.read(real)
    prompted = read_records(records / "prompts.jsonl")
    encoded = encode_prompts(load_tokenizer(model), corpus, [record.input for record in prompted])
    prompts = [sampling.Prompt(record.id, tokens) for record, tokens in zip(prompted, encoded, strict=True)]
    fitting, too_long = sampling.split_by_length(prompts, settings, corpus)
    if too_long:
        named = ", ".join(prompt.note_id for prompt in too_long[:20]) + (", …" if len(too_long) > 20 else "")
        print(f"generate: {len(too_long)} prompts leave no room for a note: {named}", file=sys.stderr)
    if not fitting:
        raise UserError(f"generate: no prompt is shorter than generate.model_length.{corpus}. Raise it.")

    key = fingerprint([corpus, sampling.decisive(settings, corpus), [vars(prompt) for prompt in fitting]], model)
    shards = cut(fitting, settings, work / f"generate-{key}")
    start = sampling.starter(settings, corpus, model)
    tables = sample_shards(shards, start, settings.data_parallel, settings.tensor_parallel if gpus else 0)
    table = pd.concat([*tables, sampling.unsampled(too_long, settings.samples)], ignore_index=True)
    with disk_space_needed(samples):
        notes.write(synthetic, first_samples(table, real_notes))
        with replacing(samples) as temporary:
            table.to_parquet(temporary, index=False, compression="zstd")
    numbers = summarise(table, settings.seed) | {"quality": assess(table, real_notes["text"], corpus)}
    publish(results, numbers, params.load("disclosure"))
    shutil.rmtree(work / f"generate-{key}")
    return (
        f"{corpus}: {numbers['samples']} samples of {numbers['prompts']} prompts, "
        f"{numbers['share_stopped']:.1%} ended by themselves, {numbers['mean_words']:.0f} words a note"
    )


if __name__ == "__main__":
    run(main)
