"""Numbers: the one door through which a result enters the report.

A number's key is its stage, the member of the stage's matrix, and its place in the result file: micro-F1 of the coder
that was trained on real S of a corpus, its mean over the seeds, is `utility.<corpus>.real_s.micro.f1.mean`.
"""

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthnotes.machinery.files import UserError, read_json
from synthnotes.machinery.makers import COMPUTED_BY, maker_of, without_makers
from synthnotes.report.kit.markup import NBSP, Markdown, escape
from synthnotes.report.kit.origins import Number, Printed, Source, label_of, unit_of
from synthnotes.report.kit.tables import Tables, require_results

LEAST_P = 0.001  # p-values below it are printed so
MISSING = Markdown("–")  # printed for a metric that does not exist (null in its file)


class Numbers:
    """All numbers of a run, by key, and what the report prints of them."""

    def __init__(
        self,
        results: Path,
        files: Mapping[str, str],
        source: str = "paper",
        seeds: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Reads the result files.

        Args:
            results: the folder of all results.
            files: path of each JSON file in that folder, by the prefix of its keys.
            source: the text that asks for the numbers, for messages.
            seeds: of each stage, by the names of their parameters.

        Raises:
            UserError: a file is missing, is no JSON object, or holds a number that is none.
        """
        self.source = source
        self._seeds = seeds or {}
        self._numbers: dict[str, Number] = {}
        self._printed: dict[str, Printed] = {}
        self._labels: dict[str, str] = {}
        self._watchers: list[set[str]] = []
        require_results(results, files)
        for prefix, relative in files.items():
            path = results / relative
            self.include(prefix, path, read_json(path), f"{results.name}/{relative}", stage=relative.split("/")[0])

    def include(
        self, prefix: str, path: Path, values: Mapping[str, Any], name: str | None = None, stage: str | None = None
    ) -> None:
        """Adds the numbers of a file, such as published values and parameters; `name` is what the report calls it."""
        source = Source(path, name or path.name, stage, self._seeds.get(stage or "", {}))
        makers = values.get(COMPUTED_BY, {})
        for place, value in flatten("", without_makers(values)):
            if isinstance(value, float) and not math.isfinite(value):
                raise UserError(f"{path}: {place} is {value}. A metric that does not exist must be null.")
            key = f"{prefix}.{place}"
            self._numbers[key] = Number(key, value, place, source, maker_of(makers, place))

    def __contains__(self, key: str) -> bool:
        return key in self._numbers

    def __getitem__(self, key: str) -> Number:
        """Gives a number, or a `UserError` that says which keys are near."""
        if key not in self._numbers:
            near = difflib.get_close_matches(key, self._numbers, n=4, cutoff=0.5)
            hint = f"Near: {', '.join(near)}." if near else "No key is near."
            raise UserError(f"{self.source}: {self._absence(key)} {hint}")
        for seen in self._watchers:
            seen.add(key)
        return self._numbers[key]

    def _absence(self, key: str) -> str:
        """Says that a key is not there, and in which file it was looked for."""
        parts = key.split(".")
        for length in range(len(parts) - 1, 1, -1):
            start = ".".join(parts[:length]) + "."
            file = next((n.source.path for k, n in self._numbers.items() if k.startswith(start)), None)
            if file:
                return f"{file} holds no number {key!r}; `dvc repro` writes it anew if it is of an older version."
        return f"no result file holds a number {key!r}."

    @contextmanager
    def watching(self) -> Iterator[set[str]]:
        """Yields the keys of all numbers that are asked for inside the block."""
        self._watchers.append(set())
        try:
            yield self._watchers[-1]
        finally:
            self._watchers.pop()

    def value(self, key: str) -> Any:
        """The bare value, for comparisons; what is printed goes through `num`."""
        return self[key].value

    def num(self, key: str, spec: str | None = None) -> Markdown:
        """Prints a number with a link to its origin.

        Args:
            key: which number.
            spec: a format of Python (`.3f`, `,`, `.1%`), or `p` for a p-value. Without it a float has two decimals,
                and what is no number is printed as it is.
        """
        return self._link(key, self._text(key, spec), spec or "")

    def nums(self, prefix: str, names: str, spec: str | None = None) -> list[Markdown]:
        """Prints several numbers below a prefix, in one format: their names, with spaces between."""
        return [self.num(f"{prefix}.{name}", spec) for name in names.split()]

    def word(self, key: str, says: Mapping[str, str]) -> Markdown:
        """Prints a verdict in words, bold, with a link to its origin as a number has one.

        Args:
            key: of a text among the results.
            says: the words for each value; a value without words is a `UserError`, so that no verdict is passed over.
        """
        value = self.value(key)
        if value not in says:
            raise UserError(f"{self[key].source.path}: {key} is {value!r}; expected {', '.join(map(repr, says))}.")
        return Markdown(f"**{self._link(key, escape(says[value]), 'in words')}**")

    def bare(self, key: str, spec: str | None = None) -> Markdown:
        """Prints a number without a link, for headings and formulas; it is recorded all the same."""
        text = self._text(key, spec)
        self._link(key, text, spec or "")
        return text

    def text(self, key: str, spec: str | None = None) -> str | None:
        """A number as plain text, for figures; None where it does not exist."""
        return None if self.value(key) is None else self._text(key, spec).replace("\\", "")

    def cell(self, tables: Tables, name: str, row: int, column: str, spec: str) -> Markdown:
        """Prints a cell of a CSV file, `row` counting from 0."""
        table, source = tables.table(name)
        value = table[column].iloc[row].item()
        value = None if math.isnan(value) else int(value) if spec == "," else value
        key = f"{name}.{row}.{column}"
        self._numbers[key] = Number(key, value, f"row {row + 1}, {column}", source)
        return self.num(key, spec)

    def size(self, key: str, spec: str | None = None) -> Markdown:
        """Prints a number without its sign, where the words tell the direction."""
        text = Markdown(self._text(key, spec).lstrip("−+"))
        return self._link(key, text, f"{spec or ''}, without its sign")

    def computed(self, value: Any, keys: Sequence[str], formula: str, spec: str = ".2f") -> Markdown:
        """Prints what is computed from several numbers, with a link to how: `formula` is in words."""
        label = next((p.label for p in self._printed.values() if p.formula == formula), None)
        if label is None:
            label = f"computed-{1 + sum(p.formula is not None for p in self._printed.values())}"
            numbers = [self[key] for key in keys]
            self._printed[label] = Printed(label, numbers, formula, value, None)
        text = printed(value, spec)
        self._printed[label].texts[spec] = text
        return self._printed[label].link(text)

    def _text(self, key: str, spec: str | None) -> Markdown:
        value = self.value(key)
        if spec and isinstance(value, str):
            raise UserError(f"{self[key].source.path}: {key} is the text {value!r} where a number is expected.")
        return printed(value, spec or ".2f")

    def _link(self, key: str, text: Markdown, how: str) -> Markdown:
        """A number's text as a link to its origin; `how` it is printed is kept with it."""
        number, label = self[key], self._label(key)
        record = self._printed.setdefault(label, Printed(label, [number], None, number.value, unit_of(key)))
        record.texts[how] = text
        return record.link(text)

    def _label(self, key: str) -> str:
        """A label of its own for each key: labels of references do not tell capitals from small letters."""
        label = label_of(key)
        while self._labels.setdefault(label.casefold(), key) != key:
            label += "-"
        return label

    def printed(self) -> list[Printed]:
        """All that was printed so far, in the order of its first appearance."""
        return list(self._printed.values())

    def spread(self, mean: str, deviation: str, spec: str = ".2f") -> Markdown:
        """Prints a mean with its standard deviation, where there is one: 3.67 ± 0.92."""
        if self.value(deviation) is None:
            return self.num(mean, spec)
        return Markdown(f"{self.num(mean, spec)} ± {self.num(deviation, spec.lstrip('+'))}")

    def interval(self, low: str, high: str, spec: str = ".2f") -> Markdown:
        """Prints an interval: [−0.41, 0.12]."""
        return Markdown(rf"\[{self.num(low, spec)},{NBSP}{self.num(high, spec)}\]")

    def quotient(self, part: str, whole: str, spec: str = ".0%") -> Markdown:
        """Prints one number divided by another; a quotient by nothing does not exist."""
        numerator, denominator = self.value(part), self.value(whole)
        value = numerator / denominator if numerator is not None and denominator else None
        return self.computed(value, [part, whole], f"{part} / {whole}", spec)

    def difference(self, first: str, second: str, spec: str = ".2f") -> Markdown:
        """Prints one number minus another."""
        values = self.value(first), self.value(second)
        value = None if None in values else values[0] - values[1]
        return self.computed(value, [first, second], f"{first} − {second}", spec)

    def total(self, keys: Sequence[str], spec: str = ",") -> Markdown:
        """Prints the sum of several numbers."""
        return self.computed(sum(map(self.value, keys)), keys, " + ".join(keys), spec)

    def complement(self, key: str, spec: str = ".0%") -> Markdown:
        """Prints what a share leaves of the whole."""
        return self.computed(1 - self.value(key), [key], f"1 − {key}", spec)

    def p(self, key: str) -> Markdown:
        """Prints `p = 0.031` or `p < 0.001`."""
        below = (self.value(key) or 1) < LEAST_P
        return Markdown(f"p {'' if below else '= '}{self.num(key, 'p')}")

    def with_interval(self, key: str, prefix: str, spec: str = ".2f") -> Markdown:
        """Prints a number and the interval below a prefix; without the interval where it does not exist."""
        if self.value(f"{prefix}.low") is None:
            return self.num(key, spec)
        return Markdown(f"{self.num(key, spec)} {self.interval(f'{prefix}.low', f'{prefix}.high', spec)}")

    def entries(self, prefix: str) -> dict[str, Any]:
        """All values below a prefix, by the rest of their keys, in the order of the file."""
        start = prefix + "."
        return {key.removeprefix(start): n.value for key, n in self._numbers.items() if key.startswith(start)}

    def below(self, prefix: str) -> list[str]:
        """The next parts of the keys below a prefix, in the order of the file: `below("cohort.<corpus>.attrition")`."""
        parts = [rest.split(".")[0] for rest in self.entries(prefix)]
        if not parts:
            raise UserError(f"{self.source}: {self._absence(prefix + '.')}")
        return list(dict.fromkeys(parts))


def printed(value: Any, spec: str = ".2f") -> Markdown:
    """Prints a value with a true minus sign; None prints as an en dash, text is escaped."""
    if value is None:
        return MISSING
    if isinstance(value, str | bool):
        return escape(value)
    if spec == "p":
        return Markdown(rf"\< {LEAST_P}" if value < LEAST_P else f"{value:.3f}")
    if spec.endswith("%"):
        return Markdown(f"{value:{spec}}".replace("%", "\u00a0%").replace("-", "−"))
    return Markdown(f"{value:{spec}}".replace("-", "−"))


def flatten(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Gives every leaf of nested objects and lists with its dotted key; list items count from 0."""
    children: Iterable[tuple[Any, Any]]
    if isinstance(value, Mapping):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    else:
        yield prefix, value
        return
    for name, child in children:
        yield from flatten(f"{prefix}.{name}" if prefix else str(name), child)
