r"""What the report tells to programs and to other papers: `provenance.json`, `numbers.json` and `numbers.tex`.

`provenance.json` says where every number and figure of the report comes from. In the other two, each number is named by
its key, or by its formula where the report computes it from several, and printed as in the report. A number that the
report prints in several formats has each of them under its name and the format; the name alone stands for the first. In
LaTeX, where a percent sign would begin a comment, a format writes `pc` for it:

    \input{numbers.tex}
    F1 is \synthnotes{utility.english.micro.f1.mean}, or \synthnotes[.1pc]{utility.english.micro.f1.mean}
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from synthnotes.report.kit.origins import Printed
from synthnotes.report.kit.report import Report

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "%": r"\%", "_": r"\_", "#": r"\#", "&": r"\&", "$": r"\$",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\ensuremath{<}", ">": r"\ensuremath{>}",
    "−": r"\ensuremath{-}", "–": "--", "\u00a0": "~",
}  # fmt: skip
_ASCII = {"−": "-", "×": "*", "…": "...", "\u00a0": " "}  # in the names of formulas
HEAD = r"""% The numbers of the report, written by its stage: \synthnotes{key} prints one as the report does,
% \synthnotes[format]{key} in another of the formats in which it stands there.
\newcommand{\synthnotes}[2][]{%
  \ifcsname synthnotes@#1@#2\endcsname\csname synthnotes@#1@#2\endcsname
  \else\errmessage{numbers.tex: no number "#2" in the format "#1"}\fi}
\def\synthnotesnumber#1#2#3{\expandafter\def\csname synthnotes@#1@#2\endcsname{#3}}
"""


def collect(report: Report, corpora: Iterable[str], params_file: Path, versions: Mapping[str, str]) -> dict[str, Any]:
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
    entry = {"value": printed.value, "unit": printed.unit, "printed": plain_texts(printed)}
    if printed.formula:
        return {"formula": printed.formula, "keys": [number.key for number in printed.numbers]} | entry
    (number,) = printed.numbers
    found = {"key": number.key, "file": number.source.name, "place": number.place, "function": number.function}
    return found | entry


def plain_texts(printed: Printed) -> dict[str, str]:
    """The texts as a reader sees them: without the backslashes that keep them from being markup."""
    return {spec: text.replace("\\", "") for spec, text in printed.texts.items()}


def names(printed: Iterable[Printed]) -> dict[str, Printed]:
    """All that is printed, by its name: its key, or its formula in ASCII."""
    return {_replaced(_ASCII, each.formula) if each.formula else each.numbers[0].key: each for each in printed}


def as_json(printed: Iterable[Printed]) -> dict[str, Any]:
    """By name the value in full precision, its unit as far as that is known, and the text by format."""
    return {
        name: {"value": each.value, "unit": each.unit, "printed": plain_texts(each)}
        for name, each in names(printed).items()
    }


def as_tex(printed: Iterable[Printed]) -> str:
    """The file `numbers.tex`: a macro that finds a number by its name, and the numbers."""
    lines = []
    for name, each in names(printed).items():
        texts = plain_texts(each)
        for spec, text in ({"": next(iter(texts.values()))} | texts).items():
            lines.append(f"\\synthnotesnumber{{{spec.replace('%', 'pc')}}}{{{name}}}{{{tex(text)}}}")
    return HEAD + "\n".join(lines) + "\n"


def tex(text: str) -> str:
    """A text as LaTeX prints it, whatever its encoding."""
    return _replaced(_TEX, text)


def _replaced(replacements: dict[str, str], text: str) -> str:
    return re.sub("|".join(map(re.escape, replacements)), lambda match: replacements[match[0]], text)
