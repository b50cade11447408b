"""Configurations: files that hold some of the values, merged into `params.yaml` or `machine.yaml`.

`python -m synthnotes.machinery.configure params.yaml configs/paper.yaml` sets the paper's scale, and
`python -m synthnotes.machinery.configure machine.yaml configs/machine/two-gpus.yaml` its machine (`make paper`).
"""

import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from synthnotes.machinery import params
from synthnotes.machinery.files import UserError, read_yaml, replacing
from synthnotes.machinery.params import Params
from synthnotes.machinery.resources import Machine


def merge(path: Path, configuration: Path) -> None:
    """Merges a configuration into the file `path`, keeping its comments; an invalid result is not written."""
    kind = Machine if path.name == "machine.yaml" else Params
    editor = YAML()
    editor.width = 160
    for file in (path, configuration):  # by the safe reader first: the editor would keep tags and pass them on
        if not isinstance(read_yaml(file), dict):
            raise UserError(f"{file}: expected sections with their parameters, such as `coding:`.")
    values = read_yaml(path, editor)
    overlay(values, read_yaml(configuration, editor))
    with replacing(path) as temporary:
        editor.dump(values, temporary)
        params.validate(YAML(typ="safe", pure=True).load(temporary), str(configuration), kind)


def overlay(base: dict[str, Any], changes: dict[str, Any]) -> None:
    """Sets in `base`, at any depth, the values that `changes` holds; other keys stay as they are."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            overlay(base[key], value)
        else:
            base[key] = value


if __name__ == "__main__":
    try:
        merge(Path(sys.argv[1]), Path(sys.argv[2]))
    except UserError as error:
        raise SystemExit(f"configure: error: {error}") from None
    print(f"{sys.argv[1]} now holds the values of {sys.argv[2]}. `git diff {sys.argv[1]}` shows what changed.")
