"""Lets the tests of the pipeline import their neighbour `project`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
