"""Disclosure control: every value of a result says of how many people it tells, and what tells of too few is hidden.

A value is made by one of the functions below, which say what it is: a count of `people` or of their notes, a `share`
of a whole, a statistic `over` so many of them, the `extreme` of one note, or a `setting`, which tells of nobody. It
stays a number or a word, but remembers its `bases`: the numbers of people, or of notes, that follow from it. Arithmetic
forgets them; and since `publish` refuses a value without, nothing reaches results/ of which nobody has said what it is.
It remembers its `maker`, too: the function that said it, or the one that was called for it by `computed`.
The report reads results/ alone, so that what is hidden is hidden everywhere. Nothing is hidden of the demo's data,
whose patients are invented; that they are the demo's is checked where data enter (`require_demo`).

A value that is hidden must not be computable from those around it. So where values add up to what is told elsewhere
(`Parts`, and `Table` with `by`), the smallest other one is hidden with them; a share is hidden if its part, or what its
whole leaves out, is; bins of a curve and steps of attrition are put together until each has enough patients. What
cannot be helped: who holds the data of all patients but one learns from any sum about the last, and the results of two
runs on nearly the same patients can be subtracted.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd

from synthnotes.machinery import makers
from synthnotes.machinery.files import UserError, is_dropping, read_json, write_csv, write_json
from synthnotes.machinery.params import DisclosureParams

DEMO = "DEMO.json"  # what the demo kit leaves beside its data: the SHA-256 of each of its files
UNFINISHED = ".demo-"  # prefix of the folder in which a demo grows
P = ParamSpec("P")
T = TypeVar("T")
N = TypeVar("N", bound=float | None)
Bases = tuple[float, ...]


class _Disclosed:
    """A value that remembers the numbers of people it would tell of, and the function that made it.

    Without bases, it tells of nobody; where they are None, nobody has said yet of whom it tells.
    """

    bases: Bases | None = ()
    is_sign = False
    maker = ""


class _Whole(_Disclosed, int):
    pass


class _Number(_Disclosed, float):
    pass


class _Word(_Disclosed, str):
    pass


class _Truth(_Disclosed, int):
    """True or false: Python lets nothing be made of bool."""


def computed(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls a function, which becomes the maker of what it gives; who calls still has to say of whom that tells."""
    return _with_bases(function(*args, **kwargs), None, makers.name_of(function))


def over(basis: float | None, result: T) -> T:
    """A statistic over so many patients, or notes where these are not told apart: a mean, a correlation, a verdict.

    Of nested results, those values become one that say nothing of themselves yet.
    """
    return _with_bases(result, (basis or 0,))


def people(count: int, of: int | None = None, patients: int | None = None) -> int:
    """A count of patients or of notes, or of what a note has but few of: admissions, records, wrong codes.

    Args:
        count: how many.
        of: what is told elsewhere, of which these are a part: the rest would follow.
        patients: whose notes they are, where that is known.
    """
    return _with_bases(count, _bases(count, None if of is None else of - count, patients))


def share(
    part: float, whole: float, of: float | None = None, patients: int | None = None, digits: int | None = None
) -> float | None:
    """A count as a share of another; None of nothing.

    Args:
        part: the count.
        whole: the other.
        of: what is told elsewhere, of which the whole is a part: with the share, the rest would follow.
        patients: whose notes the part counts, where that is known.
        digits: to round to.
    """
    value = part / whole if whole else None
    value = value if value is None or digits is None else round(value, digits)
    return _with_bases(value, _bases(part, whole - part, None if of is None else of - whole, patients))


def extreme(value: T) -> T:
    """What one note alone decides: a maximum, a minimum, a threshold that is a note's own value."""
    return _with_bases(value, (1,))


def setting(result: T) -> T:
    """What tells of nobody: what was chosen, or belongs to a model, a code set or the release as a whole."""
    return _with_bases(result, ())


def sign(count: int) -> int:
    """A count of notes that look like copies: few of them are told of as few, never as nothing."""
    return _disclosable(count, (count,), is_sign=True)


