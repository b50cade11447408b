"""Rendering: templates and numbers to one plain Quarto project, and that to HTML and PDF by pandoc and Typst.

Nothing here depends on the machine: pandoc and Typst come as Python packages, fonts of the system are ignored, and no
date is written, so that the same results give the same bytes.
"""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import pypandoc
import typst

from synthnotes.base.files import UserError, require
from synthnotes.report.markup import escape

FILTER = Path(__file__).with_name("quarto.lua")
PROJECT_FILES = ("_quarto.yml", "references.bib", "styles")
NO_DATE = 0  # seconds since 1970: a date of creation would make every build another file

# What the portable subset leaves out, or what Quarto would execute or lay out in its own way.
OUTSIDE_THE_SUBSET = {
    r"\{\{<(?!\s*pagebreak\s*>\}\})": "a shortcode other than pagebreak",
    r"^```+\s*\{(?!=)": "an executable cell",
    r"panel-tabset": "a tabset",
    r"\.column-": "a column-… class",
    r"layout(-ncol|-nrow)?=": "a layout",
    r"@(fig|tbl|sec|eq)-[\w-]+:": "a colon that joins the reference before it",
}


def fill(paper: Path, context: Mapping[str, Any]) -> str:
    """Fills the templates `paper/*.qmd.j2`, beginning with `index.qmd.j2`, into one markdown text.

    Every expression of a template is escaped unless it is `Markdown`, so that no data can act as markup.

    Raises:
        UserError: a template is missing, faulty, or uses an unknown name.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(paper),
        undefined=jinja2.StrictUndefined,
        finalize=escape,
        comment_start_string="{//",  # Jinja's own, "{#", begins an identifier of Quarto
        comment_end_string="//}",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    try:
        text = environment.get_template("index.qmd.j2").render(context)
    except jinja2.TemplateNotFound as error:
        raise UserError(f"{paper / str(error)}: no such template.") from error
    except jinja2.TemplateSyntaxError as error:
        raise UserError(f"{error.filename or paper}, line {error.lineno}: {error.message}") from error
    except jinja2.UndefinedError as error:
        raise UserError(f"{paper}: a template uses a name that does not exist: {error.message}.") from error
    return re.sub(r"\n{3,}", "\n\n", text)


def check(text: str) -> None:
    """Raises a `UserError` for the first line outside the subset that both renderers understand."""
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, what in OUTSIDE_THE_SUBSET.items():
            if re.search(pattern, line):
                raise UserError(f"report.qmd, line {number}: {what} is outside the portable subset: {line.strip():.80}")


def write_project(folder: Path, paper: Path, text: str) -> None:
    """Writes a Quarto project: the text as `report.qmd`, and beside it what it refers to."""
    check(text)
    require(*(paper / name for name in PROJECT_FILES))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.qmd").write_text(text, encoding="utf-8")
    for name in PROJECT_FILES:
        source = paper / name
        if source.is_dir():
            shutil.copytree(source, folder / name, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, folder / name)


def render_html(folder: Path) -> bytes:
    """Renders a project as one self-contained HTML file."""
    styles = ["--css=styles/report.css", "--template=styles/template.html"]
    return _pandoc(folder, "html5", "report.html", "--embed-resources", "--mathml", *styles)


def render_pdf(folder: Path) -> bytes:
    """Renders a project as PDF, by Typst."""
    styles = ["--include-in-header=styles/brand.typ", "--template=styles/template.typ"]
    _pandoc(folder, "typst", "report.typ", *styles)
    try:
        return typst.compile(
            folder / "report.typ", root=folder, format="pdf", ignore_system_fonts=True, timestamp=NO_DATE
        )
    except typst.TypstError as error:
        raise UserError(f"report.typ: {error}") from error


def _pandoc(folder: Path, to: str, output: str, *options: str) -> bytes:
    """Runs pandoc inside a project; a warning (an unresolved reference, a missing file) is an error."""
    command = [
        *(pypandoc.get_pandoc_path(), "report.qmd", f"--output={output}", "--from=markdown", f"--to={to}"),
        *("--standalone", "--fail-if-warnings", "--metadata-file=_quarto.yml", f"--lua-filter={FILTER}", "--citeproc"),
        *("--number-sections", "--toc", "--toc-depth=2", "--wrap=preserve", *options),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"report.qmd: {_complaints(done.stderr)}")
    return (folder / output).read_bytes()


def _complaints(messages: str) -> str:
    """The first warnings or errors of pandoc, without its own technicalities."""
    lines = [line.strip() for line in messages.splitlines() if line.strip() and "Failing because" not in line]
    lines = [re.sub(r"^\[WARNING\] (Scripting warning at .*? column \d+: )?", "", line) for line in lines]
    return "; ".join(dict.fromkeys(lines[:5])) or "pandoc failed without a message"
