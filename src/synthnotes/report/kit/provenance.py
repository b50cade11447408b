"""Provenance: `provenance.json`, from which a program learns where every number and figure of the report comes from."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthnotes.report.kit.numbers import Numbers
from synthnotes.report.kit.origins import Printed, Source
from synthnotes.report.kit.tables import Tables

if TYPE_CHECKING:
    from synthnotes.report.kit.report import Report


@dataclass(frozen=True)
class Drawn:
    """What a figure was drawn from: names of tables, and keys of numbers."""

    tables: Sequence[str]
    keys: Sequence[str]

    def sources(self, tables: Tables, numbers: Numbers) -> list[Source]:
        """The files, each once, in the order of their names."""
        found = [tables.sources[table] for table in self.tables] + [numbers[key].source for key in self.keys]
        return list({source.name: source for source in sorted(found, key=lambda source: source.name)}.values())


def collect(report: "Report", corpora: Iterable[str], params_file: Path, versions: Mapping[str, str]) -> dict[str, Any]:
    """Gathers all that a report tells of itself.

    Args:
        report: after its templates were filled.
        corpora: those that were rebuilt.
        params_file: params.yaml.
        versions: of the packages.

    Returns:
        data: SHA-256 of each input file by corpus; params: SHA-256 of the file and its content; packages; files: stage,
        seeds and MD5 of each file behind a number or figure; numbers: by the label of their link (that is their key,
        where they are a result themselves) the file, the place in it and the function that computed them, or the
        formula and the keys in it, the value, its unit, and the text as printed, by format; figures: their files and
        the keys of the numbers in them.
    """
    numbers, tables = report.numbers, report.tables
    printed = numbers.printed()
    sources = {n.source.name: n.source for each in printed for n in each.numbers}
    drawn = {name: figure.sources(tables, numbers) for name, figure in report.figures_drawn.items()}
    sources |= {source.name: source for of_figure in drawn.values() for source in of_figure}
    return {
        "data": {corpus: numbers.entries(f"cohort.{corpus}.sources_sha256") for corpus in corpora},
        "params": {
            "sha256": hashlib.sha256(params_file.read_bytes()).hexdigest(),
            "values": report.params.model_dump(),
        },
        "packages": dict(versions),
        "files": {
            name: {"stage": source.stage, "seeds": dict(source.seeds), "md5": source.md5}
            for name, source in sorted(sources.items())
        },
        "numbers": {each.label: entry(each) for each in printed},
        "figures": {
            name: {"files": [source.name for source in drawn[name]], "numbers": list(figure.keys)}
            for name, figure in report.figures_drawn.items()
        },
    }


def entry(printed: Printed) -> dict[str, Any]:
    """What is told of one number."""
    told = {"value": printed.value, "unit": printed.unit, "printed": plain_texts(printed)}
    if printed.formula:
        return {"formula": printed.formula, "keys": [number.key for number in printed.numbers]} | told
    (number,) = printed.numbers
    found = {"key": number.key, "file": number.source.name, "place": number.place, "function": number.function}
    return found | told


def plain_texts(printed: Printed) -> dict[str, str]:
    """The texts as a reader sees them: without the backslashes that keep them from being markup."""
    return {spec: text.replace("\\", "") for spec, text in printed.texts.items()}
