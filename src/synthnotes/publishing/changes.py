"""Changes: which parameters and which metrics differ between two runs, with the uncertainty that results tell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# What an interval, the entries `low` and `high`, belongs to: the first of these entries beside it.
ESTIMATES = ("value", "difference", "mean", "r", "delta", "odds_ratio", "single")


@dataclass(frozen=True)
class Quantity:
    """A number, text or truth value of a result, with its interval or, where it has none, its standard deviation."""

    value: Any
    low: float | None = None
    high: float | None = None
    sd: float | None = None

    @property
    def uncertain(self) -> bool:
        """Whether the result tells how uncertain it is."""
        return self.low is not None or self.sd is not None


@dataclass(frozen=True)
class Change:
    """What differs between two sides; None is what a side does not have."""

    key: str
    a: Quantity | None
    b: Quantity | None

    @property
    def difference(self) -> float | None:
        """B minus A, where both are numbers."""
        values = [side.value if side else None for side in (self.a, self.b)]
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
            return None
        return values[1] - values[0]

    @property
    def inside(self) -> bool | None:
        """Whether B's value lies inside the interval of A; None where either is not there."""
        if self.difference is None or self.a.low is None or self.a.high is None:
            return None
        return self.a.low <= self.b.value <= self.a.high


def quantities(prefix: str, content: Any) -> Iterator[tuple[str, Quantity]]:
    """Gives all values of a result by their keys, as the report names them; an interval goes with its estimate."""
    if isinstance(content, Mapping):
        taken: set[str] = set()
        estimate = next((name for name in ESTIMATES if name in content), None)
        if estimate and {"low", "high"} <= content.keys():
            taken = {estimate, "low", "high"}
            yield f"{prefix}.{estimate}", Quantity(content[estimate], content["low"], content["high"])
        elif {"mean", "sd"} <= content.keys():
            taken = {"mean", "sd"}
            yield f"{prefix}.mean", Quantity(content["mean"], sd=content["sd"])
        children = [(name, child) for name, child in content.items() if name not in taken]
    elif isinstance(content, list):
        children = list(enumerate(content))
    else:
        yield prefix, Quantity(content)
        return
    for name, child in children:
        yield from quantities(f"{prefix}.{name}", child)


def parameters(content: Any, prefix: str = "") -> Iterator[tuple[str, Quantity]]:
    """Gives all parameters by their keys; a list is one value."""
    if not isinstance(content, Mapping):
        yield prefix, Quantity(content)
        return
    for name, child in content.items():
        yield from parameters(child, f"{prefix}.{name}" if prefix else str(name))


def between(a: Mapping[str, Quantity], b: Mapping[str, Quantity]) -> list[Change]:
    """What differs, in the order of A, then what only B has."""
    keys = dict.fromkeys([*a, *b])
    return [Change(key, a.get(key), b.get(key)) for key in keys if a.get(key) != b.get(key)]
