"""Parameters: `params.yaml`, read and validated.

`load("coding", CodingParams)` gives the section of one stage, and validates the whole file first, so that a mistake in
the last section is found before the first stage has run for a day.
"""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from synthnotes.machinery import kinds
from synthnotes.machinery.files import UserError, refuse_bomb, require, unreadable
from synthnotes.machinery.sections import TRAINING_SETS, Params

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


def validate(values: Any, where: str, kind: type[M]) -> M:
    """Validates the content of a parameter file.

    Args:
        values: what the YAML file holds.
        where: the file's name, for messages.
        kind: the type of the whole file.

    Raises:
        UserError: names every offending key, what was found and what was expected.
    """
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
    return validate(parse(path, YAML(typ="safe", pure=True)), str(path), Params)


def parse(path: Path, reader: YAML) -> Any:
    """Gives the content of a parameter file as a YAML reader sees it.

    Raises:
        UserError: the file is missing, empty, not valid YAML, or its aliases stand for too many values.
    """
    require(path)
    try:
        values = reader.load(path)
    except MarkedYAMLError as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{path}{where}: not valid YAML: {error.problem or error.context}.") from None
    except Exception:  # the reader's own defects too: damaged text ends in a dozen kinds of error
        raise unreadable(path, kinds.TEXT, "not valid YAML. Expected UTF-8 text of keys and values.") from None
    refuse_bomb(values, str(path))
    return values


def load(section: str, kind: type[T], path: Path = Path("params.yaml")) -> T:
    """Gives one section of params.yaml, of the type `kind`, after validating the whole file."""
    found = getattr(read(path), section)
    if not isinstance(found, kind):
        raise TypeError(f"the section {section} is a {type(found).__name__}, not a {kind.__name__}")
    return found


def load_seeds(path: Path = Path("params.yaml")) -> dict[str, list[int]]:
    """Gives the seeds of the coders of each training set, from `seeds` and `larger_seeds`."""
    found = read(path)
    return {training: found.seeds_of(training) for training in TRAINING_SETS}
