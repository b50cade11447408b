"""Published against rebuilt: each published value, the one that this run found, and a verdict.

A published value that was printed with few digits is kept as text ("0.550"), one in full precision as a number. The
verdict is `equal` where the rebuilt value, rounded to the printed digits, is the published one; `within interval`
where it is not, but the interval of the rebuilt value holds the published one; and else `differs`. The interval is the
one that the results hold, else two standard deviations over the seeds of training. Where the two values do not measure
the same thing, the verdict is `not comparable`, with the reason.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from synthnotes.machinery.files import UserError

EQUAL, WITHIN, DIFFERS, NOT_COMPARABLE = "equal", "within interval", "differs", "not comparable"
VERDICTS = (EQUAL, WITHIN, DIFFERS, NOT_COMPARABLE)
FULL_PRECISION = 12  # significant digits that survive another order of the same sums
DEVIATIONS = 2  # over seeds, on either side of the mean
FIELDS = {"title", "source", "cite", "rebuilt", "not_comparable", "demo", "labels", "values"}
WITH_INTERVALS = {"r", "mean", "value", "delta"}  # what the results may hold `low` and `high` beside
Value = str | float | None


@dataclass(frozen=True)
class Publication:
    """Values that were published together.

    Attributes:
        where: the file that holds them, for messages.
        title: names the values.
        source: says where they stand.
        cite: key of the bibliography.
        rebuilt: prefixes under which the same keys hold the rebuilt value; the first that exists counts.
        demo: why the demo's results cannot be compared, None where they can.
        not_comparable: the same for single values or groups of them, in any run.
        labels: what the parts of a key mean.
        printed: the values by their dotted keys, as text where the digits that were printed count.
        numbers: the values as numbers.
    """

    where: str
    title: str
    source: str
    cite: str
    rebuilt: Sequence[str]
    demo: str | None
    not_comparable: Mapping[str, str]
    labels: Mapping[str, str]
    printed: Mapping[str, Value]
    numbers: Mapping[str, float | None]

    def label(self, place: str) -> str:
        """A key in words: `mimic.real_l.micro.f1`, with labels for its parts or runs of them."""
        words = place
        for part, label in self.labels.items():
            words = f".{words}.".replace(f".{part}.", f".{label}.").strip(".")
        return " ".join(words.replace("_", " ").split(".")).strip()


def parse(content: Any, where: str) -> Publication:
    """Takes published values from the content of their YAML file; the attributes above are its fields.

    Raises:
        UserError: the file has not these fields, or a value is no number.
    """
    if not isinstance(content, Mapping) or set(content) != FIELDS:
        raise UserError(f"{where}: expected exactly the fields {', '.join(sorted(FIELDS))}.")
    others: dict[str, Any] = {name: value for name, value in content.items() if name != "values"}
    printed = dict(flatten("", content["values"]))
    try:
        numbers = {place: float(value) if isinstance(value, str) else value for place, value in printed.items()}
    except ValueError as error:
        raise UserError(f"{where}: a published value is no number: {error}.") from error
    for place, number in numbers.items():
        if isinstance(number, float) and not math.isfinite(number):
            raise UserError(f"{where}: {place} is {number}. A metric that does not exist must be null.")
    others["not_comparable"] = others["not_comparable"] or {}
    return Publication(where, **others, printed=printed, numbers=numbers)


def flatten(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Gives every leaf of nested objects and lists with its dotted key; list items count from 0."""
    if not isinstance(value, Mapping | list):
        yield prefix, value
        return
    for name, child in value.items() if isinstance(value, Mapping) else enumerate(value):
        yield from flatten(f"{prefix}.{name}" if prefix else str(name), child)


