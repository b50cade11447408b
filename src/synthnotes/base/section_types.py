"""What sections of `params.yaml` are made of: strict models, ranges of numbers, and values that differ by corpus."""

from typing import Annotated, Generic, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")
Corpus = Literal["mimic", "sepr"]
Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[int, Field(gt=0, le=100)]
Rate = Annotated[float, Field(gt=0)]
Level = Annotated[float, Field(gt=0, lt=1)]
Precision = Literal["float32", "bfloat16"]
TrainingSet = Literal["real_l", "real_s", "synthetic_s", "real_and_synthetic_s", "synthetic_s_all"]
TRAINING_SETS: tuple[TrainingSet, ...] = get_args(TrainingSet)  # note tables from which a coder learns, see notes.py


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
