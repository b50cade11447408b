"""A report: its parameters, numbers and tables, and the figures that it draws from them.

A chapter is a template `<name>.qmd.j2`, and a module of the same name where it needs Python: the functions in the
module's `__all__`, which take the report first, are what the template may use under their own names; `figures` gives
what draws its figures.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from matplotlib.figure import Figure

from synthnotes.machinery.files import UserError
from synthnotes.report.kit import markup, origins, style
from synthnotes.report.kit.markup import Markdown
from synthnotes.report.kit.numbers import Numbers
from synthnotes.report.kit.origins import Source
from synthnotes.report.kit.tables import NoDataError, Tables

# What templates may ask of the numbers.
NUMBERS = ("num", "bare", "word", "value", "below", "interval", "quotient", "difference", "total", "p", "size")
Drawings = Mapping[str, Callable[[], Figure]]


@dataclass(frozen=True)
class Drawn:
    """What a figure was drawn from: names of tables, and keys of numbers."""

    tables: Sequence[str]
    keys: Sequence[str]

    def sources(self, tables: Tables, numbers: Numbers) -> list[Source]:
        """The files, each once, in the order of their names."""
        found = [tables.sources[table] for table in self.tables] + [numbers[key].source for key in self.keys]
        return list({source.name: source for source in sorted(found, key=lambda source: source.name)}.values())


class Report:
    """What the templates of a report are filled from.

    Attributes:
        params: the parameters of this run, validated.
        numbers: the results, and whatever else the report prints.
        tables: the tables behind figures.
        figures_drawn: what the figures that the templates asked for were drawn from, by their names.
    """

    def __init__(self, params: Any, numbers: Numbers, tables: Tables, chapters: Mapping[str, ModuleType]) -> None:
        """Gathers them; `chapters` are modules, by the names of their templates."""
        self.params, self.numbers, self.tables, self.chapters = params, numbers, tables, chapters
        self.figures_drawn: dict[str, Drawn] = {}
        self.folder = Path()

    def context(self, template: str) -> dict[str, Any]:
        """What a template may use: the kit's own functions, and those of the chapter's module."""
        module = self.chapters.get(template)
        own = {name: partial(getattr(module, name), self) for name in module.__all__} if module else {}
        return {
            "params": self.params,
            **{name: getattr(self.numbers, name) for name in NUMBERS},
            "has": lambda key: key in self.numbers,
            "md": markup.one_line,
            "table": markup.table,
            "fig": self.figure,
            "grid": self.grid,
            "origins": self.origins,
            "inline": lambda text: origins.inline(text, self.numbers.printed()),
            "right": lambda headings: [f">{heading}" for heading in headings],
            **own,
        }

    def grid(self, columns: Iterable[str], rows: Iterable[tuple[str, str | Sequence[str], str]]) -> list[list[object]]:
        """The rows of a table with a row for each quantity and a column for each group of results.

        Args:
            columns: what the keys of each column begin with; with a "+" before it, numbers keep their signs, and a
                column without a key stays empty.
            rows: label, the rest of the key (or a key with `{}` in the place of the column; or several, printed with a
                slash between), and format. Where the key has but `low` and `high` below it, an interval is printed.
        """
        numbers, columns = self.numbers, list(columns)

        def cell(keys: str | Sequence[str], column: str, spec: str) -> Markdown | None:
            if not column:
                return None
            spec = "+" * column.startswith("+") + spec
            column, keys = column.removeprefix("+"), [keys] if isinstance(keys, str) else keys
            keys = [key.format(column) if "{}" in key else f"{column}.{key}" for key in keys]
            ends = [(f"{key}.low", f"{key}.high") for key in keys]
            cells = (
                numbers.interval(*interval, spec)
                if key not in numbers and interval[0] in numbers
                else numbers.num(key, spec)
                for key, interval in zip(keys, ends, strict=True)
            )
            return Markdown(" / ".join(cells))

        return [[label, *(cell(keys, column, spec) for column in columns)] for label, keys, spec in rows]

    def drawings(self) -> dict[str, Callable[[], Figure]]:
        """All figures of this run, by name; what a figure is drawn from is read when it is drawn."""
        with_figures = [module for module in self.chapters.values() if hasattr(module, "figures")]
        return {name: drawing for module in with_figures for name, drawing in module.figures(self).items()}

    def figure(self, name: str, caption: str, alternative: str, width: int = 100) -> Markdown:
        """Draws a figure and gives its markup, under the identifier `fig-<name>`.

        Where a table behind it has no rows, a note takes its place, in the figure and in the caption.
        """
        drawings = self.drawings()
        if name not in drawings:
            raise UserError(f"paper: no figure {name!r}; there are {', '.join(drawings)}.")
        path = self.folder / "figures" / f"{name}.svg"
        self.tables.read.clear()
        with self.numbers.watching() as keys:
            try:
                style.draw(drawings[name], path)
            except NoDataError as error:
                reason = str(error)
                style.draw(lambda: style.notice(f"No data: {reason}"), path)
                caption = markup.join(Markdown("**No data:** "), reason, ". ", Markdown(caption))
            except KeyError as error:
                files = ", ".join(self.tables.sources[table].name for table in sorted(self.tables.read))
                raise UserError(f"Figure {name!r}: {files}: no column or entry {error}. Run `dvc repro`.") from error
        self.figures_drawn[name] = Drawn(sorted(self.tables.read), sorted(keys))
        return markup.figure(f"fig-{name}", f"figures/{name}.svg", caption, alternative, width)

    def origins(self) -> Markdown:
        """The list of all numbers that were printed before, and what their links lead to: the end of the report."""
        printed = self.numbers.printed()
        return Markdown(origins.listing(printed) + origins.references(printed))
