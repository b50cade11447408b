"""Whether data/ is whole and the machine large enough, before anything long runs: `make check`."""

import argparse
import gc
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from synthnotes.machinery import params
from synthnotes.machinery.files import UserError
from synthnotes.machinery.language import LANGUAGES
from synthnotes.machinery.model_folders import Role
from synthnotes.machinery.params import Params
from synthnotes.machinery.resources import Machine, read_resources, steps_of
from synthnotes.preflight import hardware, inventory
from synthnotes.preflight.estimates import GIB, Models, Needs, least
from synthnotes.preflight.inventory import Finding

WITHOUT_GPU = 3_000_000_000  # parameters: a larger generator would take months on a CPU
ASKED = (
    "machine.yaml asks for them (generate.tensor_parallel times data_parallel, finetune.processes, coding.processes)"
)


def main(folder: Path, params_file: Path, machine_file: Path) -> int:
    """Validates both parameter files, prints what is there, missing or too small; 1 if the run would fail over it."""
    try:
        settings, resources = params.read(params_file), read_resources(machine_file)
        for corpus in settings.corpora:
            tuning = settings.of(corpus).finetune
            steps_of(tuning.batch, resources.finetune.micro_batch, resources.finetune.processes)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{params_file}, {machine_file}: valid. Corpora to rebuild: {', '.join(settings.corpora)}.")
    wrong = 0
    for finding in check(folder, LANGUAGES, settings, resources):
        print(("! " if finding.stops else "  ") + finding.text, flush=True)
        wrong += finding.stops
    if wrong:
        print(f"{wrong} of these would make the run fail. (`make data` fills an empty {folder}/ with the demo's data.)")
    return 1 if wrong else 0


def check(folder: Path, languages: Path, settings: Params, resources: Machine) -> Iterator[Finding]:
    """Everything that can be said of a data folder and the machine without reading more than some notes."""
    yield from inventory.inspect(folder, settings)
    models: dict[str, Models] = {}
    for corpus in settings.corpora:
        models[corpus] = yield from inventory.inspect_corpus(folder, languages, settings, corpus)
    if not all(len(of_corpus) == len(get_args(Role)) for of_corpus in models.values()):
        yield Finding("disk, memory and GPUs: told once the models are there")
        return
    cards, taken = hardware.gpus(), hardware.size_of(folder)
    note_bytes = {
        corpus: sum(
            path.stat().st_size for path in inventory.note_files(folder / corpus, settings.corpora[corpus].source)
        )
        for corpus in models
    }
    needs = least(settings, resources, models, note_bytes, taken, bool(cards))
    yield from check_disks(folder, needs.disk)
    memory, asked = hardware.memory(), f"needs about {_gib(needs.memory)}"
    message = "not told by this system" if memory is None else _gib(memory)
    yield Finding(f"memory: {message}; {asked}", stops=memory is not None and memory < needs.memory)
    yield check_gpus(cards, needs, max(of_corpus["generator"].parameters for of_corpus in models.values()))


def check_disks(folder: Path, needed: int) -> Iterator[Finding]:
    """The disk of the project, and that of DVC's cache where it is another: it takes a copy of data/ and of build/."""
    project = folder.absolute().parent
    build, cache = project / "build", hardware.cache_of(project)
    built = (needed - hardware.size_of(folder)) // 2
    disks: dict[int, list[tuple[Path, Path, int]]] = {}
    for part, takes in ((build, built), (cache, needed - built)):
        there = next(above for above in (part, *part.parents) if above.exists())
        disks.setdefault(there.stat().st_dev, []).append((part, there, takes))
    for parts in disks.values():
        first, there, _ = parts[0]
        held, needs = sum(hardware.size_of(part) for part, _, _ in parts), sum(takes for _, _, takes in parts)
        free = shutil.disk_usage(there).free
        message = f"{_gib(free)} free, {_gib(held)} in use by earlier runs; needs about {_gib(needs)}"
        yield Finding(f"disk{f' of {first}' * (len(disks) > 1)}: {message}", stops=free + held < needs)


def check_gpus(cards: list[int | None], needs: Needs, parameters: int) -> Finding:
    """The GPUs, as `hardware.gpus` tells them, against what a generator of so many parameters needs."""
    if not cards:
        if needs.gpus > 1:
            return Finding(f"GPUs: none; {needs.gpus} are needed, {ASKED}", stops=True)
        if parameters > WITHOUT_GPU:
            return Finding(f"GPUs: none; one of {_gib(needs.gpu_memory)} is needed for a generator this large", True)
        return Finding("GPUs: none; the generator is small enough to go without")
    smallest = min((size for size in cards if size is not None), default=None)
    of = "a size that nvidia-smi does not tell" if smallest is None else _gib(smallest)
    message = f"GPUs: {len(cards)}, of {of}; {needs.gpus} needed, with about {_gib(needs.gpu_memory)} each"
    message += f"; {ASKED}" if len(cards) < needs.gpus else ""
    return Finding(message, stops=len(cards) < needs.gpus or (smallest is not None and smallest < needs.gpu_memory))


def _gib(size: int) -> str:
    return f"{size / GIB:,.1f} GiB"


if __name__ == "__main__":
    # Most of the check's time is that of imports. Transformers would import two packages for sampling and images, which
    # are not looked at; and what is imported stays.
    sys.modules["sklearn"] = sys.modules["scipy"] = None  # type: ignore[assignment]
    gc.disable()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--params-file", type=Path, default=Path("params.yaml"))
    parser.add_argument("--machine-file", type=Path, default=Path("machine.yaml"))
    arguments = parser.parse_args()
    raise SystemExit(main(arguments.data, arguments.params_file, arguments.machine_file))
