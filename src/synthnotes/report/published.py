"""Published against rebuilt: each value of `paper/published/*.yaml`, the one that this run found, and a verdict.

A published value that was printed with few digits is kept as text ("0.550"), one in full precision as a number. The
verdict is `equal` where the rebuilt value, rounded to the printed digits, is the published one; `within interval`
where it is not, but the interval of the rebuilt value holds the published one; and else `differs`. The interval is the
one that the results hold, else two standard deviations over the seeds of training. Where the two values do not measure
the same thing, the verdict is `not comparable`, with the reason.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from synthnotes.machinery.files import UserError, require
from synthnotes.report.markup import NBSP, Markdown, escape, join
from synthnotes.report.numbers import MISSING, Numbers, flatten

EQUAL, WITHIN, DIFFERS, NOT_COMPARABLE = "equal", "within interval", "differs", "not comparable"
VERDICTS = (EQUAL, WITHIN, DIFFERS, NOT_COMPARABLE)
FULL_PRECISION = 12  # significant digits that survive another order of the same sums
DEVIATIONS = 2  # over seeds, on either side of the mean
FIELDS = {"title", "source", "cite", "rebuilt", "not_comparable", "demo", "labels", "values"}


@dataclass(frozen=True)
class End:
    """An end of an interval: its value, the results behind it, and how it is computed from them, if it is."""

    value: float | None
    keys: Sequence[str]
    formula: str | None = None

    def print(self, numbers: Numbers, spec: str) -> Markdown:
        """The value with a link to its origin."""
        return (
            numbers.computed(self.value, self.keys, self.formula, spec)
            if self.formula
            else numbers.num(self.keys[0], spec)
        )


@dataclass(frozen=True)
class Value:
    """A published value beside the rebuilt one.

    Attributes:
        key: of the published value in the registry of numbers.
        rebuilt: key of the rebuilt value, None where this run has none.
        label: what it is, in words.
        interval: the ends of the rebuilt value's interval, if it has one.
        verdict: one of `VERDICTS`.
        reason: why it is not comparable, else None.
        digits: decimals of the published value as printed, None for full precision.
    """

    key: str
    rebuilt: str | None
    label: str
    interval: tuple[End, End] | None
    verdict: str
    reason: str | None
    digits: int | None


class Published:
    """One file of published values.

    Its fields: `title` names the values, `source` says where they stand, `cite` is a key of the bibliography, `rebuilt`
    lists prefixes under which the same keys hold the rebuilt value (the first that exists counts), `demo` says why
    the demo's results cannot be compared (null where they can), `not_comparable` says so for single values or groups
    of them in any run, `labels` says what the parts of a key mean, and `values` are the values.
    """

    def __init__(self, path: Path) -> None:
        """Reads the file.

        Raises:
            UserError: the file is missing, or has not the fields above.
        """
        require(path)
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(content, Mapping) or set(content) != FIELDS:
            raise UserError(f"{path}: expected exactly the fields {', '.join(sorted(FIELDS))}.")
        self.path, self.name = path, path.stem
        self.title, self.source, self.cite = content["title"], content["source"], content["cite"]
        self.rebuilt, self.demo, self.labels = content["rebuilt"], content["demo"], content["labels"]
        self.not_comparable: Mapping[str, str] = content["not_comparable"] or {}
        self.printed: dict[str, Any] = dict(flatten("", content["values"]))

    @cached_property
    def numbers(self) -> dict[str, float]:
        """The values as numbers, by their keys in the file."""
        try:
            return {key: float(value) if isinstance(value, str) else value for key, value in self.printed.items()}
        except ValueError as error:
            raise UserError(f"{self.path}: a published value is no number: {error}.") from error

    def values(self, numbers: Numbers, demo: bool) -> Iterator[Value]:
        """Compares every value with the run's."""
        for place, value in self.printed.items():
            rebuilt = self._rebuilt(numbers, place)
            interval = interval_of(numbers, rebuilt) if rebuilt else None
            reason = self._reason(place, rebuilt, numbers, demo)
            verdict = NOT_COMPARABLE
            if reason is None and rebuilt is not None:
                verdict = judge(value, numbers.value(rebuilt), [end.value for end in interval] if interval else None)
            digits = decimals(value) if isinstance(value, str) else None
            key = f"published.{self.name}.{place}"
            yield Value(key, rebuilt, self.label(place), interval, verdict, reason, digits)

    def _rebuilt(self, numbers: Numbers, place: str) -> str | None:
        """The key of the rebuilt value; that of a mean over seeds, where the results hold one."""
        keys = (f"{prefix}.{place}{end}" for prefix in self.rebuilt for end in ("", ".mean"))
        return next((key for key in keys if key in numbers), None)

    def _reason(self, place: str, rebuilt: str | None, numbers: Numbers, demo: bool) -> str | None:
        if demo and self.demo:
            return str(self.demo)
        for start, reason in self.not_comparable.items():
            if f"{place}.".startswith(f"{start}."):
                return reason
        if rebuilt is None:
            return "this run has no such result"
        if numbers.value(rebuilt) is None and self.printed[place] is not None:
            return "it does not exist in this run"
        return None

    def label(self, place: str) -> str:
        """A key in words: `mimic.real_l.micro.f1`, with labels for its parts or runs of them."""
        words = place
        for part, label in self.labels.items():
            words = f".{words}.".replace(f".{part}.", f".{label}.").strip(".")
        return " ".join(words.replace("_", " ").split(".")).strip()


