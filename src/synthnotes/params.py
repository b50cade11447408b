"""Parameters: `params.yaml` as typed, validated sections, one per stage.

`load("coding")` gives the section of one stage, and validates the whole file first, so that a mistake in the last
section is found before the first stage has run for a day.

`python -m synthnotes.params params.yaml configs/paper.yaml` (`make paper`) merges a configuration into params.yaml.
"""

import sys
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from synthnotes.files import UserError, replacing, require

T = TypeVar("T")
Corpus = Literal["mimic", "sepr"]
Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[int, Field(gt=0, le=100)]
Rate = Annotated[float, Field(gt=0)]
Precision = Literal["float32", "bfloat16"]


class Section(BaseModel):
    """A section of params.yaml: unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PerCorpus(Section, Generic[T]):
    """A value that differs between the corpora, read as `value[corpus]`."""

    mimic: T
    sepr: T

    def __getitem__(self, corpus: str) -> T:
        return getattr(self, corpus)


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
    accelerate_config: str | None
    seed: NotNegative


class MergeParams(Section):
    """Chapter 2.1: adapters merged into the base model."""

    precision: Precision
    check_records: Positive


class GenerateParams(Section):
    """Chapter 2.2: sampling with vLLM."""

    samples: Positive
    temperature: Annotated[float, Field(ge=0)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    repetition_penalty: Rate
    max_new_tokens: PerCorpus[Positive]
    model_length: PerCorpus[Positive]
    concurrent_sequences: Positive
    tensor_parallel: Positive
    precision: Precision
    cpu_cache_gib: Positive
    gpu_memory_share: Share
    prompts_per_shard: Positive
    seed: NotNegative


class FidelityParams(Section):
    """Chapter 3: corpus statistics."""

    lowercase: bool


class CodingParams(Section):
    """Chapter 4.1: PLM-ICD."""

    chunk_tokens: Positive
    max_words: Positive
    batch: Positive
    epochs: Positive
    learning_rate: Rate
    warmup_steps: NotNegative
    weight_decay: Annotated[float, Field(ge=0)]
    precision: Precision
    threshold_steps: Annotated[int, Field(ge=2)]
    bias_from_frequencies: bool
    attend_to_padding: bool
    baseline_codes: Positive
    seed: NotNegative


class ErrorsParams(Section):
    """Chapter 4.3.1 to 4.3.3: predictions, code match, F1 curves, families."""

    bins: Positive
    length_boundary: Positive
    other_share: Share


class NoiseParams(Section):
    """Chapter 4.3.4: coders trained on noisy real notes."""

    corpora: list[Corpus]
    hypotheses: list[Literal["h1", "h2"]]
    levels: list[Percent]
    words_replaced_in_noisy_note: Share
    dictionary_words: Positive
    seed: NotNegative


class HypothesesParams(Section):
    """Chapter 4.3.4: which noise resembles the synthetic notes."""

    bins: Positive


class PrivacyParams(Section):
    """Chapter 6: n-gram overlap between synthetic and training notes."""

    rouge_n: Positive
    rouge_tokenizer: PerCorpus[Literal["ascii", "unicode"]]
    top_recall: Positive
    top_passages: Positive
    overlap_n: Positive
    seed: NotNegative


class QuestionnaireParams(Section):
    """Chapter 7.1: the questionnaire's notes."""

    pairs: PerCorpus[Positive]
    minimum_words: Positive
    maximum_words: Positive
    seed: NotNegative


class RatingsParams(Section):
    """Chapter 7.2: the ratings' evaluation."""

    equivalence_margin: Rate
    significance_level: Share
    resamples: Positive
    seed: NotNegative


class ReportParams(Section):
    """The report."""

    demo: bool
    top_chapters: Positive


class Params(Section):
    """The whole of params.yaml."""

    corpora: list[Corpus]
    corpus: CorpusParams
    finetune: FinetuneParams
    merge: MergeParams
    generate: GenerateParams
    fidelity: FidelityParams
    coding: CodingParams
    errors: ErrorsParams
    noise: NoiseParams
    hypotheses: HypothesesParams
    privacy: PrivacyParams
    questionnaire: QuestionnaireParams
    ratings: RatingsParams
    report: ReportParams


def validate(values: Any, where: str) -> Params:
    """Validates the content of a parameter file.

    Args:
        values: what the YAML file holds.
        where: the file's name, for messages.

    Raises:
        UserError: names every offending key, what was found and what was expected.
    """
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']} (found {e['input']!r:.60})" for e in error.errors()
        ]
        raise UserError(f"{where}: " + "; ".join(lines)) from None


def read(path: Path = Path("params.yaml")) -> Params:
    """Reads and validates a whole parameter file (YAML 1.2, as DVC reads it: `5e-5` is a number)."""
    require(path)
    try:
        values = YAML(typ="safe", pure=True).load(path)
    except YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {str(error).splitlines()[-1].strip()}") from None
    return validate(values, str(path))


def load(section: str, path: Path = Path("params.yaml")) -> Any:
    """Gives one section of params.yaml, typed, after validating the whole file."""
    return getattr(read(path), section)


def overlay(base: dict[str, Any], changes: dict[str, Any]) -> None:
    """Sets in `base`, at any depth, the values that `changes` holds; other keys stay as they are."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            overlay(base[key], value)
        else:
            base[key] = value


def merge(path: Path, configuration: Path) -> None:
    """Merges a configuration into a parameter file, keeping its comments; an invalid result is not written."""
    require(path, configuration)
    editor = YAML()
    editor.width = 160
    values = editor.load(path)
    overlay(values, editor.load(configuration))
    with replacing(path) as temporary:
        editor.dump(values, temporary)
        validate(YAML(typ="safe", pure=True).load(temporary), str(configuration))


if __name__ == "__main__":
    try:
        merge(Path(sys.argv[1]), Path(sys.argv[2]))
    except UserError as error:
        raise SystemExit(f"params: error: {error}") from None
    print(f"{sys.argv[1]} now holds the values of {sys.argv[2]}. `dvc params diff` shows what changed.")
