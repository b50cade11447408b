"""Variants: samples at other repetition penalties and temperatures, for the ablation (paper, section 4.2)."""

from pathlib import Path

from synthnotes.generation import sampling, shards
from synthnotes.generation.generators import check_generator
from synthnotes.generation.records import read_records
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import UserError, work_folder
from synthnotes.machinery.params import AblationParams, GenerateParams
from synthnotes.machinery.resources import GenerateMachine, load_resources


def main(corpus: str, model: Path, records: Path, work: Path, samples: Path) -> str:
    """Samples from the first prompts with each pair of values; without any the table is empty."""
    settings, ablation = params.load("generate", GenerateParams, corpus), params.load("ablation", AblationParams)
    resources = load_resources("generate", GenerateMachine)
    compared = sampling.vary(settings, ablation)
    if not compared:
        shards.write(samples, sampling.join_tables({}))
        return f"{corpus}: switched off (ablation.repetition_penalties or ablation.temperatures is empty)"
    check_generator(model, settings.model_length, "generate.model_length")
    import torch

    gpus = torch.cuda.device_count()
    sampling.check_gpus(settings, resources, gpus)
    prompts = shards.prompts_of(read_records(records / "prompts.jsonl")[: ablation.prompts], model)
    prompts, _ = sampling.split_by_length(prompts, settings)
    if not prompts:
        raise UserError(
            f"variants: none of {ablation.prompts} prompts is shorter than generate.model_length. Raise it."
        )
    asked = shards.Work(model, prompts, compared)
    with work_folder(work / f"variants-{asked.key(resources.prompts_per_shard)}") as folder:
        table = sampling.join_tables(shards.sample(asked, resources, gpus, folder))
        sampling.require_texts(table, model)
        shards.write(samples, table)
    return f"{corpus}: {len(table)} samples of {len(prompts)} prompts at {len(compared)} pairs of values"


if __name__ == "__main__":
    run(main)
