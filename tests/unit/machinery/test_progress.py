"""Long work is told: by bars on a terminal, by a line per interval in a log, and by one process of several."""

import os
import pty
import re
import subprocess
import sys
import termios
from itertools import pairwise

import pytest

STAGE = """
import time
from synthnotes.machinery import cli, progress
from synthnotes.machinery.progress import Bar

progress.EVERY = 0.2

def main(steps: int, others: int) -> str:
    if others:
        progress.leave_to_others()
    with Bar(total=steps, desc="train", unit="step", leave=False) as bar:
        for _ in Bar(range(steps), "epochs", unit=" epoch", unit_scale=100):
            time.sleep(0.1)
            bar.update()
            bar.set_postfix(loss="1.5")
    time.sleep(0.3 if steps else 0)
    return f"{steps} steps"

cli.run(main)
"""


@pytest.fixture
def stage(tmp_path):
    """Runs a stage of so many steps of a tenth of a second: what it writes to stderr, a terminal or not."""
    file = tmp_path / "stage.py"
    file.write_text(STAGE, encoding="utf-8")

    def run(steps, terminal=False, others=0, **environment):
        command = [sys.executable, str(file), "--steps", str(steps), "--others", str(others)]
        master, slave = pty.openpty() if terminal else os.pipe()
        if terminal:
            termios.tcsetwinsize(slave, (24, 100))
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=slave, env=os.environ | environment, timeout=60)
        assert done.returncode == 0
        assert re.fullmatch(rf"stage: {steps} steps \(\d.*\)\n", done.stdout.decode())
        os.close(slave)
        told = b""
        try:
            while part := os.read(master, 65536):
                told += part
        except OSError:  # how a terminal that was closed ends on Linux
            pass
        os.close(master)
        return told.decode()

    return run


def test_where_there_is_no_terminal_a_line_per_interval_says_how_far_it_is(stage):
    lines = stage(12).splitlines()
    assert 4 <= len(lines) <= 9
    assert "at work" in lines[-1]  # between two bars, nothing counts
    told = [re.fullmatch(r"stage, after \d+ min: train: (\d+) of 12 step, loss=1.5; epochs: .*", one) for one in lines]
    counts = [int(match[1]) for match in told if match]
    assert len(counts) >= 3
    assert all(earlier < later for earlier, later in pairwise(counts))
    assert re.search(r"epochs: \d+ of 1,200 epoch$", lines[1])


@pytest.mark.parametrize(
    "quiet", [{"steps": 0}, {"steps": 8, "others": 1}, {"steps": 8, "RANK": "1"}], ids=["short", "waits", "second"]
)
def test_short_work_and_all_but_one_of_several_processes_are_silent(stage, quiet):
    assert stage(**quiet) == ""


def test_on_a_terminal_there_are_bars_and_no_lines(stage):
    told = stage(8, terminal=True)
    assert "train: " in told
    assert "it/s" in told or "step/s" in told
    assert "stage, after" not in told
