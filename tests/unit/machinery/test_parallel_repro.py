"""Stages side by side: in the right order, really at once, and not one more after a failure."""

import subprocess
import sys

import networkx
import pytest

from synthnotes.machinery import parallel_repro
from synthnotes.machinery.files import UserError

GIB = 2**30
MEET = """import pathlib, sys, time
mine, other = map(pathlib.Path, sys.argv[1:])
mine.write_text("here")
until = time.time() + 60
while not other.exists():
    assert time.time() < until, "the other stage does not run at the same time"
    time.sleep(0.05)
print("meet: met the other (1.0 s)")
"""


def graph(*edges, sizes):
    made = networkx.DiGraph(edges)
    made.add_nodes_from(sizes)
    return parallel_repro.by_urgency(made, sizes)


def test_the_longest_way_comes_first_and_then_the_largest_input():
    sizes = {"corpus": 9, "finetune": 1, "noise": 5, "report": 7, "coding-l": 3, "coding-s": 4}
    todo = graph(
        ("corpus", "finetune"), ("finetune", "coding-s"), ("corpus", "coding-l"), ("corpus", "noise"),
        ("coding-l", "report"), ("coding-s", "report"), ("noise", "report"), sizes=sizes,
    )  # fmt: skip
    assert list(todo) == ["corpus", "finetune", "noise", "coding-s", "coding-l", "report"]
    assert set(todo.successors("corpus")) == {"finetune", "coding-l", "noise"}


@pytest.mark.parametrize(
    ("memory", "cores", "gpu", "count"),
    [(24 * GIB, 2, False, 2), (24 * GIB, 64, False, 8), (2 * GIB, 8, False, 1), (500 * GIB, 64, True, 1)],
)
def test_stages_at_once_are_bounded_by_cores_memory_and_a_gpu(memory, cores, gpu, count):
    assert parallel_repro.count_jobs(memory, cores, gpu) == count


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of five stages: a and b wait for each other, c reads both, fails reads a, d reads what fails writes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "meet.py").write_text(MEET)
    python = sys.executable
    (tmp_path / "dvc.yaml").write_text(
        f"""stages:
  a: {{cmd: '{python} meet.py a b', deps: [meet.py], outs: [a]}}
  b: {{cmd: '{python} meet.py b a', deps: [meet.py], outs: [b]}}
  c: {{cmd: 'cat a b > c', deps: [a, b], outs: [c]}}
  fails: {{cmd: 'cat params.txt; ls missing', deps: [a, params.txt], outs: [missing]}}
  d: {{cmd: 'touch d', deps: [missing], outs: [d]}}
"""
    )
    (tmp_path / "params.txt").write_text("reason: no such luck\n")
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["dvc", "init", "--quiet"], check=True)
    return tmp_path


def test_stages_run_at_once_and_a_failure_stops_what_follows(project, capsys):
    todo = parallel_repro.plan()
    assert sorted(todo) == ["a", "b", "c", "d", "fails"]
    with pytest.raises(UserError, match=r"^fails failed:(.|\n)*no such luck"):
        parallel_repro.run(todo, 2, project / "logs")
    assert "a: met the other (1.0 s)" in capsys.readouterr().out
    assert "met the other" in (project / "logs/b.log").read_text()
    assert not (project / "d").exists()
    (project / "dvc.yaml").write_text((project / "dvc.yaml").read_text().replace("ls missing", "touch missing"))
    parallel_repro.run(parallel_repro.plan(), 2, project / "logs")
    assert (project / "c").read_text() == "herehere"
    assert (project / "d").exists()
    assert len(parallel_repro.plan()) == 0
    assert "up to date" in subprocess.run(["dvc", "repro"], capture_output=True, text=True, check=True).stdout
