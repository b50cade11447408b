"""Launching: fine-tuning in the processes that `finetune.processes` and `finetune.accelerate_config` ask for."""

import os
import subprocess
import sys
from pathlib import Path

from synthnotes.files import UserError, require
from synthnotes.sections import FinetuneParams

LAUNCHED = "SYNTHNOTES_LAUNCHED"  # set in the processes that accelerate starts, which must not start others


def check_processes(settings: FinetuneParams, gpus: int) -> None:
    """Refuses more processes than GPUs, DeepSpeed without any, and several GPUs of which nobody says how to use them.

    Without a GPU, several processes train on the CPU, by DDP or FSDP over gloo: slow, but the same code.

    Raises:
        UserError: names the parameters.
    """
    config, processes = settings.accelerate_config, settings.processes
    if gpus and processes > gpus:
        raise UserError(f"finetune.processes: {processes} GPUs are needed, {gpus} are present. Lower it.")
    if not gpus and config == "zero3":
        raise UserError("finetune.accelerate_config: zero3 needs GPUs, none is present. Take ddp or fsdp.")
    if gpus > 1 and config is None:
        raise UserError(
            f"finetune.accelerate_config: {gpus} GPUs are present. Say how to use them: single for the first alone, "
            "or ddp, fsdp or zero3 with finetune.processes."
        )


def must_launch(settings: FinetuneParams) -> bool:
    """Whether accelerate has to start this program again; not in the processes that it has started."""
    return settings.accelerate_config is not None and LAUNCHED not in os.environ


def launch_command(settings: FinetuneParams, configs: Path, module: str, options: list[str]) -> list[str]:
    """Gives the command that runs a module in several processes, one per GPU.

    Args:
        settings: `processes` of them, in the way that `accelerate_config` names.
        configs: the folder of accelerate's configuration files, one per way.
        module: the module, as `python -m` takes it.
        options: its command line.
    """
    config = configs / f"{settings.accelerate_config}.yaml"
    require(config)
    counts = ["--num_processes", str(settings.processes), "--num_machines", "1"]
    launcher = [sys.executable, "-m", "accelerate.commands.launch"]
    return [*launcher, "--config_file", str(config), *counts, "--module", module, *options]


def launch(command: list[str]) -> None:
    """Runs it.

    Raises:
        UserError: one of the processes failed; it has told why.
    """
    if subprocess.run(command, check=False, env=os.environ | {LAUNCHED: "1"}).returncode:
        raise UserError("finetune: training failed in one of its processes, see above.")
