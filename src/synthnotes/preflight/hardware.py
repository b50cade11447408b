"""What the machine has: GPUs, memory, and the disks of the project, as far as this process may use them."""

import configparser
import os
import shutil
import subprocess
from pathlib import Path


def gpus() -> list[int | None]:
    """The memory in bytes of each NVIDIA GPU that this process may use, as nvidia-smi tells it; empty if there is none.

    It is None where a GPU shares the machine's memory. nvidia-smi lists all GPUs, but CUDA_VISIBLE_DEVICES, which
    schedulers set, says which are this run's.
    """
    if not shutil.which("nvidia-smi"):
        return []
    query = ["nvidia-smi", "--query-gpu=uuid,memory.total", "--format=csv,noheader,nounits"]
    try:
        message = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    cards = [line.split(",") for line in message.splitlines() if line.startswith("GPU-")]
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
