r"""Export: the numbers that a report prints, for other papers: `numbers.tex` and `numbers.json`.

Each is named by its key, or by its formula where the report computes it from several, and printed as in the report. A
number that the report prints in several formats has each of them under its name and the format; the name alone stands
for the first. In LaTeX, where a percent sign would begin a comment, a format writes `pc` for it:

    \input{numbers.tex}
    F1 is \synthnotes{utility.english.micro.f1.mean}, or \synthnotes[.1pc]{utility.english.micro.f1.mean}
"""

import re
from collections.abc import Iterable
from typing import Any

from synthnotes.report.kit.origins import Printed
from synthnotes.report.kit.provenance import plain_texts

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
