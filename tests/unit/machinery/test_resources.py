"""Exhausted memory, as PyTorch, vLLM, NumPy and Python tell it, becomes the parameter to lower; nothing else does."""

import inspect
import sys

import numpy as np
import pytest
import torch

from synthnotes.machinery import cli, resources

SECRET = "pneumonectomized"


def cuda():
    raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate 2.00 GiB. {SECRET}")


def caused():
    try:
        cuda()
    except torch.OutOfMemoryError as error:
        raise RuntimeError("a process of the pool has failed") from error


def engine():
    raise ValueError("No available memory for the cache blocks. Try increasing `gpu_memory_utilization`.")


def cpu():
    torch.empty(2**55)


def array():
    np.empty(2**55)


EXHAUSTED = [cuda, caused, engine, cpu, array]


def run(stage, raising, monkeypatch, capsys):
    def main() -> str:
        raising()
        return ""

    monkeypatch.setattr(inspect, "getfile", lambda _: f"{stage}.py")
    monkeypatch.setattr(sys, "argv", [stage])
    with pytest.raises(SystemExit):
        cli.run(main)
    return capsys.readouterr().err


@pytest.mark.parametrize("raising", EXHAUSTED, ids=lambda raising: raising.__name__)
@pytest.mark.parametrize(
    ("stage", "named"),
    [
        ("finetune", r"machine.yaml: memory is too small. Lower finetune.micro_batch, now 16, or set gradient_check"),
        ("coding", "machine.yaml: memory is too small. Lower coding.micro_batch, now 4, or"),
        ("noise", "machine.yaml: memory is too small. Lower coding.micro_batch, now 4, or"),
        ("variants", "machine.yaml: memory is too small. Lower generate.concurrent_sequences, now 256, or"),
        ("privacy", "machine.yaml: memory is too small. Lower privacy.memory_gib, now 2.0, or"),
        ("merge", "memory is too small for this stage. Run fewer stages at once"),
    ],
)
def test_memory_that_is_too_small_names_the_parameter_to_lower(
    stage, named, raising, monkeypatch, capsys, record_property
):
    told = run(stage, raising, monkeypatch, capsys)
    record_property("says", told)
    assert told.startswith(f"{stage}: error: {named}")
    assert len(told.splitlines()) == 1
    assert SECRET not in told


def test_without_machine_yaml_the_parameter_is_named_all_the_same(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert "Lower coding.micro_batch, or" in run("coding", cuda, monkeypatch, capsys)


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA error: illegal memory access"), ValueError("memory"), KeyError(1)]
)
def test_other_errors_stay_defects(error):
    assert resources.advise("coding", error) is None


def test_every_stage_of_machine_yaml_is_known():
    from synthnotes.machinery.resources import Machine

    for section, name, _ in resources.LOWER.values():
        assert name in Machine.model_fields[section].annotation.model_fields
