"""What a run needs of the machine, estimated from both parameter files and the files in data/, and what it has.

The estimates are lower bounds, in bytes, so that they refuse no run that would have ended well. P is the generator's
number of parameters, b the bytes that a parameter takes in the stage's precision, N the size of the corpus's notes as
they lie on disk (compressed to about a third).

Disk: for each corpus the merged generator (P b), a coder for each seed of each training set and for each kind of noise
(an encoder's weights each), records and note tables (about 4 N); all of it twice, since DVC keeps a copy in its cache;
and DVC's copy of data/. What build/ and the cache hold already is deducted.

Memory, the largest of: the corpus stage (the notes that stay, some times over, 3 N, and half a GiB); merging (P b and
a half); where there is no GPU, sampling (P b, the key-value cache that is asked for, and 1.5 GiB for the libraries);
training a coder, E being the encoder's number of parameters: the best epoch's weights (4 E) and, where there is no GPU,
weights, gradients and Adam's two moments (16 E), for each process.

Memory of each GPU, the largest of: sampling, P b over the GPUs in parallel and the key-value cache of one sequence of
full length, within the share of the GPU that may be used; fine-tuning, P b over the processes (whole without ZeRO-3)
and the logits of one step with their gradient (notes x tokens x vocabulary x 4 bytes, twice); training a coder, 16 E.
"""

import configparser
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthnotes.machinery.machine import Machine, steps_of
from synthnotes.machinery.model_folders import Skeleton, sizes_of
from synthnotes.machinery.sections import TRAINING_SETS, Params

GIB = 2**30
BYTES = {"float32": 4, "float": 4, "bfloat16": 2, "float16": 2}
COPIES = 4  # of a coder's weights in training: themselves, their gradients, Adam's two moments
WITHOUT_GPU = 3_000_000_000  # parameters: a larger generator would take months on a CPU


@dataclass(frozen=True)
class Model:
    """A base model's folder: number of parameters, and its sizes under LLaMA's names."""

    parameters: int
    config: dict[str, Any]

    def cache_per_token(self, precision: str) -> int:
        """Bytes of key-value cache that one token takes."""
        heads = self.config.get("num_attention_heads", 1)
        size = self.config.get("head_dim") or self.config.get("hidden_size", 0) // heads
        values = 2 * self.config.get("num_hidden_layers", 0) * self.config.get("num_key_value_heads", heads) * size
        return values * BYTES[precision]


@dataclass(frozen=True)
class Needs:
    """Bytes that a run needs: on disk, in memory, and on each of a number of GPUs."""

    disk: int
    memory: int
    gpu_memory: int
    gpus: int


def model_of(found: Skeleton) -> Model:
    """A model's number of parameters and sizes, from its folder's headers."""
    config = found.model.config
    return Model(found.parameters, sizes_of(config) | {"model_type": config.model_type})


