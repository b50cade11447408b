"""Parameters: `params.yaml`, read and validated.

`load("coding")` gives the section of one stage, and validates the whole file first, so that a mistake in the last
section is found before the first stage has run for a day.
"""

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from synthnotes.files import UserError, require
from synthnotes.sections import Params


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
