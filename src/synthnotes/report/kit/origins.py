"""Origins: what the report tells of where a number comes from, on hover, in its appendix and in provenance.json."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from synthnotes.report.kit.markup import NBSP, Markdown, code, escape, join

ANCHOR = "origin-"
_BRANCH = re.compile(r".*(?:\.|, ?)", re.DOTALL)  # what a place shares with its neighbours: all but its own name
_NO_LABEL = re.compile(r"[^\w.-]+")  # what a label of a markdown reference had better not hold
# Units, told from a number's key, since the field's names of metrics say them: the first pattern that fits wins.
UNITS = {
    r"\.seeds_to_decide\.\w+$": "seeds",
    r"\.(patients|dropped_patients|shared_patients\.\w+)$": "patients",
    r"\.(dropped_)?admissions$": "admissions",
    r"\.(notes|dropped|documents|samples|prompts|records|\w+_notes|notes_\w+|training_real|empty)$": "notes",
    r"\.(subsets|folds)\.\w+\.(train|validation|evaluation)$": "notes",
    r"\.raters\w*$": "raters",
    r"\.(ratings|interviews)$": "ratings",
    r"\.(codes|code_rows\.\w+\.\w+|codes_\w+)$": "codes",
    r"words(\.|_per_\w+\.|$)|_words$": "words",
    r"tokens$": "tokens",
    r"(^|[._])(p|p_holm|p_by_patient)$": "probability",
    r"(f1|precision|recall|rate|auc|map|share|coverage|jaccard|ratio|_at_\d+)$": "share of 1",
    r"(^|\.)share_\w+$": "share of 1",
    r"loss$": "nats per token or decision",
}


@dataclass(frozen=True)
class Source:
    """A file from which numbers come.

    Attributes:
        path: where it lies.
        name: how the report calls it.
        stage: the stage that wrote it, None for a file written by hand.
        seeds: of that stage, by the names of their parameters.
    """

    path: Path
    name: str
    stage: str | None = None
    seeds: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def md5(self) -> str:
        """The checksum that DVC, too, gives to the file."""
        return hashlib.md5(self.path.read_bytes(), usedforsecurity=False).hexdigest()

    @property
    def maker(self) -> str:
        """The stage and its seeds in words, for instance `stage noise, seed 1337`."""
        return ", ".join([f"stage {self.stage}", *map(seed_in_words, self.seeds.items())] if self.stage else [])


def seed_in_words(seed: tuple[str, Any]) -> str:
    """A parameter of seeds: `seed 1337`, `seeds 1, 2`."""
    name, value = seed
    return f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}"


@dataclass(frozen=True)
class Number:
    """A value, its key, its place in the file that holds it, and the function that computed it, if one is told."""

    key: str
    value: Any
    place: str
    source: Source
    computed_by: str | None = None

    @property
    def function(self) -> str | None:
        """The function that computed it, or that of the stage; None for what was written by hand."""
        return self.computed_by or (f"stages.{self.source.stage}.main" if self.source.stage else None)

    @property
    def origin(self) -> str:
        """One line of text: file, place and value, and what made them."""
        makers = "; ".join(filter(None, [self.source.maker, self.function]))
        return f"{self.source.name}: {self.place} = {plain(self.value)}{f' ({makers})' if makers else ''}"


@dataclass
class Printed:
    """What the report prints of one number, or of one that it computes from several.

    Attributes:
        label: of the reference that leads from every place in the text to the origin.
        numbers: the results behind it.
        formula: how it is computed, None where it is the result itself.
        value: in full precision.
        unit: what is counted or measured, as far as the key tells.
        texts: as it is printed, by format.
    """

    label: str
    numbers: Sequence[Number]
    formula: str | None
    value: Any
    unit: str | None
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """One line of text for the hover."""
        return f"{self.formula} = {plain(self.value)}" if self.formula else self.numbers[0].origin

    def link(self, text: Markdown) -> Markdown:
        """The text as a link to the origin."""
        return Markdown(f"[{text}][{self.label}]")


def label_of(key: str) -> str:
    """A label for a key: the key itself, unless it holds what ends a label."""
    return _NO_LABEL.sub("-", key)


def unit_of(key: str) -> str | None:
    """What a number counts or measures, by its key; None where the key does not tell."""
    return next((unit for pattern, unit in UNITS.items() if re.search(pattern, key)), None)


def plain(value: Any) -> str:
    """A value with six significant digits, as plain text."""
    if value is None:
        return "null"
    return format(value, ".6g") if isinstance(value, float) else str(value)


def listing(printed: Iterable[Printed]) -> Markdown:
    """The appendix: what is printed, by file and function, then what is computed from several; each is an anchor."""
    by_source: dict[str, list[Printed]] = {}
    computed = []
    for each in printed:
        if each.formula:
            computed.append(each)
        else:
            by_source.setdefault(each.numbers[0].source.name, []).append(each)
    paragraphs = []
    for name, group in by_source.items():
        source = group[0].numbers[0].source
        maker = f"{source.maker}; " if source.maker else ""
        heading = join(Markdown("**"), name, Markdown("** ("), maker, "MD5 ", source.md5, "): ")
        by_function: dict[str | None, list[Printed]] = {}
        for each in group:
            by_function.setdefault(each.numbers[0].function, []).append(each)
        parts = (
            join(Markdown(f"{code(function)}: ") if function else "", Markdown("; ".join(_by_branch(of))))
            for function, of in by_function.items()
        )
        paragraphs.append(heading + ". ".join(parts))
    if computed:
        entries = [join(_anchor(each, str(each.formula)), f" = {plain(each.value)}") for each in computed]
        paragraphs.append("**Computed from several numbers**: " + "; ".join(entries))
    return Markdown("\n::: {.origins}\n\n" + "\n\n".join(paragraphs) + "\n\n:::\n")


def _by_branch(group: Sequence[Printed]) -> Iterator[Markdown]:
    """The numbers of one file; those that differ in the last part of their place alone stand together."""
    branches: dict[str, list[Markdown]] = {}
    for each in group:
        place = each.numbers[0].place
        leaf = _BRANCH.sub("", place)
        entry = join(_anchor(each, leaf), f"{NBSP}{plain(each.value)}")
        branches.setdefault(place.removesuffix(leaf).strip(), []).append(entry)
    for branch, entries in branches.items():
        yield join(branch, " " if branch else "", Markdown(", ".join(entries)))


def _anchor(printed: Printed, text: str) -> Markdown:
    return Markdown(f"[{escape(text)}]{{#{ANCHOR}{printed.label}}}")


def inline(text: str, printed: Iterable[Printed]) -> Markdown:
    """Text with its links written out, for metadata: Quarto reads it apart from the definitions at the report's end."""
    for each in printed:
        target = f'(#{ANCHOR}{each.label} "{escape(each.origin)}")'
        text = text.replace(f"][{each.label}]", f"]{target}")
    return Markdown(text)


def references(printed: Iterable[Printed]) -> Markdown:
    """What the links lead to, and what they say on hover: one definition of a markdown reference per line."""
    lines = (f'[{each.label}]: #{ANCHOR}{each.label} "{escape(each.origin)}"' for each in printed)
    return Markdown("\n" + "\n".join(lines) + "\n")
