"""What holds for all tests.

Property tests draw the same examples in every run, and have no deadline: a busy machine is no defect. Torch has one
thread, here and in the processes that tests start, so that sums come out the same in all of them. The messages of bad
inputs are collected (bad_inputs/table.py).
"""

import os
import sys
from pathlib import Path

from hypothesis import settings

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported, which no test module has done yet
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")
sys.path.insert(0, str(Path(__file__).parent / "bad_inputs"))
# The code of this worktree, in tests and in what they start, whichever is installed.
SOURCE = str(Path(__file__).parents[1] / "src")
sys.path.insert(0, SOURCE)
os.environ["PYTHONPATH"] = os.pathsep.join([SOURCE, *filter(None, [os.environ.get("PYTHONPATH")])])


def pytest_configure(config):
    from table import Table

    config.pluginmanager.register(Table(), "bad-inputs")
