"""Resources: `machine.yaml`, how results are computed here. Nothing in it decides a number: no stage depends on it.

`load_resources("coding", CodingMachine)` gives what one stage may take of this machine, after validating the whole
file. What a value means stands beside it in machine.yaml. Where PyTorch, vLLM or NumPy run out of memory, `advise`
names the value to lower; where a section asks for several processes, `launch` has accelerate start them.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import model_validator

from synthnotes.machinery import params, progress, redaction
from synthnotes.machinery.files import UserError, read_yaml, require
from synthnotes.machinery.params import Positive, Rate, Section, Share

T = TypeVar("T", bound=Section)
# What to change, by stage: the sections and values of machine.yaml that decide how much is held at once.
_SAMPLING = ("generate", "concurrent_sequences", "or gpu_memory_share, or raise tensor_parallel")
_CODER = ("coding", "micro_batch", "or coding.chunk_tokens or max_words in params.yaml")
_SEARCH = ("privacy", "memory_gib", "or run fewer stages at once")
LOWER = {
    "finetune": ("finetune", "micro_batch", "or set gradient_checkpointing, or accelerate: zero3"),
    **dict.fromkeys(("generate", "variants"), _SAMPLING),
    **dict.fromkeys(("coding", "noise", "ablation"), _CODER),
    **dict.fromkeys(("privacy", "detection"), _SEARCH),
}
LAUNCHED = "SYNTHNOTES_LAUNCHED"  # set in the processes that accelerate starts, which must not start others
OUT = ("OutOfMemoryError", "MemoryError")  # torch.OutOfMemoryError, and Python's and NumPy's own
# Others raise an error of another type; vLLM does so before it reads a prompt.
SAY_OUT = (
    "CUDA out of memory",
    "can't allocate memory",  # PyTorch's allocator on a CPU
    "CUBLAS_STATUS_ALLOC_FAILED",
    "No available memory for the cache blocks",
    "less than desired GPU memory utilization",
    "is larger than the maximum number of tokens that can be stored in KV cache",
    "KV cache is needed, which is larger than the available KV cache memory",
)


class FinetuneMachine(Section):
    """Fine-tuning: how much at once, on how many devices, and how often it is saved."""

    micro_batch: Positive
    processes: Positive
    accelerate: Literal["single", "ddp", "fsdp", "zero3"] | None
    gradient_checkpointing: bool
    checkpoint_steps: Positive
    threads: Positive | None

    @model_validator(mode="after")
    def _processes_have_their_configuration(self) -> "FinetuneMachine":
        if (self.processes > 1) != (self.accelerate in ("ddp", "fsdp", "zero3")):
            raise ValueError("accelerate must be ddp, fsdp or zero3 for several processes, single or null for 1")
        return self


class GenerateMachine(Section):
    """Sampling: engines, their GPUs and their memory."""

    concurrent_sequences: Positive
    tensor_parallel: Positive
    data_parallel: Positive
    cpu_cache_gib: Positive
    gpu_memory_share: Share
    prompts_per_shard: Positive


class CodingMachine(Section):
    """Coders: how many notes at once, in how many processes."""

    micro_batch: Positive
    processes: Positive
    threads: Positive | None


class PrivacyMachine(Section):
    """The searches for overlap."""

    memory_gib: Rate


class Machine(Section):
    """The whole of machine.yaml."""

    finetune: FinetuneMachine
    generate: GenerateMachine
    coding: CodingMachine
    privacy: PrivacyMachine


def read_resources(path: Path = Path("machine.yaml")) -> Machine:
    """Reads and validates the file."""
    return params.validate(read_yaml(path), str(path), Machine)


def count_threads(threads: int | None) -> int:
    """The threads that a section asks for; None: as many as this process may use cores."""
    return threads or len(os.sched_getaffinity(0))


def load_resources(section: str, kind: type[T], path: Path = Path("machine.yaml")) -> T:
    """Gives one section, of the type `kind`."""
    return params.section_of(read_resources(path), section, kind)


def steps_of(batch: int, micro_batch: int, processes: int = 1, where: str = "finetune") -> tuple[int, int]:
    """Divides the batch of one update into steps of equal size, as large as memory allows.

    Args:
        batch: notes or sequences per update, over all processes.
        micro_batch: the most that a process may take at once.
        processes: how many share the batch.
        where: the section, for messages.

    Returns:
        Sequences per step and process, the greatest divisor of a process's share up to `micro_batch`, and steps per
        update.

    Raises:
        UserError: the processes cannot share the batch equally.
    """
    share, rest = divmod(batch, processes)
    if rest or not share:
        raise UserError(
            f"machine.yaml: {where}.processes: {processes} processes cannot share the {batch} of {where}.batch "
            "equally. Choose a number that divides it."
        )
    size = max(size for size in range(1, min(share, micro_batch) + 1) if share % size == 0)
    return size, share // size


def is_exhausted(error: BaseException) -> bool:
    """Whether an error, or one that caused it, says that memory was too small."""
    return any(
        any(kind.__name__.endswith(OUT) for kind in type(one).__mro__) or any(words in str(one) for words in SAY_OUT)
        for one in redaction.chain(error)
    )


def advise(stage: str, error: BaseException) -> str | None:
    """What to change where a stage's error, which may quote notes and is not told, says that memory was too small."""
    if not is_exhausted(error):
        return None
    if stage not in LOWER:
        return "memory is too small for this stage. Run fewer stages at once (JOBS=1), or take a larger machine."
    section, name, others = LOWER[stage]
    try:
        now = f", now {getattr(getattr(read_resources(), section), name)}"
    except UserError:
        now = ""
    return f"machine.yaml: memory is too small. Lower {section}.{name}{now}, {others}; finished work is kept."


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
    """Gives the command that runs a module with its options in several processes, as a file of accelerate says."""
    require(config)
    counts = ["--num_processes", str(processes), "--num_machines", "1"]
    launcher = [sys.executable, "-m", "accelerate.commands.launch"]
    return [*launcher, "--config_file", str(config), *counts, "--module", module, *options]


def launch(command: list[str], stage: str) -> None:
    """Runs it; raises a `UserError` if one of the processes failed, which has told why."""
    progress.leave_to_others()
    if subprocess.run(command, check=False, env=os.environ | {LAUNCHED: "1"}).returncode:
        raise UserError(f"{stage}: training failed in one of its processes, see above.")
