"""Parameters: `params.yaml`, one type per stage with names, types and ranges of every parameter, read and validated.

`load("coding", CodingParams, "mimic")` gives the section of one stage, with what the corpus's declaration sets
otherwise, and validates the whole file first, so that a mistake in the last section is found before the first stage has
run for a day. What a parameter means stands beside its value in params.yaml.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from synthnotes.machinery.files import UserError, read_yaml

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
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
Corpora = Annotated[list[str], EachOnce]
Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]  # of folders and files, and a part of keys
Text = Annotated[str, Field(pattern=r"\S")]
Seeds = Annotated[list[Seed], Field(min_length=1), EachOnce]
TrainingSet = Literal["real_l", "real_s", "synthetic_s", "real_and_synthetic_s", "synthetic_s_all"]
TRAINING_SETS: tuple[TrainingSet, ...] = get_args(TrainingSet)  # note tables from which a coder learns, see notes.py
COMPARED_SETS = ("real_s", "synthetic_s")  # whose comparison is the paper's question; the others are larger


class Section(BaseModel):
    """A section of params.yaml: unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SubsetNames(Section):
    """The labels of subsets L, S and E in a published split file."""

    L: str
    S: str
    E: str


class CorpusParams(Section):
    """Paper, section 3: cleaning and splits."""

    minimum_notes_per_code: NotNegative
    prompts_share: Share
    evaluation_share: Share
    validation_share: Share
    published_subsets: SubsetNames
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
    epochs: Rate
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
    max_new_tokens: Positive
    model_length: Positive
    precision: Precision
    seed: Seed

    @model_validator(mode="after")
    def _fits_together(self) -> "GenerateParams":
        if self.max_new_tokens > self.model_length:
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

    pairs: Annotated[int, Field(gt=0, le=49)]  # SoSci numbers the notes with two digits
    raters: Positive
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


class MimicSource(Section):
    """MIMIC-IV and MIMIC-IV-Note as PhysioNet hands them out."""

    reader: Literal["mimic"]


class CodiespSource(Section):
    """CodiEsp as its archive unpacks.

    Attributes:
        text: the Spanish cases, or their machine translation into English.
        official_parts: whether the publishers' parts decide the subsets, as `corpus.published_subsets` maps them.
    """

    reader: Literal["codiesp"]
    text: Literal["es", "en"]
    official_parts: bool


class TableColumns(Section):
    """The columns of a table of notes; codes are lists, or text that separates them."""

    note_id: Text
    text: Text
    codes: Text
    patient_id: Text | None

    @model_validator(mode="after")
    def _each_its_own(self) -> "TableColumns":
        names = list(self.model_dump(exclude_none=True).values())
        if twice := [name for place, name in enumerate(names) if name in names[:place]]:
            raise ValueError(f"the column {twice[0]} stands for two of these: name one for each")
        return self


class TitleColumns(Section):
    """The columns of a table of titles."""

    code: Text
    title: Text


class TableSource(Section):
    """Any corpus: a table of notes (parquet, feather, CSV) and a CSV of the titles of codes, in data/<corpus>/.

    Attributes:
        procedures: whether codes of the form of ICD-10-PCS are procedures; otherwise every code is a diagnosis.
    """

    reader: Literal["table"]
    notes: Text
    columns: TableColumns
    titles: Text
    title_columns: TitleColumns
    procedures: bool


Source = Annotated[MimicSource | CodiespSource | TableSource, Field(discriminator="reader")]


class Origins(Section):
    """Where a corpus's models come from, for who has to get them."""

    generator: Text
    encoder: Text


class Declaration(Section):
    """A corpus: how it is called and read, and what its parameters set otherwise than the sections do.

    Attributes:
        name: what the report calls it.
        description: what it is, as in "notes of …".
        language: a file of languages/.
        source: its reader and what that needs to know.
        access: where its files come from, for who has to get them.
        models: the same of its models.
        weights: coders to evaluate instead of training them, by training set and seed.
    """

    name: Text
    description: Text
    language: Name
    source: Source
    access: Text
    models: Origins
    corpus: dict[str, Any]
    finetune: dict[str, Any]
    generate: dict[str, Any]
    coding: dict[str, Any]
    questionnaire: dict[str, Any]
    weights: dict[TrainingSet, dict[int, str]]