def needs(
    params: Params,
    resources: Machine,
    models: dict[str, dict[str, Model]],
    note_bytes: dict[str, int],
    data_bytes: int,
    gpu: bool,
) -> Needs:
    """Estimates what a run needs, as the module's head says.

    Args:
        params: all parameters.
        resources: what machine.yaml asks for.
        models: per corpus the generator and the encoder.
        note_bytes: per corpus the size of the file of notes.
        data_bytes: the size of data/.
        gpu: whether the machine has a GPU.
    """
    merged, generate, finetune = BYTES[params.merge.precision], params.generate, params.finetune
    engine, tuner = resources.generate, resources.finetune
    sequences, _ = steps_of(finetune.batch, tuner.micro_batch, tuner.processes)
    trained = sum(len(params.seeds_of(training)) for training in TRAINING_SETS)
    disk, memory, gpu_memory = data_bytes, 0, 0
    for corpus, of_corpus in models.items():
        generator, encoder = of_corpus["generator"], of_corpus["encoder"]
        noise = params.noise
        noisy = len(noise.hypotheses) * len(noise.levels) * len(noise.seeds) if corpus in noise.corpora else 0
        coders = (trained + noisy) * encoder.parameters * BYTES["float32"]
        disk += 2 * (generator.parameters * merged + coders + 4 * note_bytes[corpus])
        weights = generator.parameters * BYTES[generate.precision]
        on_cpu = weights + engine.cpu_cache_gib * GIB + int(1.5 * GIB)
        merging = int(1.5 * generator.parameters * merged)
        preparing = GIB // 2 + 3 * note_bytes[corpus]
        coding = COPIES * BYTES["float32"] * encoder.parameters  # what notes take comes in addition
        kept = BYTES["float32"] * encoder.parameters
        memory = max(memory, preparing, merging, 0 if gpu else on_cpu)
        memory = max(memory, resources.coding.processes * (kept if gpu else coding + kept))
        cache = generator.cache_per_token(generate.precision) * generate.model_length[corpus]
        sampling = (weights // engine.tensor_parallel + cache) / max(engine.gpu_memory_share, 0.01)
        logits = sequences * finetune.max_length * generator.config.get("vocab_size", 0) * 4
        shards = tuner.processes if tuner.accelerate else 1
        tuning = generator.parameters * BYTES[finetune.precision] // shards + 2 * logits
        gpu_memory = max(gpu_memory, int(sampling), tuning, coding)
    side_by_side = engine.tensor_parallel * (engine.data_parallel if gpu else 1)  # engines share a machine without GPU
    return Needs(disk, memory, gpu_memory, max(side_by_side, tuner.processes, resources.coding.processes))


def gpus() -> list[int | None]:
    """The memory in bytes of each NVIDIA GPU that this process may use, as nvidia-smi tells it; empty if there is none.

    It is None where a GPU shares the machine's memory. nvidia-smi lists all GPUs, but CUDA_VISIBLE_DEVICES, which
    schedulers set, says which are this run's.
    """
    if not shutil.which("nvidia-smi"):
        return []
    query = ["nvidia-smi", "--query-gpu=uuid,memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    cards = [line.split(",") for line in told.splitlines() if line.startswith("GPU-")]
    sizes = {uuid.strip(): int(size) * 2**20 if size.strip().isdigit() else None for uuid, size in cards}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return list(sizes.values())
    found: list[int | None] = []
    for name in map(str.strip, visible.split(",")):
        if name.startswith("MIG-"):
            found.append(None)  # a slice of a GPU, whose size is another one
        elif name.isdigit() and int(name) < len(sizes):
            found.append([*sizes.values()][int(name)])
        elif name.startswith("GPU-") and (card := next((uuid for uuid in sizes if uuid.startswith(name)), None)):
            found.append(sizes[card])
        else:
            break  # as CUDA does: what follows a name that it does not know is not visible
    return found


def memory(meminfo: Path = Path("/proc/meminfo"), groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """The machine's memory in bytes, or a container's or job's limit where that is lower; None if neither is told."""
    known = []
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
        known += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal:")]
        joined = (meminfo.parent / "self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        joined = []  # not Linux
    # Each line is "number:controllers:group"; the limits of all groups above count, too. Version 1 has memory/ apart.
    parted = [line.split(":", 2) for line in joined]
    mine = [Path(group.lstrip("/")) for _, controllers, group in parted if {"", "memory"} & {*controllers.split(",")}]
    for above in {above for group in [Path(), *mine] for above in (group, *group.parents)}:
        for limit in (groups / above / "memory.max", groups / "memory" / above / "memory.limit_in_bytes"):
            try:
                text = limit.read_text(encoding="ascii").strip()
            except OSError:
                continue
            known += [int(text)] if text.isdigit() else []
    return min(known, default=None)


def cache_of(project: Path) -> Path:
    """The folder of DVC's cache: within the project, unless .dvc/config or .dvc/config.local names another."""
    config = configparser.ConfigParser(interpolation=None)
    config.read([project / ".dvc" / name for name in ("config", "config.local")], encoding="utf-8")
    return project / ".dvc" / config.get("cache", "dir", fallback="cache").strip("\"'")


def size_of(folder: Path) -> int:
    """The size of all files below a folder in bytes; 0 where there is none."""
    paths = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return sum(path.stat().st_size for path in paths if path.is_file())
