"""Lets the contract tests import their neighbour `pipeline`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
