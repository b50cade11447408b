"""What every benchmark shares: a measurement in a process of its own, and the machine on which it was taken."""

import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def describe() -> dict[str, str | int | float]:
    """CPU model, cores that this process may use, memory in GiB, Python."""
    model = platform.processor()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
    }


def in_child(script: str, *words: str) -> dict[str, Any]:
    """Runs `script` with the words as arguments in a process of its own, and adds what it used at most.

    Returns:
        What the child printed as JSON in its last line, and peak_gib, its largest resident memory.
    """
    done = subprocess.run([sys.executable, script, *words], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def report(measured: dict[str, Any]) -> None:
    """Ends a child: prints what it measured for `in_child`, with its peak memory where it has not measured another."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # KiB on Linux
    print(json.dumps({"peak_gib": peak} | measured))


def save(topic: str, results: dict[str, Any]) -> None:
    """Writes the results beside the machine's description to results/<topic>.json."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"machine": describe(), **results}, indent=2)
    (RESULTS / f"{topic}.json").write_text(text + "\n", encoding="utf-8")


def main(topic: str, child: Callable[..., dict[str, Any]], parent: Callable[[], dict[str, Any]]) -> None:
    """The command line of a benchmark: without arguments the whole of it, with arguments one child's measurement."""
    if len(sys.argv) > 1:
        report(child(*sys.argv[1:]))
    else:
        print(", ".join(f"{name} {value}" for name, value in describe().items()))
        save(topic, parent())
