"""Generate: samples from the prompts of S, drawn with the merged model (paper, section 4.2)."""

import sys
from pathlib import Path

import pandas as pd

from synthnotes.generation import sampling, shards
from synthnotes.generation.generators import check_generator
from synthnotes.generation.records import read_records
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import UserError, work_folder
from synthnotes.machinery.params import GenerateParams
from synthnotes.machinery.resources import GenerateMachine, load_resources


def main(corpus: str, model: Path, records: Path, work: Path, samples: Path) -> str:
    """Samples from every prompt that leaves room for a note; of the others the table says that they do not."""
    settings, resources = params.load("generate", GenerateParams, corpus), load_resources("generate", GenerateMachine)
    check_generator(model, settings.model_length, "generate.model_length")
    import torch

    gpus = torch.cuda.device_count()
    sampling.check_gpus(settings, resources, gpus)
    prompts = shards.prompts_of(read_records(records / "prompts.jsonl"), model)
    fitting, too_long = sampling.split_by_length(prompts, settings)
    if too_long:
        named = ", ".join(prompt.note_id for prompt in too_long[:20]) + (", …" if len(too_long) > 20 else "")
        print(f"generate: {len(too_long)} prompts leave no room for a note: {named}", file=sys.stderr)
    if not fitting:
        raise UserError("generate: no prompt is shorter than generate.model_length. Raise it.")

    asked = shards.Work(model, fitting, {"samples": settings})
    with work_folder(work / f"generate-{asked.key(resources.prompts_per_shard)}") as folder:
        drawn = shards.sample(asked, resources, gpus, folder)["samples"]
        sampling.require_texts(drawn, model)
        table = pd.concat([drawn, sampling.unsampled(too_long, settings.samples)], ignore_index=True)
        shards.write(samples, table)
    ended = (drawn["finish_reason"] == "stop").mean()
    return f"{corpus}: {len(drawn)} samples of {len(prompts)} prompts, {ended:.1%} ended by themselves"


if __name__ == "__main__":
    run(main)
