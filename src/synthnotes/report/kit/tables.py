"""Tables: the CSV files among the results, from which figures are drawn and cells are printed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.machinery.files import UserError, read_csv
from synthnotes.report.kit.origins import Source


class NoDataError(Exception):
    """A table has no rows: its message names the file, and is shown in the place of what was to be drawn from it."""


class Tables(Mapping[str, pd.DataFrame]):
    """The CSV files, by name.

    Attributes:
        sources: the file of each table.
        read: names of the tables that were asked for since it was last emptied.
    """

    def __init__(
        self, results: Path, files: Mapping[str, str], seeds: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """Reads the files.

        Raises:
            UserError: a file is missing or is no table.
        """
        require_results(results, files)
        self._tables = {name: read_csv(results / relative) for name, relative in files.items()}
        self.sources = {}
        for name, relative in files.items():
            stage = relative.split("/")[0]
            of_stage = (seeds or {}).get(stage, {})
            self.sources[name] = Source(results / relative, f"{results.name}/{relative}", stage, of_stage)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Gives a table, or raises `NoDataError` where there is none, or it has no rows."""
        self.read.add(name)
        if name not in self._tables:
            raise NoDataError(f"the table {name} is not there")
        if self._tables[name].empty:
            raise NoDataError(f"{self.sources[name].name} has no rows")
        return self._tables[name]

    def table(self, name: str) -> tuple[pd.DataFrame, Source]:
        """Gives a table, which may have no rows, and the file that holds it."""
        return self._tables[name], self.sources[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


def require_results(results: Path, files: Mapping[str, str]) -> None:
    """Raises a `UserError` that names the results that are missing."""
    missing = [relative for relative in files.values() if not (results / relative).is_file()]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        others = f" So are {', '.join(missing[1:5])}{more}." if len(missing) > 1 else ""
        raise UserError(
            f"{results / missing[0]}: this result is missing; the stage {missing[0].split('/')[0]!r} writes it."
            f"{others} Run `dvc repro`, which makes what is missing, or says why it cannot."
        )