def interval_of(numbers: Numbers, key: str) -> tuple[End, End] | None:
    """The interval of a result: `low` and `high` beside it; of a mean over seeds that over patients, else from `sd`."""
    parent, _, leaf = key.rpartition(".")
    if leaf not in ("r", "mean", "value", "delta"):
        return None
    places = [parent]
    if key.startswith("utility."):
        corpus, training, metric = (*parent.split(".", 3)[1:], "", "")[:3]
        places.append(f"significance.{corpus}.coders.{training}.{metric}")
    for place in places:
        if f"{place}.low" in numbers:
            low, high = (End(numbers.value(f"{place}.{end}"), [f"{place}.{end}"]) for end in ("low", "high"))
            return low, high
    deviation = f"{parent}.sd"
    if not key.startswith("utility.") or numbers.value(deviation) is None or numbers.value(key) is None:
        return None
    mean, reach = numbers.value(key), DEVIATIONS * numbers.value(deviation)
    low, high = (
        End(end, [key, deviation], f"{key} {sign} {DEVIATIONS} × {deviation}")
        for sign, end in {"−": mean - reach, "+": mean + reach}.items()
    )
    return low, high


def decimals(printed: str) -> int:
    """How many decimals a printed number has."""
    return max(0, -int(Decimal(printed).as_tuple().exponent))


def judge(published: str | float | None, rebuilt: float | None, interval: Sequence[float | None] | None) -> str:
    """The verdict on a rebuilt value, see the rules above."""
    if published is None or rebuilt is None:
        return EQUAL if published is rebuilt else DIFFERS
    if isinstance(published, str):
        equal = f"{rebuilt:.{decimals(published)}f}" == f"{float(published):.{decimals(published)}f}"
    else:
        equal = math.isclose(published, rebuilt, rel_tol=10.0**-FULL_PRECISION, abs_tol=1e-15)
    if equal:
        return EQUAL
    if interval and None not in interval and interval[0] <= float(published) <= interval[1]:
        return WITHIN
    return DIFFERS


def row(numbers: Numbers, value: Value) -> list[object]:
    """What, published, rebuilt, interval, rebuilt minus published, verdict with its reason."""
    spec = "," if isinstance(numbers.value(value.key), int) else f".{3 if value.digits is None else value.digits}f"
    rebuilt = numbers.num(value.rebuilt, spec) if value.rebuilt else MISSING
    interval = difference = MISSING
    if value.interval:
        low, high = (end.print(numbers, spec) for end in value.interval)
        interval = Markdown(rf"\[{low},{NBSP}{high}\]")
    if value.rebuilt and not value.reason:
        sign = "z" if "f" in spec else ""  # what is equal in every printed digit differs by 0.000, not by −0.000
        difference = numbers.difference(value.rebuilt, value.key, f"{sign if value.verdict == EQUAL else '+'}{spec}")
    verdict = Markdown(f"**{value.verdict}**") if value.verdict == DIFFERS else Markdown(value.verdict)
    if value.reason:
        verdict = join(verdict, ": ", value.reason)
    return [value.label, numbers.num(value.key, spec), rebuilt, interval, difference, verdict]


def counted(numbers: Numbers, values: Sequence[Value], verdicts: Sequence[str] = VERDICTS) -> Markdown:
    """How many of the values have one of the verdicts, with a link to how that was counted."""
    found = sum(value.verdict in verdicts for value in values)
    names = dict.fromkeys(".".join(value.key.split(".")[:2]) for value in values)
    formula = f"number of values below {' and '.join(names)}"
    if tuple(verdicts) != VERDICTS:
        formula += f" with the verdict {' or '.join(verdicts)}"
    return numbers.computed(found, [value.key for value in values], formula, ",")


def scores(
    numbers: Numbers, publications: Sequence[Published], compared: Mapping[str, Sequence[Value]]
) -> list[list[object]]:
    """What was published, where, values, how many have each verdict."""
    rows: list[list[object]] = []
    for of in publications:
        values = compared[of.name]
        counts = [counted(numbers, values, [verdict]) for verdict in VERDICTS]
        rows.append([of.title, Markdown(f"{escape(of.source)} [@{of.cite}]"), counted(numbers, values), *counts])
    return rows
