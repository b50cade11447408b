"""Published: the values and the code that were published, beside this run and the verdicts on it."""

from collections.abc import Sequence

from synthnotes.report.kit.markup import NBSP, Markdown, code, escape, join
from synthnotes.report.kit.numbers import MISSING
from synthnotes.report.paper import Paper, Row
from synthnotes.significance.published_values import DIFFERS, EQUAL, VERDICTS

__all__ = ["repairs", "score", "scores", "values"]

SHOWN = 3  # decimals of what was published in full precision


def values(paper: Paper, name: str) -> list[Row]:
    """Of one file's values what, published, rebuilt, interval, rebuilt minus published, verdict with its reason."""
    return [_row(paper, name, place) for place in paper.published[name].printed]


def _row(paper: Paper, name: str, place: str) -> Row:
    numbers, published, compared = paper.numbers, f"published.{name}.{place}", f"published.{name}.values.{place}"
    of = {key: numbers.value(f"{compared}.{key}") for key in ("label", "decimals", "rebuilt", "verdict", "reason")}
    is_count = isinstance(numbers.value(published), int)
    spec = "," if is_count else f".{SHOWN if of['decimals'] is None else of['decimals']}f"
    difference = MISSING
    if of["rebuilt"] and not of["reason"]:
        # What is equal in every printed digit differs by 0.000, not by −0.000.
        sign = "+" if of["verdict"] != EQUAL else "" if is_count else "z"
        difference = numbers.difference(of["rebuilt"], published, sign + spec)
    verdict = _verdict(of["verdict"])
    if of["reason"]:
        verdict = join(verdict, ": ", of["reason"])
    rebuilt = numbers.num(of["rebuilt"], spec) if of["rebuilt"] else MISSING
    return [of["label"], numbers.num(published, spec), rebuilt, _interval(paper, compared, spec), difference, verdict]


def _interval(paper: Paper, compared: str, spec: str) -> Markdown:
    """The interval of a rebuilt value: that of the results, or what the seeds of its training give."""
    numbers, interval = paper.numbers, f"{compared}.interval"
    if f"{interval}.rule" not in numbers:
        return MISSING
    first, second = (numbers.value(f"{interval}.keys.{end}") for end in (0, 1))
    if numbers.value(f"{interval}.rule") == "interval":
        return numbers.interval(first, second, spec)
    ends = {"−": "low", "+": "high"}
    cells = (
        numbers.computed(numbers.value(f"{interval}.{end}"), [first, second], f"{first} {sign} 2 × {second}", spec)
        for sign, end in ends.items()
    )
    return Markdown(rf"\[{f',{NBSP}'.join(cells)}\]")


def _verdict(said: str) -> Markdown:
    """A verdict, bold where the values differ."""
    return Markdown(f"**{said}**" if said == DIFFERS else said)


def worst_verdict(paper: Paper, published: Sequence[str]) -> Markdown:
    """One verdict for several published values, given by their keys: the worst of theirs."""
    places = (key.split(".", 2)[1:] for key in published)
    verdicts = (paper.numbers.value(f"published.{name}.values.{place}.verdict") for name, place in places)
    return _verdict(max(verdicts, key=VERDICTS.index))


def scores(paper: Paper) -> list[Row]:
    """What was published, where, values, how many have each verdict."""
    rows: list[Row] = []
    for name, of in paper.published.items():
        counts = paper.numbers.nums(f"published.{name}.counts", "values", ",")
        counts += [paper.numbers.num(f"published.{name}.counts.{which}", ",") for which in VERDICTS]
        rows.append([of.title, Markdown(f"{escape(of.source)} [@{of.cite}]"), *counts])
    return rows


def score(paper: Paper, *verdicts: str) -> Markdown:
    """How many of the published values have one of the verdicts; without any, how many there are."""
    keys = [f"published.{name}.counts.{which}" for name in paper.published for which in verdicts or ("values",)]
    return paper.numbers.total(keys)


def repairs(paper: Paper) -> list[Row]:
    """Letter, chapter, what the published code does, what is done here, effect."""
    rows: list[Row] = []
    for entry in paper.repairs:
        effect = escape(entry["effect"])
        if entry["parameter"]:
            effect = join(effect, " Published behaviour: ", code(entry["parameter"]), ".")
        rows.append([entry["id"], entry["chapter"], entry["published"], entry["here"], effect])
    return rows
