"""Rendering: templates and numbers to one plain Quarto project, and that to HTML and PDF by pandoc and Typst.

Nothing here depends on the machine: pandoc and Typst come as Python packages, fonts of the system are ignored, and no
date is written, so that the same results give the same bytes.
"""

import re
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jinja2
import typst

from synthnotes.machinery.files import UserError, require
from synthnotes.report.kit import lint, quarto
from synthnotes.report.kit.lint import JINJA
from synthnotes.report.kit.markup import Markdown, escape

FILTER = Path(__file__).with_name("quarto.lua")
TABLES = "styles/tables.lua"  # of the project: Quarto runs it, too
PROJECT_FILES = ("_quarto.yml", "references.bib", "styles")
NO_DATE = 0  # seconds since 1970: a date of creation would make every build another file


def fill(paper: Path, context: Callable[[str], Mapping[str, Any]]) -> str:
    """Fills the templates `paper/*.qmd.j2` into one markdown text: `index`, which calls the others by `chapter("…")`.

    Every expression of a template is escaped unless it is `Markdown`, so that no data can act as markup.

    Args:
        paper: the folder of the templates.
        context: gives what a template may use, by its name.

    Raises:
        UserError: a template is missing, faulty, or uses an unknown name.
    """
    environment = jinja2.Environment(  # noqa: S701  (`finalize` escapes, as markdown)
        loader=lint.Templates(paper),
        undefined=jinja2.StrictUndefined,
        finalize=escape,
        **JINJA,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

    def chapter(name: str) -> Markdown:
        of_chapter = {**context(name), "chapter": chapter}
        return Markdown(environment.get_template(f"{name}.qmd.j2").render(of_chapter))

    try:
        text = chapter("index")
    except jinja2.TemplateNotFound as error:
        raise UserError(f"{paper / str(error)}: no such template.") from error
    except jinja2.TemplateSyntaxError as error:
        raise UserError(f"{error.filename or paper}, line {error.lineno}: {error.message}") from error
    except jinja2.UndefinedError as error:
        raise UserError(f"{paper}: a template uses a name that does not exist: {error.message}.") from error
    return re.sub(r"\n{3,}", "\n\n", text)


def write_project(folder: Path, paper: Path, text: str) -> None:
    """Writes a Quarto project: the text as `report.qmd`, and beside it what it refers to."""
    require(*(paper / name for name in PROJECT_FILES))
    lint.check(text, (paper / "references.bib").read_text(encoding="utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.qmd").write_text(text, encoding="utf-8")
    for name in PROJECT_FILES:
        source = paper / name
        if source.is_dir():
            shutil.copytree(source, folder / name, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, folder / name)


def render(folder: Path, engine: str) -> tuple[bytes, bytes]:
    """Renders a project as HTML and as PDF, by the `embedded` renderer or by `quarto`."""
    if engine == "quarto":
        return quarto.render(folder)
    with ThreadPoolExecutor() as threads:
        html, pdf = (threads.submit(renderer, folder) for renderer in (render_html, render_pdf))
        return html.result(), pdf.result()


def render_html(folder: Path) -> bytes:
    """Renders a project as one self-contained HTML file."""
    styles = ["--css=styles/report.css", "--template=styles/template.html"]
    _pandoc(folder, "html5", "report.html", "--embed-resources", "--mathml", *styles)
    return (folder / "report.html").read_bytes()


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


def _pandoc(folder: Path, to: str, output: str, *options: str) -> None:
    """Turns a project's source into a file of the given format."""
    parsed = lint.parse((folder / "report.qmd").read_text(encoding="utf-8"))
    filters = [f"--lua-filter={TABLES}", f"--lua-filter={FILTER}", "--citeproc"]
    shared = ["--standalone", "--metadata-file=_quarto.yml", *filters, "--wrap=preserve"]
    contents = ["--number-sections", "--toc", "--toc-depth=2"]
    how = ["--from=json", f"--to={to}", f"--output={output}"]
    lint.pandoc(parsed, *how, *shared, *contents, *options, folder=folder)