def like(value: T, *others: object) -> T:
    """A value that is computed from others, such as their mean: it tells of all of whom they tell.

    Its maker is that of the first, which is where a reader finds what it is the mean of, unless it is `computed`.
    """
    if not all(isinstance(other, _Disclosed) and other.bases is not None for other in others):
        return value
    bases = tuple(base for other in others for base in other.bases)  # type: ignore[attr-defined]
    return _with_bases(value, bases, others[0].maker if others else None)  # type: ignore[attr-defined]


def also(basis: int, value: N) -> N:
    """A value from which, with others that are told, so many people would follow: those left out of a count."""
    if value is None:
        return value
    return _disclosable(value, (*value.bases, basis), value.maker, value.is_sign)  # type: ignore[attr-defined]


def _bases(*numbers: float | None) -> Bases:
    return tuple(number for number in numbers if number is not None)


def _with_bases(result: Any, bases: Bases | None, maker: str | None = None) -> Any:
    if result is None or isinstance(result, Table):
        return result
    maker = maker or makers.calling()
    if isinstance(result, _Disclosed):
        return _disclosable(result, bases, result.maker) if result.bases is None else result
    if isinstance(result, Parts):
        return Parts({name: _with_bases(value, bases, maker) for name, value in result.items()}, *result.sums)
    if isinstance(result, Mapping):
        return {name: _with_bases(value, bases, maker) for name, value in result.items()}
    if isinstance(result, tuple | list):  # several values, to be placed
        return type(result)(_with_bases(value, bases, maker) for value in result)
    return _disclosable(result, bases, maker)


def _disclosable(value: Any, bases: Bases | None, maker: str | None = None, is_sign: bool = False) -> Any:
    kinds = (
        (bool | np.bool_ | _Truth, _Truth),
        (str, _Word),
        (int | np.integer, _Whole),
        (float | np.floating, _Number),
    )
    made = next((disclosed for kind, disclosed in kinds if isinstance(value, kind)), None)
    if made is None:
        raise TypeError(f"a {type(value).__name__} cannot be told: give a number or a word")
    disclosed = made(value)
    disclosed.bases, disclosed.maker, disclosed.is_sign = bases, maker or makers.calling(), is_sign
    return disclosed


class Parts(dict[str, Any]):
    """Results side by side of which some add up, or average, to what is told elsewhere.

    Args:
        result: the values, by name.
        sums: the names of those that do so together; without any, of all. Settings among them are no parts.
    """

    def __init__(self, result: Mapping[str, Any], *sums: Sequence[str]) -> None:
        super().__init__(result)
        self.sums = sums or (tuple(result),)


@dataclass(frozen=True)
class Table:
    """A table, and what its columns are.

    Attributes:
        frame: the table.
        labels: columns that tell of nobody: names, positions on an axis.
        counts: such as `people` makes; each row rests on the first of them.
        statistics: over these.
        by: where given, rows that are equal in these columns add up, or average, to what is told elsewhere.
        basis: what all rows rest on, where there are no counts.
        added: where given, each row accumulates those before it: rows are put together, these statistics are added.
        longest: the last row of such a curve would tell an extreme, and is left out.
        left_out: how many the sum of such counts leaves out of a number that is told elsewhere; counts are missing
            where these are few.
    """

    frame: pd.DataFrame
    labels: Sequence[str] = ()
    counts: Sequence[str] = ()
    statistics: Sequence[str] = ()
    by: Sequence[str] | None = None
    basis: float | None = None
    added: Sequence[str] | None = None
    longest: bool = False
    left_out: int = 0

    def __post_init__(self) -> None:
        if strange := set(self.frame) ^ {*self.labels, *self.counts, *self.statistics}:
            raise TypeError(f"the column {min(strange)} says nothing of whom it tells, or is missing")
        if not self.counts and self.basis is None:
            raise TypeError("a table without counts must say what its rows rest on")


def publish(path: Path, result: Mapping[str, Any] | Table, settings: DisclosureParams) -> None:
    """Writes a result, suppressed as `settings` ask: a table as CSV, anything else as JSON, with who made its values.

    Raises:
        TypeError: a value says nothing of whom it tells.
    """
    if isinstance(result, Table):
        write_csv(path, suppress(result, settings.least))
    else:
        write_json(path, _suppressed_with_makers(result, settings.least))


