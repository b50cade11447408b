"""Report: the results of all stages as one paper, in HTML and PDF."""

import tempfile
from pathlib import Path

from synthnotes.base import files, params
from synthnotes.base.cli import run
from synthnotes.base.files import replacing
from synthnotes.report import numbers as results_door
from synthnotes.report import render
from synthnotes.report.contents import Contents


def main(paper: Path, results: Path, params_file: Path, html: Path, pdf: Path) -> str:
    """Fills the templates with the results and renders them."""
    settings = params.read(params_file)
    numbers = results_door.Numbers(results, results_door.result_files(settings), source=str(paper))
    numbers.include("params", params_file, settings.model_dump())
    for name in ("corpora", "coder", "questionnaire"):
        numbers.include(f"published.{name}", *read_yaml(paper / "published" / f"{name}.yaml"))
    plots = results_door.read_plots(results, results_door.plot_files(settings))
    repairs = read_yaml(paper / "repairs.yaml")[1]

    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        contents = Contents(settings, numbers, plots, repairs, project)
        render.write_project(project, paper, render.fill(paper, contents.context()))
        pages = {html: render.render_html(project), pdf: render.render_pdf(project)}
    for path, content in pages.items():
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    sizes = ", ".join(f"{path} {len(content) / 2**20:.1f} MiB" for path, content in pages.items())
    return f"{len(contents.figures_drawn)} figures, {sizes}"


def read_yaml(path: Path) -> tuple[Path, object]:
    """A YAML file beside its path."""
    return path, files.read_yaml(path)


if __name__ == "__main__":
    run(main)
