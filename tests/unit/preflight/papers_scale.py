"""The paper's parameters, its two GPUs, and the shape of the generator that it tunes."""

from pathlib import Path

import yaml

from synthnotes.machinery import configure, params
from synthnotes.machinery.params import Params
from synthnotes.machinery.resources import Machine
from synthnotes.preflight.estimates import Architecture

ROOT = Path(__file__).parents[3]


def merged(name, configuration, kind):
    values = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    configure.overlay(values, yaml.safe_load((ROOT / configuration).read_text(encoding="utf-8")))
    return params.validate(values, configuration, kind)


PAPER = merged("params.yaml", "configs/paper.yaml", Params)
TWO_GPUS = merged("machine.yaml", "configs/machine/two-gpus.yaml", Machine)
LLAMA_8B = Architecture(
    parameters=8_030_261_248, layers=32, hidden=4096, queries=4096, keys=1024, inner=14_336, vocabulary=128_256
)


def changed(whole, section, **values):
    """Parameters, or a machine's, with other values in one section."""
    return whole.model_copy(update={section: getattr(whole, section).model_copy(update=values)})
