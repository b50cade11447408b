"""kill -9 at random moments of the pipeline: the next run ends as if nothing had happened. `make test-kill`, minutes.

The time of an undisturbed run is cut into twenty equal parts, and a moment drawn in each. Everything that had been done
by then stands in a copy of the project; the stage that was running starts again, is killed after as long as it had been
running, together with DVC and everything that it has started, and `dvc repro` goes on. Stages after it are computed
anew unless their inputs are, to the byte, those of the undisturbed run: then DVC restores them from its cache of runs,
and that they are is the test.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import time

import pytest
from project import Project, carriers, executed
from ruamel.yaml import YAML

KILLS, SEED = 20, 1337


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A project whose pipeline has run, and how many seconds each of its stages took, in their order."""
    project = Project(tmp_path_factory.mktemp("undisturbed"))
    project.make_data()
    started = project.start("dvc", "repro")
    told, seconds, names, since = project.folder / "build/told", [], [], time.monotonic()
    while started.poll() is None:
        found = executed(told.read_text(encoding="utf-8"))
        for name in found[len(names) :]:
            seconds.append(time.monotonic() - since)
            names.append(name)
            since = time.monotonic()
        time.sleep(0.1)
    assert started.returncode == 0, told.read_text(encoding="utf-8")[-6000:]
    return project, dict(zip(names, [*seconds[1:], time.monotonic() - since], strict=True))


def results(folder):
    """All results, byte for byte."""
    files = (folder / "results").rglob("*")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files if path.is_file()}


def forget(folder, stage):
    """Makes a stage one that has never run: its outputs, its entry in dvc.lock, its run in DVC's cache."""
    lock = folder / "dvc.lock"
    editor = YAML()
    values = editor.load(lock)
    entry = values["stages"].pop(stage)
    editor.dump(values, lock)
    for out in entry["outs"]:
        path = folder / out["path"]
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for run in (folder / ".dvc/cache/runs").glob("*/*"):
        if any(YAML(typ="safe").load(file)["cmd"] == entry["cmd"] for file in run.iterdir()):
            shutil.rmtree(run)


def kill_after(project, stage, seconds):
    """Runs a stage and kills it, DVC and all others of their group; whether it was still running."""
    started = project.start("dvc", "repro", "--single-item", stage)
    told = project.folder / "build/told"
    while started.poll() is None and stage not in executed(told.read_text(encoding="utf-8")):
        time.sleep(0.02)
    with contextlib.suppress(subprocess.TimeoutExpired):
        started.wait(seconds)
    running = started.poll() is None
    if running:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()
    return running


def at(moment, seconds):
    """The stage that runs at a moment of the undisturbed run, and for how long it has been running."""
    for stage, lasts in seconds.items():
        if moment < lasts:
            return stage, moment
        moment -= lasts
    return stage, lasts  # rounding


@pytest.mark.slow
@pytest.mark.kill
def test_a_pipeline_killed_twenty_times_gives_what_an_undisturbed_one_gives(undisturbed, tmp_path, capsys):
    project, seconds = undisturbed
    expected, rng, killed = results(project.folder), random.Random(SEED), []
    while len(killed) < KILLS:
        stage, after = at((len(killed) + rng.random()) / KILLS * sum(seconds.values()), seconds)
        copy = Project.__new__(Project)
        copy.folder, copy.told = tmp_path / "copy", []
        shutil.copytree(project.folder, copy.folder, symlinks=True)
        (copy.folder / "build/told").write_text("")
        forget(copy.folder, stage)
        if kill_after(copy, stage, after):
            done = copy.run("dvc", "repro")
            assert done.returncode == 0, done.output[-6000:]
            different = {name for name, content in results(copy.folder).items() if expected.get(name) != content}
            assert not different, (stage, after, different)
            assert results(copy.folder).keys() == expected.keys()
            left = [p.name for p in copy.folder.rglob("*.tmp*") if re.match(r"\..*\.\d+\.tmp", p.name)]
            left += [p.name for p in (copy.folder / "build/work").glob("*")]
            assert not left, (stage, after, left)
            assert carriers(copy.folder) == []
            killed.append(stage)
            with capsys.disabled():
                ran = len(executed(done.output))
                print(f"{len(killed):2} {stage} killed after {after:.1f} s; {ran} stages ran again, all results equal")
        shutil.rmtree(copy.folder)