def publish_settings(path: Path, result: Mapping[str, Any]) -> None:
    """Writes a result of which nothing needs to be suppressed, as JSON, with who made its values.

    Raises:
        TypeError: a value tells of somebody, or says nothing of it.
    """
    if any(value.bases for value in _values(result)):
        raise TypeError("a value tells of somebody: publish it")
    write_json(path, _suppressed_with_makers(result, 1))


def _suppressed_with_makers(result: Mapping[str, Any], minimum: int) -> dict[str, Any]:
    if makers.COMPUTED_BY in result:
        raise TypeError(f"{makers.COMPUTED_BY}: tells who made the values of a result, and cannot be one of them")
    disclosed = suppress(result, minimum)
    return disclosed | {makers.COMPUTED_BY: makers.tree(result, disclosed) or {}}


def suppress(result: Any, minimum: int) -> Any:
    """Takes out of a result what tells of at least one and of fewer than `minimum` people.

    Args:
        result: nested results, or a table.
        minimum: 1 suppresses nothing.

    Returns:
        Plain numbers and words. What is hidden is None; of a table the rows that rest on too few are left out, and
        single counts are missing.

    Raises:
        TypeError: a value says nothing of whom it tells.
    """
    return _suppress_table(result, minimum) if isinstance(result, Table) else _suppress_values(result, minimum, "")


def hidden_with(sizes: Mapping[T, float], minimum: int) -> set[T]:
    """Which parts, by the people they rest on, are hidden: those of too few, and where there are any, the next."""
    hidden = {name for name, size in sizes.items() if few(size, minimum)}
    others = {name: size for name, size in sizes.items() if size and name not in hidden}
    return hidden | {min(others, key=others.__getitem__)} if hidden and others else hidden


def few(count: float, minimum: int) -> bool:
    """Whether there are some people, but too few."""
    return 0 < count < minimum


def _suppress_values(result: Any, minimum: int, place: str) -> Any:
    if result is None:
        return None
    if isinstance(result, Mapping):
        hidden: set[str] = set()
        for names in result.sums if isinstance(result, Parts) else ():
            hidden |= hidden_with({name: _size(result[name]) for name in names if name in result}, minimum)
        disclosed = {name: _suppress_values(value, minimum, f"{place}.{name}") for name, value in result.items()}
        return {name: _blank(value) if name in hidden else value for name, value in disclosed.items()}
    if not isinstance(result, _Disclosed) or result.bases is None:
        raise TypeError(f"{place.lstrip('.')}: a {type(result).__name__} says nothing of whom it tells")
    if any(few(base, minimum) for base in result.bases):
        return f"1 to {minimum - 1}" if result.is_sign else None
    plain: dict[type, Callable[[Any], Any]] = {_Truth: bool, str: str, int: int, float: float}
    return next(made(result) for kind, made in plain.items() if isinstance(result, kind))


def _size(result: Any) -> float:
    """How many people one part of a whole tells of: of its values, the one that tells of most; 0 for settings alone."""
    least = (min((base for base in value.bases or () if base > 0), default=0) for value in _values(result))
    return max(least, default=0)


def _values(result: Any) -> Iterator[_Disclosed]:
    if isinstance(result, Mapping):
        for value in result.values():
            yield from _values(value)
    elif isinstance(result, _Disclosed):
        yield result


def _blank(result: Any) -> Any:
    return {name: _blank(value) for name, value in result.items()} if isinstance(result, Mapping) else None


def _suppress_table(table: Table, minimum: int) -> pd.DataFrame:
    frame = table.frame
    if minimum <= 1:
        return frame
    if not table.counts:
        return frame if not few(table.basis or 0, minimum) else frame.iloc[:0]
    if table.added is not None:
        return _pool_bins(table, minimum)
    parts = [frame] if not table.by else [part for _, part in frame.groupby(list(table.by), sort=False)]
    disclosed = []
    for part in parts:
        rows = part[table.counts[0]].to_dict()
        hidden = hidden_with(rows, minimum) if table.by is not None else {r for r, n in rows.items() if few(n, minimum)}
        kept = part.drop(index=list(hidden))
        for column in table.counts[1:]:
            cells = kept[column].to_dict()
            alone = table.by is not None and not hidden
            masked = hidden_with(cells, minimum) if alone else {r for r, n in cells.items() if few(n, minimum)}
            kept[column] = kept[column].mask(kept.index.isin(masked))
        disclosed.append(kept)
    return pd.concat(disclosed).reset_index(drop=True) if disclosed else frame


