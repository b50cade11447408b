"""A coder's results over the seeds of its training: what of a metric is the training notes', and what is chance."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def over_seeds(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Gives mean and standard deviation of every number in the results of one coder's runs.

    Args:
        results: what `coder.run` tells of each run, nested alike.

    Returns:
        In the place of each number its `mean` over the seeds and its `sd`, of the sample (ddof 1); sd is None for one
        seed, and both are None for a metric that does not exist in one of the runs.

    Raises:
        ValueError: the results hold different numbers.
    """
    first = results[0]
    if any(result.keys() != first.keys() for result in results):
        raise ValueError("the results of one coder's runs must hold the same numbers")
    return {
        name: over_seeds([result[name] for result in results])
        if isinstance(value, Mapping)
        else _mean_and_deviation([result[name] for result in results])
        for name, value in first.items()
    }


def _mean_and_deviation(values: Sequence[float | None]) -> dict[str, float | None]:
    if None in values:
        return {"mean": None, "sd": None}
    return {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None}
