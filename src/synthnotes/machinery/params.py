"""Parameters: `params.yaml`, one type per stage with names, types and ranges of every parameter, read and validated.

`load("coding", CodingParams)` gives the section of one stage, and validates the whole file first, so that a mistake in
the last section is found before the first stage has run for a day. What a parameter means stands beside its value in
params.yaml.
"""

from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from synthnotes.machinery.files import UserError, read_yaml

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Corpus = Literal["mimic", "sepr"]
Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # NumPy takes no larger ones
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[int, Field(gt=0, le=100)]
Rate = Annotated[float, Field(gt=0)]
SignificanceLevel = Annotated[float, Field(gt=0, lt=1)]
Precision = Literal["float32", "bfloat16"]


def _each_once(values: list[Any]) -> list[Any]:
    """A member that stands twice would be made once, and counted twice."""
    twice = [value for place, value in enumerate(values) if value in values[:place]]
    if twice:
        raise ValueError(f"{twice[0]} must not repeat: each is made once, and would be counted twice")
    return values


EachOnce = AfterValidator(_each_once)
Corpora = Annotated[list[Corpus], EachOnce]
Seeds = Annotated[list[Seed], Field(min_length=1), EachOnce]
TrainingSet = Literal["real_l", "real_s", "synthetic_s", "real_and_synthetic_s", "synthetic_s_all"]
TRAINING_SETS: tuple[TrainingSet, ...] = get_args(TrainingSet)  # note tables from which a coder learns, see notes.py
COMPARED_SETS = ("real_s", "synthetic_s")  # whose comparison is the paper's question; the others are larger


class Section(BaseModel):
    """A section of params.yaml: unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def __reduce__(self) -> tuple:  # to other processes as plain values: generic classes have no name to be pickled by
        return type(self).model_validate, (self.model_dump(),)


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
    """Paper, section 3: cleaning and splits."""

    minimum_notes_per_code: PerCorpus[NotNegative]
    prompts_share: Share
    evaluation_share: Share
    validation_share: Share
    published_subsets: PerCorpus[SubsetNames]
    seed: Seed

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
    """Paper, section 4.1: instruction tuning of the generator."""

    lora: LoraParams
    max_length: Positive
    packing: bool
    learning_rate: Rate
    scheduler: Literal["cosine", "linear", "constant"]
    warmup_steps: NotNegative
    weight_decay: Annotated[float, Field(ge=0)]
    batch: Positive
    epochs: PerCorpus[Rate]
    precision: Precision
    seed: Seed


class MergeParams(Section):
    """Paper, section 4.1: adapters merged into the base model."""

    precision: Precision
    check_records: Positive


class GenerateParams(Section):
    """Paper, section 4.2: sampling."""

    engine: Literal["vllm", "transformers"]
    samples: Positive
    temperature: Annotated[float, Field(ge=0)]
    top_p: Annotated[float, Field(gt=0, le=1)]
    repetition_penalty: Rate
    max_new_tokens: PerCorpus[Positive]
    model_length: PerCorpus[Positive]
    precision: Precision
    seed: Seed

    @model_validator(mode="after")
    def _fits_together(self) -> "GenerateParams":
        if any(self.max_new_tokens[corpus] > self.model_length[corpus] for corpus in ("mimic", "sepr")):
            raise ValueError("max_new_tokens must not exceed model_length")
        return self


class GenerationParams(Section):
    """Paper, section 4: what is told of fine-tuning, merging and sampling."""

    curve_steps: Positive
    validation_records: Positive
    seed: Seed


class AblationParams(Section):
    """Paper, section 4.2: what repetition penalty and temperature do to the samples."""

    repetition_penalties: Annotated[list[Rate], EachOnce]
    temperatures: Annotated[list[Annotated[float, Field(ge=0)]], EachOnce]
    prompts: Positive
    samples: Positive


class FidelityParams(Section):
    """Paper, section 5: corpus statistics."""

    lowercase: bool


class CodingParams(Section):
    """Paper, section 6.1: PLM-ICD."""

    chunk_tokens: Positive
    max_words: Positive
    batch: Positive
    epochs: Positive
    patience: Positive | None
    learning_rate: Rate
    warmup_steps: NotNegative
    weight_decay: Annotated[float, Field(ge=0)]
    precision: Precision
    threshold_steps: Annotated[int, Field(ge=2)]
    bias_from_frequencies: bool
    attend_to_padding: bool
    join_lines: bool
    real_l_validation: Literal["real_s", "real_l"]
    weights: PerCorpus[dict[TrainingSet, dict[int, str]]]


class UtilityParams(Section):
    """Paper, section 6.2: the coders' metrics."""

    baseline_codes: Positive


class SignificanceParams(Section):
    """Paper, section 6.2: differences between coders."""

    pairs: Annotated[
        list[Annotated[list[TrainingSet], Field(min_length=2, max_length=2), EachOnce]], Field(min_length=1), EachOnce
    ]
    resamples: Positive
    significance_level: SignificanceLevel
    margin: Share
    seed: Seed


class ErrorsParams(Section):
    """Paper, sections 6.3.1 to 6.3.3: predictions, code match, F1 curves, families, calibration, losses by code."""

    bins: Positive
    length_boundary: Positive
    other_share: Share
    calibration_bins: Positive
    rarity_notes: Positive
    resamples: Positive
    significance_level: SignificanceLevel
    predict_at_threshold: bool
    published_match: bool
    published_families: bool
    seed: Seed