DEVIATING = ("corpus", "finetune", "generate", "coding", "questionnaire")  # sections that a declaration can change
SHARED = {"coding": "real_l_validation"}  # by section: on which stages of all corpora depend


class Params(Section):
    """The whole of params.yaml."""

    corpora: Annotated[dict[Name, Declaration], Field(min_length=1)]
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

    def of(self, corpus: str) -> "Params":
        """The parameters with the values of one corpus in the place of those that its declaration sets otherwise.

        Raises:
            ValidationError: a section as the declaration changes it is not valid.
        """
        declaration = self.corpora[corpus]
        changed = {}
        for name in DEVIATING:
            section = getattr(self, name)
            values = section.model_dump()
            overlay(values, getattr(declaration, name))
            changed[name] = type(section).model_validate(values)
        return self.model_copy(update=changed)

    @model_validator(mode="after")
    def _fits_together(self) -> "Params":
        if others := set(self.noise.corpora) - set(self.corpora):
            raise ValueError(f"noise.corpora has {min(others)}, which corpora has not: take it out")
        for corpus, declaration in self.corpora.items():
            for section, name in SHARED.items():
                if name in getattr(declaration, section):
                    raise ValueError(f"corpora.{corpus}.{section}.{name}: one for all corpora, set it in {section}")
            try:
                self.of(corpus)
            except ValidationError as error:
                raise ValueError(f"corpora.{corpus} changes {error.title}: {_told(error)}") from None
            if missing := set(TRAINING_SETS) - set(declaration.weights):
                raise ValueError(f"corpora.{corpus}.weights lacks {min(missing)}: write {{}} where there are none")
            for training, of_seeds in declaration.weights.items():
                for seed in of_seeds.keys() - set(self.seeds_of(training)):
                    raise ValueError(
                        f"corpora.{corpus}.weights.{training} has the seed {seed}, with which none is trained"
                    )
        return self


def overlay(base: dict[str, Any], changes: dict[str, Any]) -> None:
    """Sets in `base`, at any depth, the values that `changes` holds; other keys stay as they are.

    Where `changes` has null in the place of a section, `base` loses it.
    """
    for key, value in changes.items():
        if value is None and isinstance(base.get(key), dict):
            del base[key]
        elif isinstance(value, dict) and isinstance(base.get(key), dict):
            overlay(base[key], value)
        else:
            base[key] = value


def validate(values: Any, where: str, kind: type[M]) -> M:
    """Validates the content of the parameter file `where`; a `UserError` names every offending key and its value."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{where}: {_told(error)}") from None


def _told(error: ValidationError) -> str:
    hints = {"list_type": ": write it in brackets, [a] or [a, b]", "dict_type": ", names with what belongs to each"}
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}{hints.get(e['type'], '')} (found {e['input']!r:.60})"
        for e in error.errors()
    )


def read(path: Path = Path("params.yaml")) -> Params:
    """Reads and validates a whole parameter file (YAML 1.2, as DVC reads it: `5e-5` is a number)."""
    return validate(read_yaml(path), str(path), Params)


def load(section: str, kind: type[T], corpus: str | None = None, path: Path = Path("params.yaml")) -> T:
    """Gives one section of params.yaml, of the type `kind`, after validating the whole file.

    Args:
        section: its name.
        kind: its type.
        corpus: with the values that this corpus's declaration sets otherwise; None: as the section stands there.
        path: the file.
    """
    values = read(path)
    return section_of(values if corpus is None else values.of(declared(corpus, values, path)), section, kind)


def declaration(corpus: str, path: Path = Path("params.yaml")) -> Declaration:
    """Gives what params.yaml declares of a corpus."""
    values = read(path)
    return values.corpora[declared(corpus, values, path)]


def declared(corpus: str, values: Params, path: Path) -> str:
    """Gives the name of a corpus that is declared; raises a `UserError` for another."""
    if corpus not in values.corpora:
        raise UserError(f"{path}: corpora declares no {corpus}, only {', '.join(values.corpora)}.")
    return corpus


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
