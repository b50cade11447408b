"""Configurations: files that hold some of the values, merged into `params.yaml` or `machine.yaml`.

`python -m synthnotes.machinery.configure params.yaml configs/paper.yaml` sets the paper's scale, and
`python -m synthnotes.machinery.configure machine.yaml configs/machine/two-gpus.yaml` its machine (`make paper`).
"""

import sys
from pathlib import Path

from ruamel.yaml import YAML

from synthnotes.machinery import params
from synthnotes.machinery.files import UserError, read_yaml, replacing
from synthnotes.machinery.params import Params, overlay
from synthnotes.machinery.resources import Machine


def merge(path: Path, configuration: Path) -> None:
    """Merges a configuration into the file `path`, keeping its comments; an invalid result is not written.

    A section, such as a corpus, that the configuration sets to null is taken out.
    """
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


if __name__ == "__main__":
    try:
        merge(Path(sys.argv[1]), Path(sys.argv[2]))
    except UserError as error:
        raise SystemExit(f"configure: error: {error}") from None
    print(f"{sys.argv[1]} now holds the values of {sys.argv[2]}. `git diff {sys.argv[1]}` shows what changed.")