def _pool_bins(table: Table, minimum: int) -> pd.DataFrame:
    """Puts bins together, in their order and curve by curve, until each holds enough."""
    curves = []
    for _, curve in table.frame.groupby(list(table.by or ()), sort=False):
        ways = {column: "sum" if column in (*table.counts, *(table.added or ())) else "last" for column in curve}
        pooled = curve.groupby(_bin_of_rows(curve[table.counts[0]].tolist(), minimum)).agg(ways)
        curves.append(pooled.iloc[:-1] if table.longest else pooled)
    disclosed = pd.concat(curves, ignore_index=True)
    return disclosed.assign(**dict.fromkeys(table.counts, np.nan)) if few(table.left_out, minimum) else disclosed


def _bin_of_rows(counts: Sequence[int], minimum: int) -> np.ndarray:
    """The bin that each row joins: int [rows], ascending. Rows of nobody stay by themselves."""
    bin_of, sizes = [], [0]
    for count in counts:
        bin_of.append(len(sizes) - 1)
        sizes[-1] += count
        if sizes[-1] == 0 or sizes[-1] >= minimum:
            sizes.append(0)
    if 0 < sizes[-1] < minimum:  # too few at the end: they join the last bin that holds anybody
        before = max((bin for bin, size in enumerate(sizes[:-1]) if size), default=0)
        bin_of = [min(bin, before) for bin in bin_of]
    return np.array(bin_of)


def kept_steps(left: Sequence[Mapping[str, int | None]], minimum: int) -> list[int]:
    """The positions of the steps of attrition to disclose, so that between any two nobody is lost, or enough are.

    The last step, whose counts stand elsewhere too, is always one of them; the first wherever it can be.

    Args:
        left: of each step how many of each unit it leaves; None where that is not known.
        minimum: how many are enough.
    """
    kept: list[int] = []
    for position, step in enumerate(left):
        while position == len(left) - 1 and kept and _loses_few(left[kept[-1]], step, minimum):
            kept.pop()
        if not kept or not _loses_few(left[kept[-1]], step, minimum):
            kept.append(position)
    return kept


def _loses_few(before: Mapping[str, int | None], after: Mapping[str, int | None], minimum: int) -> bool:
    both = ((count, after.get(unit)) for unit, count in before.items())
    return any(few(abs(one - other), minimum) for one, other in both if one is not None and other is not None)


def require_demo(data: Path, checksums: Mapping[str, str], settings: DisclosureParams) -> None:
    """Refuses to call data the demo's that are not, since nothing of them would be suppressed.

    Args:
        data: the folder data/, with what the demo kit has written about its files, if it has made any.
        checksums: SHA-256 by path in that folder.
        settings: the section; only where it calls the data the demo's, the files are looked at.
    """
    if not settings.demo:
        return
    made = demo_marker(data).get("files", {})
    for name, checksum in checksums.items():
        if made.get(name) != checksum:
            raise UserError(
                f"{data / name}: not the demo's, but disclosure.demo is true in params.yaml, and nothing about few "
                f"patients would be suppressed. Set it to false."
            )


def demo_marker(data: Path) -> dict[str, Any]:
    """What the demo kit has written beside the data that it has made; empty where it has made none."""
    return read_json(data / DEMO) if (data / DEMO).is_file() else {}


def is_demo(data: Path) -> bool:
    """Whether a folder holds the demo's files, and no others; False where that cannot be told."""
    try:
        return bool(demo_marker(data)) and not foreign_files(data)
    except (UserError, OSError):
        return False


def foreign_files(data: Path) -> list[Path]:
    """The files in `data` that are not the demo's (or `data` itself, if it is a file), sorted."""
    if data.exists() and not data.is_dir():
        return [data]
    known = demo_marker(data).get("files", {})

    def is_foreign(path: Path) -> bool:
        name = path.relative_to(data).as_posix()
        if name == DEMO or name.startswith(UNFINISHED) or (path.is_dir() and not path.is_symlink()):
            return False
        return name not in known or checksum(path) != known[name]

    return [path for path in sorted(data.rglob("*")) if not is_dropping(path.relative_to(data)) and is_foreign(path)]


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
