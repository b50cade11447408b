"""The sections of `params.yaml` whose stages make notes: corpora, instruction tuning and sampling.

What a parameter means stands beside its value in params.yaml.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from synthnotes.base.section_types import NotNegative, PerCorpus, Positive, Precision, Rate, Section, Share


class SubsetNames(Section):
    """The labels of subsets L, S and E in a published split file."""

    L: str
    S: str
    E: str


class CorpusParams(Section):
    """Chapter 1: cleaning and splits."""

    minimum_notes_per_code: PerCorpus[NotNegative]
    prompts_share: Share
    evaluation_share: Share
    validation_share: Share
    published_subsets: PerCorpus[SubsetNames]
    seed: NotNegative

    @model_validator(mode="after")
    def _leaves_training_notes(self) -> "CorpusParams":
        if self.prompts_share + self.evaluation_share >= 1:
            raise ValueError("prompts_share + evaluation_share must be below 1, the rest trains the generator")
        return self


class LoraParams(Section):
    """Low-rank adapters (Hu et al. 2022), as PEFT names them."""

    r: Positive
    alpha: Positive
    dropout: Share
    target_modules: str | list[str]


class FinetuneParams(Section):
    """Chapter 2.1: instruction tuning of the generator."""

    lora: LoraParams
    max_length: Positive
    packing: bool
    learning_rate: Rate
    scheduler: Literal["cosine", "linear", "constant"]
    warmup_steps: NotNegative
    weight_decay: Annotated[float, Field(ge=0)]
    micro_batch: Positive
    accumulation: Positive
    epochs: PerCorpus[Rate]
    precision: Precision
    gradient_checkpointing: bool
    checkpoint_steps: Positive
    log_steps: Positive
    validation_records: Positive
    processes: Positive
    accelerate_config: Literal["single", "ddp", "fsdp", "zero3"] | None
    seed: NotNegative

    @model_validator(mode="after")
    def _processes_have_their_configuration(self) -> "FinetuneParams":
        if (self.processes > 1) != (self.accelerate_config in ("ddp", "fsdp", "zero3")):
            raise ValueError("accelerate_config must be ddp, fsdp or zero3 for several processes, single or null for 1")
        return self


class MergeParams(Section):
    """Chapter 2.1: adapters merged into the base model."""

    precision: Precision
    check_records: Positive


class GenerateParams(Section):
    """Chapter 2.2: sampling."""

    engine: Literal["vllm", "transformers"]
    samples: Positive
    temperature: Annotated[float, Field(ge=0)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    repetition_penalty: Rate
    max_new_tokens: PerCorpus[Positive]
    model_length: PerCorpus[Positive]
    concurrent_sequences: Positive
    tensor_parallel: Positive
    data_parallel: Positive
    precision: Precision
    cpu_cache_gib: Positive
    gpu_memory_share: Share
    prompts_per_shard: Positive
    seed: NotNegative

    @model_validator(mode="after")
    def _fits_together(self) -> "GenerateParams":
        if self.engine == "transformers" and self.tensor_parallel > 1:
            raise ValueError("tensor_parallel must be 1 with engine transformers, which cannot split a model")
        if any(self.max_new_tokens[corpus] > self.model_length[corpus] for corpus in ("mimic", "sepr")):
            raise ValueError("max_new_tokens must not exceed model_length")
        return self


class AblationParams(Section):
    """Chapter 2.2: what repetition penalty and temperature do to the samples."""

    repetition_penalties: list[Rate]
    temperatures: list[Annotated[float, Field(ge=0)]]
    prompts: Positive
    samples: Positive
