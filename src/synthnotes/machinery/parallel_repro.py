"""Parallel runs: `dvc repro` with several stages at once.

DVC runs one stage after another, but allows several processes at once, each with a stage of its own. So this starts
`dvc repro --single-item` for every stage that is out of date, as soon as the stages before it are done and there
is room. What a stage computes does not depend on its neighbours: every stage has one thread, unless the user's
`OMP_NUM_THREADS` says otherwise.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import networkx
import psutil
from dvc.repo import Repo
from dvc.stage import Stage

from synthnotes.machinery.files import UserError
from synthnotes.machinery.progress import Bar, reporting

MEMORY_PER_STAGE = 3 * 2**30  # bytes: what the demo's hungriest stage, sampling, takes, and some more
TAIL = 30  # last lines of a failed stage's output that are shown
REPRO = ("dvc", "--wait-for-lock", "repro", "--single-item")


def plan() -> networkx.DiGraph:
    """Asks DVC which stages of the project in the current folder are out of date; what follows on them is, too.

    Returns:
        Their names, the most urgent first, with an edge from every stage to each that reads what it writes.
    """
    repo = Repo(_wait_for_lock=True)
    with repo.lock:
        readers = repo.index.graph.reverse()
        changed = [stage for stage in readers if stage.changed()]
        stale = set(changed).union(*(networkx.descendants(readers, stage) for stage in changed))
        sizes = {stage.addressing: _bytes_read(stage) for stage in stale}
    graph = networkx.relabel_nodes(readers.subgraph(stale), {stage: stage.addressing for stage in stale})
    return by_urgency(graph, sizes)


def by_urgency(graph: networkx.DiGraph, sizes: dict[str, int]) -> networkx.DiGraph:
    """Puts the stages in order: the longest way to the end first, then by bytes read, the best guess at their time."""
    way = dict.fromkeys(graph, 0)
    for stage in reversed(list(networkx.topological_sort(graph))):
        way[stage] = max((way[reader] + 1 for reader in graph.successors(stage)), default=0)
    ordered = networkx.DiGraph()
    ordered.add_nodes_from(sorted(graph, key=lambda stage: (-way[stage], -sizes[stage], stage)))
    ordered.add_edges_from(graph.edges)
    return ordered


def count_jobs(memory: int, cores: int, gpu: bool) -> int:
    """How many stages may run at once: one for a GPU, which its stages would share, else by cores and bytes free."""
    return 1 if gpu else max(1, min(cores, memory // MEMORY_PER_STAGE))


def run(todo: networkx.DiGraph, jobs: int, logs: Path) -> None:
    """Runs stages, at most `jobs` at once, and shows the summary that each of them ends with.

    Args:
        todo: the stages, the most urgent first, as `plan` gives them.
        jobs: at most so many at once.
        logs: folder that gets one file per stage with all that the stage printed.

    Raises:
        UserError: a stage failed. The stages beside it were allowed to finish, no other was begun.
    """
    logs.mkdir(parents=True, exist_ok=True)
    before = {stage: todo.in_degree(stage) for stage in todo}  # stages that each one waits for
    running: dict[str, subprocess.Popen] = {}
    failed: list[str] = []
    with Bar(total=len(todo), unit="stage") as bar:
        while running or (before and not failed):
            ready = [stage for stage, count in before.items() if not count]
            for stage in ready[: 0 if failed else jobs - len(running)]:
                del before[stage]
                running[stage] = _start(stage, logs)
            bar.set_description(", ".join(running))
            time.sleep(0.1)
            for stage in [stage for stage, process in running.items() if process.poll() is not None]:
                if running.pop(stage).returncode:
                    failed.append(stage)
                    continue
                bar.write(f"{stage}: {_summary(logs / f'{stage}.log')}")
                bar.update()
                for reader in todo.successors(stage):
                    before[reader] -= 1
    if failed:
        shown = "\n".join(line for stage in failed for line in _lines(logs / f"{stage}.log")[-TAIL:])
        raise UserError(f"{', '.join(failed)} failed:\n{shown}\nMend it and run the same command again.")


def _start(stage: str, logs: Path) -> subprocess.Popen:
    with (logs / f"{stage}.log").open("wb") as log:
        return subprocess.Popen((*REPRO, stage), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)


def _lines(log: Path) -> list[str]:
    """The lines of a log; of a progress bar, which returns to the line's start, only the last state."""
    return [line.rpartition("\r")[2] for line in log.read_text(errors="replace").split("\n") if line.strip()]


def _summary(log: Path) -> str:
    """The line with which a stage ended, if it was run at all."""
    lines = [line.partition(": ")[2] for line in _lines(log) if line.endswith(" s)") and ": " in line]
    return lines[-1] if lines else "unchanged"


def _bytes_read(stage: Stage) -> int:
    """Bytes of a stage's inputs, as far as they are there yet."""
    paths = [Path(dependency.fs_path) for dependency in stage.deps if dependency.protocol == "local"]
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*"))]
    return sum(file.stat().st_size for file in files if file.is_file())


def main() -> None:
    """Runs the pipeline's stages side by side. With one at a time it does nothing: that is what `dvc repro` does."""
    parser = argparse.ArgumentParser(prog="python -m synthnotes.machinery.parallel_repro", description=main.__doc__)
    cores = len(os.sched_getaffinity(0))
    count = count_jobs(psutil.virtual_memory().available, cores, gpu=shutil.which("nvidia-smi") is not None)
    parser.add_argument("--jobs", type=int, default=count, help=f"stages at once (by cores, memory and GPU: {count})")
    parser.add_argument("--logs", type=Path, required=True, help="folder for what each stage prints")
    options = parser.parse_args()
    jobs = options.jobs
    if jobs < 1:
        parser.error(f"--jobs {jobs}: at least 1")
    try:
        if jobs > 1 and (todo := plan()):
            print(f"{len(todo)} stages, {jobs} at once; each one's own words: {options.logs}/<stage>.log", flush=True)
            with reporting("repro"):
                run(todo, jobs, options.logs)
    except UserError as error:
        print(f"parallel_repro: error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
