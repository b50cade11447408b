"""Makers: which function computed a value of a result, so that a reader finds the code behind a number.

`disclosure.publish` writes them into each result under `COMPUTED_BY`: an object that mirrors the result, with a
function's name, `coding.evaluation.measure`, in the place of all values that it made. Where all members of an object
were made alike, such as the training sets, they stand there once, as `EVERY`.
"""

import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

COMPUTED_BY = "computed_by"
EVERY = "*"
PACKAGE = "synthnotes."
SILENT = (f"{PACKAGE}machinery.disclosure", f"{PACKAGE}machinery.makers")  # who is called by makers, and makes nothing
Makers = str | dict[str, Any]


def name_of(function: Callable[..., Any]) -> str:
    """A function's name, without the package's: `significance.agreement.intraclass_correlation`."""
    return _name(function.__globals__, function.__qualname__)


def calling() -> str:
    """The name of the function that asks the disclosure control for a value."""
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_globals["__name__"] in SILENT:
        frame = frame.f_back
    return _name(frame.f_globals, frame.f_code.co_qualname) if frame else ""


def _name(module: Mapping[str, Any], within: str) -> str:
    """What stands within a function, such as a comprehension, is that function's; a stage is a module that is run."""
    named = module["__name__"]
    if named == "__main__" and module.get("__spec__"):
        named = module["__spec__"].name
    return f"{named.removeprefix(PACKAGE)}.{within.partition('.<locals>')[0]}"


def tree(result: Any, disclosed: Any) -> Makers | None:
    """The makers of a result's values, nested as it is; None where nothing is told.

    What `disclosed`, the published result, hides names nobody: whether there is a value would be told, too.
    """
    if not isinstance(result, Mapping):
        return None if disclosed is None else result.maker
    below = {name: tree(value, disclosed[name]) for name, value in result.items()}
    below = {name: makers for name, makers in below.items() if makers is not None}
    if not below:
        return None
    first, *others = below.values()
    if any(other != first for other in others):
        return below
    if isinstance(first, str):
        return first
    return {EVERY: first} if others else below


def maker_of(computed_by: Makers, place: str) -> str | None:
    """The function that made the value at `real_s.micro.f1.mean`, by a result's `COMPUTED_BY`; None if untold."""
    makers: Any = computed_by
    for name in place.split("."):
        if not isinstance(makers, Mapping):
            break
        makers = makers.get(name, makers.get(EVERY))
    return makers if isinstance(makers, str) else None


def without_makers(result: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a result that was read, without who made them."""
    return {name: value for name, value in result.items() if name != COMPUTED_BY}
