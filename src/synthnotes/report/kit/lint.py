"""Lint: no result is typed into the prose, and the source stays within what both renderers understand.

Quarto ends without an error where a reference or a citation leads nowhere, and lays some constructs out in its own
way; so the source is parsed, and whatever is not known to come out alike in both renderers is refused.
"""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict

import jinja2
import pypandoc

from synthnotes.machinery.files import UserError, read_yaml


class Marks(TypedDict):
    """What a template writes around its comments, as Jinja calls it."""

    comment_start_string: str
    comment_end_string: str


JINJA: Marks = {"comment_start_string": "{//", "comment_end_string": "//}"}  # Quarto's identifiers begin with "{#"

NAMES = "names.yaml"  # beside the templates: regular expressions of names and terms that hold digits
_MARKUP = r"\$[^$]*\$|`[^`]*`|\{[^{}\n]*\}|@[\w-]+|\[@[^\]]*\]|^\s*#.*$"  # digits in it are no results
_DIGITS = re.compile(r"[−-]?\d[\d.,]*(\s?%)?")
_PARAMETER = re.compile(r"[\w.+,%:/{}-]*$")  # a key, format or identifier: no prose

# What pandoc's parser does not show: shortcodes, and what Quarto reads otherwise.
_LINES = {
    r"\{\{<(?!\s*pagebreak\s*>\}\})": "a shortcode other than pagebreak",
    r"^\s*(```+|~~~+)\s*\{": "an executable cell or raw block",
    r"@(fig|tbl|sec|eq)-[\w-]+:": "a colon that joins the reference before it",
    r"^\s*<!--": "an HTML comment",
}
_CALLOUTS = {f"callout-{kind}" for kind in ("note", "tip", "warning", "important", "caution")}
_CONDITIONS = {"content-visible", "content-hidden"}
_ALLOWED = {  # classes and attributes
    "Div": (_CALLOUTS | _CONDITIONS | {"origins"}, {"title", "when-format", "unless-format"}),
    "Span": (_CONDITIONS, {"when-format", "unless-format"}),
    "Header": ({"unnumbered"}, set()),
    "Table": ({"natural", "ruled"}, set()),
    "Image": (set(), {"fig-alt", "width"}),
    "Link": ({"uri"}, set()),
    "CodeBlock": (set(), set()),
    "Code": (set(), set()),
    "Figure": (set(), set()),
}
_PREFIXES = {"Header": "sec-", "Table": "tbl-", "Figure": "fig-"}
_CROSS_REFERENCE = re.compile(r"(fig|tbl|sec|eq)-")
_EQUATION = re.compile(r"\{#(eq-[\w-]+)\}$")


class Templates(jinja2.FileSystemLoader):
    """Loads templates, and refuses one with a number that is typed into its prose, captions included."""

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Any]:
        """Gives a template's text, as Jinja asks for it, or raises a `UserError` for the first such number."""
        source, path, is_current = super().get_source(environment, template)
        names = Path(path).with_name(NAMES)
        for line, number in typed_numbers(source, read_yaml(names) if names.is_file() else []):
            raise UserError(
                f"{path}, line {line}: the number {number!r} is typed into the prose. Results enter by "
                '{{ num("…") }}, parameters by {{ num("params.…") }}.'
            )
        return source, path, is_current


def typed_numbers(template: str, names: Sequence[str] = ()) -> Iterator[tuple[int, str]]:
    """Gives line and text of every number in the prose of a template: between expressions, and in their captions.

    Args:
        template: its source.
        names: regular expressions of what holds digits and is no number.
    """
    no_numbers = re.compile("|".join([_MARKUP, *names]), re.MULTILINE)
    try:
        tokens = list(jinja2.Environment(**JINJA, autoescape=True).lex(template))
    except jinja2.TemplateSyntaxError:
        return  # whoever fills the template says so better
    for line, kind, text in tokens:
        prose = kind == "data" or (kind == "string" and not _PARAMETER.match(text[1:-1]))
        if prose:
            blank = no_numbers.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
            for match in _DIGITS.finditer(blank):
                yield line + blank.count("\n", 0, match.start()), match[0]


def check(text: str, bibliography: str) -> None:
    """Raises a `UserError` for what is outside the portable subset, or leads nowhere.

    Args:
        text: of report.qmd.
        bibliography: of its BibTeX file.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, what in _LINES.items():
            if re.search(pattern, line):
                raise UserError(f"report.qmd, line {number}: {what} is outside the portable subset: {line.strip():.80}")
    elements = list(_elements(json.loads(parse(text))))
    complaints = [*_outside(elements), *_nowhere(elements, set(re.findall(r"^@\w+\{([^,\s]+),", bibliography, re.M)))]
    if complaints:
        more = f" And {len(complaints) - 1} more." if len(complaints) > 1 else ""
        raise UserError(f"report.qmd: {complaints[0]}{more}")


@lru_cache(maxsize=1)
def parse(text: str) -> str:
    """Parses the source, once for the check and for both formats: pandoc's JSON."""
    return pandoc(text, "--from=markdown", "--to=json", "--standalone")