class NoiseParams(Section):
    """Paper, section 6.3.4: coders trained on noisy real notes."""

    corpora: Corpora
    hypotheses: Annotated[list[Literal["h1", "h2"]], Field(min_length=1), EachOnce]
    noise_levels: Annotated[list[Percent], Field(min_length=1), EachOnce]
    words_replaced_in_noisy_note: Share
    seeds: Seeds
    dictionary_words: Positive
    seed: Seed


class HypothesesParams(Section):
    """Paper, section 6.3.4: which noise resembles the synthetic notes."""

    bins: Positive
    significance_level: SignificanceLevel


class PrivacyParams(Section):
    """Paper, section 7: n-gram overlap between synthetic and training notes."""

    rouge_n: Positive
    rouge_tokenizer: PerCorpus[Literal["ascii", "unicode"]]
    top_recall: Positive
    top_passages: Positive
    overlap_n: Positive
    template_share: Share
    resamples: Positive
    significance_level: SignificanceLevel
    tail_share: Annotated[float, Field(gt=0, lt=1)]
    planted_notes: Positive
    planted_words: Annotated[list[Positive], EachOnce]
    false_alarms: Annotated[float, Field(gt=0, lt=1)]
    seed: Seed


class QuestionnaireParams(Section):
    """Paper, section 8: the questionnaire's notes."""

    pairs: PerCorpus[Annotated[int, Field(gt=0, le=49)]]  # SoSci numbers the notes with two digits
    raters: PerCorpus[Positive]
    minimum_words: Positive
    maximum_words: Positive
    seed: Seed


class RatingsParams(Section):
    """Paper, section 8: the ratings' evaluation."""

    studies: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9-]*$")], str]
    equivalence_margin: Rate
    significance_level: SignificanceLevel
    resamples: Positive
    seed: Seed

    @model_validator(mode="after")
    def _has_the_published_study(self) -> "RatingsParams":
        if "published" not in self.studies:
            raise ValueError("studies must hold published, whose results the report compares with the paper's")
        return self


class ReportParams(Section):
    """The report."""

    top_chapters: Positive
    engine: Literal["embedded", "quarto"]


class DisclosureParams(Section):
    """What results and report may tell about the people behind them."""

    demo: bool
    minimum_patients: Positive

    @property
    def least(self) -> int:
        """How many patients a result must rest on: of the demo's, who are invented, one."""
        return 1 if self.demo else self.minimum_patients


class Params(Section):
    """The whole of params.yaml."""

    corpora: Annotated[Corpora, Field(min_length=1)]
    disclosure: DisclosureParams
    seeds: Seeds
    larger_seeds: Seeds
    corpus: CorpusParams
    finetune: FinetuneParams
    merge: MergeParams
    generate: GenerateParams
    generation: GenerationParams
    ablation: AblationParams
    fidelity: FidelityParams
    coding: CodingParams
    utility: UtilityParams
    significance: SignificanceParams
    errors: ErrorsParams
    noise: NoiseParams
    hypotheses: HypothesesParams
    privacy: PrivacyParams
    questionnaire: QuestionnaireParams
    ratings: RatingsParams
    report: ReportParams

    def seeds_of(self, training: str) -> list[int]:
        """The seeds of the coders that learn from a training set."""
        return self.seeds if training in COMPARED_SETS else self.larger_seeds

    @model_validator(mode="after")
    def _fits_together(self) -> "Params":
        if others := set(self.noise.corpora) - set(self.corpora):
            raise ValueError(f"noise.corpora has {min(others)}, which corpora has not: take it out")
        for corpus in ("mimic", "sepr"):
            for training, of_seeds in self.coding.weights[corpus].items():
                for seed in of_seeds.keys() - set(self.seeds_of(training)):
                    raise ValueError(
                        f"coding.weights.{corpus}.{training} has the seed {seed}, with which none is trained"
                    )
        return self


def validate(values: Any, where: str, kind: type[M]) -> M:
    """Validates the content of the parameter file `where`; a `UserError` names every offending key and its value."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        hints = {"list_type": ": write it in brackets, [a] or [a, b]"}
        lines = [
            f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}{hints.get(e['type'], '')} (found {e['input']!r:.60})"
            for e in error.errors()
        ]
        raise UserError(f"{where}: " + "; ".join(lines)) from None


def read(path: Path = Path("params.yaml")) -> Params:
    """Reads and validates a whole parameter file (YAML 1.2, as DVC reads it: `5e-5` is a number)."""
    return validate(read_yaml(path), str(path), Params)


def load(section: str, kind: type[T], path: Path = Path("params.yaml")) -> T:
    """Gives one section of params.yaml, of the type `kind`, after validating the whole file."""
    return section_of(read(path), section, kind)


def section_of(values: BaseModel, section: str, kind: type[T]) -> T:
    """Gives one section of validated values; raises a TypeError if it is not of the type `kind`."""
    found = getattr(values, section)
    if not isinstance(found, kind):
        raise TypeError(f"the section {section} is a {type(found).__name__}, not a {kind.__name__}")
    return found


def load_seeds(path: Path = Path("params.yaml")) -> dict[str, list[int]]:
    """Gives the seeds of the coders of each training set, from `seeds` and `larger_seeds`."""
    found = read(path)
    return {training: found.seeds_of(training) for training in TRAINING_SETS}
