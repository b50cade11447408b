"""Resources: `machine.yaml`, how results are computed here. Nothing in it decides a number: no stage depends on it.

`load_resources("coding", CodingMachine)` gives what one stage may take of this machine, after validating the whole
file. What a value means stands beside it in machine.yaml.
"""

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import model_validator

from synthnotes.machinery import params
from synthnotes.machinery.files import UserError, read_yaml
from synthnotes.machinery.params import Positive, Rate, Section, Share

T = TypeVar("T", bound=Section)


class FinetuneMachine(Section):
    """Fine-tuning: how much at once, on how many devices, and how often it is saved."""

    micro_batch: Positive
    processes: Positive
    accelerate: Literal["single", "ddp", "fsdp", "zero3"] | None
    gradient_checkpointing: bool
    checkpoint_steps: Positive
    threads: Positive

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
    threads: Positive


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
    """Reads and validates the file.

    Raises:
        UserError: it is missing, not valid YAML, or holds a value that is none; names every offending key.
    """
    return params.validate(read_yaml(path), str(path), Machine)


def load_resources(section: str, kind: type[T], path: Path = Path("machine.yaml")) -> T:
    """Gives one section, of the type `kind`."""
    found = getattr(read_resources(path), section)
    if not isinstance(found, kind):
        raise TypeError(f"the section {section} is a {type(found).__name__}, not a {kind.__name__}")
    return found


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