def pandoc(text: str, *options: str, folder: Path | None = None) -> str:
    """Runs pandoc on a text, inside a folder; a warning (an unresolved reference, a missing file) is an error."""
    command = [pypandoc.get_pandoc_path(), "--fail-if-warnings", *options]
    done = subprocess.run(command, input=text, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"report.qmd: {_complaints(done.stderr)}")
    return done.stdout


def _complaints(messages: str) -> str:
    """The first warnings or errors of pandoc, without its own technicalities."""
    lines = [line.strip() for line in messages.splitlines() if line.strip() and "Failing because" not in line]
    lines = [re.sub(r"^\[WARNING\] (Scripting warning at .*? column \d+: )?", "", line) for line in lines]
    return "; ".join(dict.fromkeys(lines[:5])) or "pandoc failed without a message"


def _elements(node: Any) -> Iterator[dict[str, Any]]:
    """All elements of a parsed document, in its order."""
    if isinstance(node, dict):
        if "t" in node:
            yield node
        for child in node.values():
            yield from _elements(child)
    elif isinstance(node, list):
        for child in node:
            yield from _elements(child)


def _attributes(element: dict[str, Any]) -> tuple[str, list[str], dict[str, str]] | None:
    """Identifier, classes and other attributes of an element that has any."""
    if element["t"] not in _ALLOWED:
        return None
    identifier, classes, others = element["c"][1] if element["t"] == "Header" else element["c"][0]
    return identifier, classes, dict(others)


def _outside(elements: list[dict[str, Any]]) -> Iterator[str]:
    """What the two renderers would not show alike."""
    for element in elements:
        kind = element["t"]
        if kind in ("RawBlock", "RawInline"):
            yield f"raw {element['c'][0]} is outside the portable subset: {element['c'][1]:.60}"
        attributes = _attributes(element)
        if attributes is None:
            continue
        identifier, classes, others = attributes
        known_classes, known_attributes = _ALLOWED[kind]
        unknown = [f".{name}" for name in classes if name not in known_classes]
        unknown += [f"{name}=" for name in others if name not in known_attributes]
        name = f"{kind.lower()} #{identifier}" if identifier else f"a {kind.lower()}"
        if unknown:
            yield f"{name} has {', '.join(unknown)}, which is outside the portable subset"
        if kind == "Div" and identifier and set(classes) & _CALLOUTS:
            yield f"{name}: a callout with an identifier is outside the portable subset"
        if kind in _PREFIXES and "unnumbered" not in classes and not identifier.startswith(_PREFIXES[kind]):
            yield f"{name}: its identifier must begin with {_PREFIXES[kind]}: {_words(element):.60}"
        if kind in ("Table", "Figure") and not _words(element["c"][1]).strip():
            yield f"{name} has no caption"
        if kind == "Image" and identifier:
            yield f"{name} has no caption, or stands in a line of text"
        if kind == "Image" and not others.get("fig-alt", "").strip():
            yield f"{name} ({element['c'][2][0]}) has no alternative text (fig-alt)"


def _nowhere(elements: list[dict[str, Any]], bibliography: set[str]) -> Iterator[str]:
    """References, citations and links that lead nowhere, and identifiers that lead to two places."""
    identifiers = Counter(found[0] for element in elements if (found := _attributes(element)) and found[0])
    strings = [element["c"] for element in elements if element["t"] == "Str"]
    identifiers.update(match[1] for text in strings if (match := _EQUATION.search(text)))
    yield from (f"the identifier #{name} stands {n} times" for name, n in identifiers.items() if n > 1)
    yield from (f"a link has no target: {text:.80}" for text in strings if re.search(r"\]\[[\w.-]+\]", text))
    for element in elements:
        if element["t"] == "Cite":
            for citation in element["c"][0]:
                name = citation["citationId"]
                if name not in (identifiers if _CROSS_REFERENCE.match(name) else bibliography):
                    yield f"@{name} leads nowhere: no such figure, table, section, equation or bibliography entry"
        elif (
            element["t"] == "Link" and (target := element["c"][2][0]).startswith("#") and target[1:] not in identifiers
        ):
            yield f"a link leads to {target}, which does not exist: {_words(element):.60}"


def _words(node: Any) -> str:
    return " ".join(element["c"] for element in _elements(node) if element["t"] == "Str")