def compare(publication: Publication, results: Mapping[str, Any], demo: bool) -> dict[str, Any]:
    """Sets the run's results beside the published values.

    Args:
        publication: the values.
        results: content of the result files, by stage and member.
        demo: whether the results are the demo's.

    Returns:
        `counts` of the values, and of those with each verdict; and in `values`, by the key of the published value, its
        label, its printed decimals (None: full precision), the key of the rebuilt value, its interval (see
        `interval_of`), rebuilt minus published, the verdict, and the reason where it is `not comparable`. What does
        not exist is None.

    Raises:
        UserError: the values are to be rebuilt by a stage that is not among the results.
    """
    for prefix in publication.rebuilt:
        if prefix.split(".")[0] not in results:
            expected = ", ".join(results)
            raise UserError(f"{publication.where}: rebuilt: {prefix!r} is of none of the stages {expected}.")
    found = dict(flatten("", results))
    values = {place: _compared(publication, place, found, demo) for place in publication.printed}
    verdicts = Counter(value["verdict"] for value in values.values())
    return {"counts": {"values": len(values)} | {verdict: verdicts[verdict] for verdict in VERDICTS}, "values": values}


def _compared(of: Publication, place: str, found: Mapping[str, Any], demo: bool) -> dict[str, Any]:
    # The key of the rebuilt value; that of a mean over seeds, where the results hold one.
    keys = (f"{prefix}.{place}{end}" for prefix in of.rebuilt for end in ("", ".mean"))
    key = next((key for key in keys if key in found), None)
    printed, number, rebuilt = of.printed[place], of.numbers[place], found[key] if key else None
    interval = interval_of(found, key) if key else None
    reason = _reason(of, place, demo)
    if reason is None and key is None:
        reason = "this run has no such result"
    elif reason is None and rebuilt is None and printed is not None:
        reason = "it does not exist in this run"
    ends = (interval["low"], interval["high"]) if interval else None
    return {
        "label": of.label(place),
        "decimals": decimals(printed) if isinstance(printed, str) else None,
        "rebuilt": key,
        "interval": interval,
        "difference": rebuilt - number if reason is None and rebuilt is not None and number is not None else None,
        "verdict": judge(printed, rebuilt, ends) if reason is None else NOT_COMPARABLE,
        "reason": reason,
    }


def _reason(of: Publication, place: str, demo: bool) -> str | None:
    """Why a value cannot be compared, whatever this run has found."""
    if demo and of.demo:
        return of.demo
    return next((why for start, why in of.not_comparable.items() if f"{place}.".startswith(f"{start}.")), None)


def interval_of(found: Mapping[str, Any], key: str) -> dict[str, Any] | None:
    """The interval of a result: `low` and `high` beside it; of a mean over seeds that over patients, else from `sd`.

    Args:
        found: results by their keys.
        key: of the result.

    Returns:
        None, or `low`, `high`, the `keys` of the results behind it, and the `rule`: `interval`, where these are the
        ends, or `seeds`, where they are mean and standard deviation.
    """
    parent, _, leaf = key.rpartition(".")
    if leaf not in WITH_INTERVALS:
        return None
    places = [parent]
    if key.startswith("utility."):
        corpus, training, metric = (*parent.split(".", 3)[1:], "", "")[:3]
        places.append(f"significance.{corpus}.coders.{training}.{metric}")
    for place in places:
        ends = [f"{place}.low", f"{place}.high"]
        if ends[0] in found:
            return {"low": found[ends[0]], "high": found[ends[1]], "keys": ends, "rule": "interval"}
    deviation = f"{parent}.sd"
    mean, spread = found[key], found.get(deviation)
    if not key.startswith("utility.") or mean is None or spread is None:
        return None
    reach = DEVIATIONS * spread
    return {"low": mean - reach, "high": mean + reach, "keys": [key, deviation], "rule": "seeds"}


def decimals(printed: str) -> int:
    """How many decimals a printed number has."""
    return max(0, -int(Decimal(printed).as_tuple().exponent))


def judge(published: Value, rebuilt: float | None, interval: Sequence[float | None] | None) -> str:
    """The verdict on a rebuilt value, see the rules above."""
    if published is None or rebuilt is None:
        return EQUAL if published is rebuilt else DIFFERS
    if isinstance(published, str):
        equal = f"{rebuilt:.{decimals(published)}f}" == f"{float(published):.{decimals(published)}f}"
    else:
        equal = math.isclose(published, rebuilt, rel_tol=10.0**-FULL_PRECISION, abs_tol=1e-15)
    if equal:
        return EQUAL
    low, high = interval or (None, None)
    within = low is not None and high is not None and low <= float(published) <= high
    return WITHIN if within else DIFFERS
