"""GPUs and memory, as far as a scheduler or a container leaves them to this process."""

import pytest

from synthnotes.preflight import hardware
from synthnotes.preflight.estimates import GIB


def test_memory_is_the_lower_of_machine_and_container(tmp_path):
    meminfo, groups = tmp_path / "meminfo", tmp_path / "cgroup"
    assert hardware.memory(meminfo, groups) is None
    meminfo.write_text("MemTotal:       16000000 kB\nMemFree:  1 kB\n")
    groups.mkdir()
    (groups / "memory.max").write_text("max\n")
    assert hardware.memory(meminfo, groups) == 16_000_000 * 1024
    (groups / "memory.max").write_text(f"{4 * GIB}\n")
    assert hardware.memory(meminfo, groups) == 4 * GIB


@pytest.mark.parametrize(
    ("told", "limit"),
    [
        ("0::/slurm/job_7/step_0", "slurm/job_7/memory.max"),  # a scheduler's, above that of the process
        ("0::/user.slice", "user.slice/memory.max"),
        ("11:cpu,cpuacct:/\n4:memory:/docker/7f", "memory/docker/7f/memory.limit_in_bytes"),  # version 1
        ("4:memory:/docker/7f", "memory/memory.limit_in_bytes"),  # version 1, as a container sees itself
        ("0::/../..", "memory.max"),
    ],
)
def test_the_limit_of_a_job_counts_wherever_it_is_kept(tmp_path, told, limit):
    (tmp_path / "self").mkdir()
    (tmp_path / "self/cgroup").write_text(f"{told}\n")
    (tmp_path / "meminfo").write_text("MemTotal:       16000000 kB\n")
    path = tmp_path / "groups" / limit
    path.parent.mkdir(parents=True)
    for content, expected in ((f"{4 * GIB}\n", 4 * GIB), ("9223372036854771712\n", 16_000_000 * 1024)):
        path.write_text(content)
        assert hardware.memory(tmp_path / "meminfo", tmp_path / "groups") == expected


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Lets a script speak for nvidia-smi."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def write(*lines):
        tool = tmp_path / "nvidia-smi"
        tool.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
        tool.chmod(0o755)

    return write


def test_gpus_as_nvidia_smi_tells_them(nvidia_smi):
    assert hardware.gpus() == []
    nvidia_smi("echo GPU-1a2b, 81559", "echo GPU-3c4d, 143771")
    assert hardware.gpus() == [81559 * 2**20, 143771 * 2**20]
    nvidia_smi("echo GPU-1a2b, [N/A]")
    assert hardware.gpus() == [None]
    nvidia_smi("echo no driver", "exit 9")
    assert hardware.gpus() == []
    nvidia_smi("echo No devices were found")
    assert hardware.gpus() == []


@pytest.mark.parametrize(
    ("visible", "sizes"),
    [
        ("", []), ("-1", []), ("NoDevFiles", []), ("0", [1]), ("1,0", [2, 1]), ("0, 1", [1, 2]), ("0,9,1", [1]),
        ("GPU-3c", [2]), ("GPU-1a2b,GPU-3c4d", [1, 2]), ("MIG-77", [None]),
    ],
)  # fmt: skip
def test_only_gpus_that_a_scheduler_has_given_count(nvidia_smi, monkeypatch, visible, sizes):
    nvidia_smi("echo GPU-1a2b, 1", "echo GPU-3c4d, 2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert hardware.gpus() == [size and size * 2**20 for size in sizes]
