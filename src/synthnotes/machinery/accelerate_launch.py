"""Launching: a stage in the several processes that its section of machine.yaml asks for, started by accelerate."""

import os
import subprocess
import sys
from pathlib import Path

from synthnotes.machinery import progress
from synthnotes.machinery.files import UserError, require

LAUNCHED = "SYNTHNOTES_LAUNCHED"  # set in the processes that accelerate starts, which must not start others


def launched() -> bool:
    """Whether this is one of the processes that accelerate has started."""
    return LAUNCHED in os.environ


def check_processes(section: str, processes: int, way: str | None, gpus: int) -> None:
    """Refuses more processes than GPUs, DeepSpeed without any, and several GPUs of which nobody says how to use them.

    Without a GPU, several processes train on the CPU, by DDP or FSDP over gloo: slow, but the same code.

    Args:
        section: of machine.yaml, for messages.
        processes: how many are asked for.
        way: the name of a configuration of accelerate, or None to train in the stage's own process.
        gpus: how many there are.

    Raises:
        UserError: names the values.
    """
    if gpus and processes > gpus:
        raise UserError(
            f"machine.yaml: {section}.processes: {processes} GPUs are needed, {gpus} are present. Lower it."
        )
    if not gpus and way == "zero3":
        raise UserError(f"machine.yaml: {section}.accelerate: zero3 needs GPUs, none is present. Take ddp or fsdp.")
    if gpus > 1 and way is None:
        raise UserError(
            f"machine.yaml: {section}.accelerate: {gpus} GPUs are present. Say how to use them: single for the first "
            f"alone, or ddp, fsdp or zero3 with {section}.processes."
        )


def launch_command(config: Path, processes: int, module: str, options: list[str]) -> list[str]:
    """Gives the command that runs a module in several processes, one per GPU.

    Args:
        config: a configuration file of accelerate.
        processes: how many.
        module: the module, as `python -m` takes it.
        options: its command line.
    """
    require(config)
    counts = ["--num_processes", str(processes), "--num_machines", "1"]
    launcher = [sys.executable, "-m", "accelerate.commands.launch"]
    return [*launcher, "--config_file", str(config), *counts, "--module", module, *options]


def launch(command: list[str], stage: str) -> None:
    """Runs it.

    Raises:
        UserError: one of the processes failed; it has told why.
    """
    progress.leave_to_others()
    if subprocess.run(command, check=False, env=os.environ | {LAUNCHED: "1"}).returncode:
        raise UserError(f"{stage}: training failed in one of its processes, see above.")
