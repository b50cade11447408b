"""Report: the results of all stages as one paper, in HTML and PDF, with the provenance of its numbers."""

import shutil
import tempfile
from pathlib import Path

from synthnotes.machinery import params, pipeline
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import read_yaml, replacing, write_json
from synthnotes.report import facts, inputs, provenance, render
from synthnotes.report.contents import Contents
from synthnotes.report.numbers import Numbers
from synthnotes.report.published import Published

PUBLISHED = ("corpora", "coder", "questionnaire")


def main(
    paper: Path, results: Path, params_file: Path, html: Path, pdf: Path, quarto: Path, provenance_file: Path
) -> str:
    """Fills the templates with the results that the pipeline beside the parameters declares, and renders them."""
    settings = params.read(params_file)
    seeds = inputs.seeds(settings)
    files, tables = inputs.result_files(settings, pipeline.stages(params_file.parent), results.name)
    numbers = Numbers(results, files, str(paper), seeds)
    numbers.include("params", params_file, settings.model_dump())
    repairs = read_yaml(paper / "repairs.yaml")
    numbers.include("repairs", paper / "repairs.yaml", facts.repair_counts(repairs), f"{paper.name}/repairs.yaml")
    published = [Published(paper / "published" / f"{name}.yaml") for name in PUBLISHED]
    for of in published:
        numbers.include(f"published.{of.name}", of.path, of.numbers, f"{paper.name}/published/{of.path.name}")
    plots = inputs.Plots(results, tables, seeds)

    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "report"
        contents = Contents(settings, numbers, plots, published, repairs, project)
        render.write_project(project, paper, render.fill(paper, contents.context()))
        with replacing(quarto) as copy:
            shutil.copytree(project, copy)
        pages = dict(zip((html, pdf), render.render(project, settings.report.engine), strict=True))
    for path, content in pages.items():
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    told = provenance.collect(
        numbers, plots, contents.figures_drawn, settings.corpora, params_file, settings.model_dump(), facts.installed()
    )
    write_json(provenance_file, told)
    sizes = ", ".join(f"{path} {len(content) / 2**20:.1f} MiB" for path, content in pages.items())
    return f"{len(contents.figures_drawn)} figures, {len(told['numbers'])} numbers, {sizes}"


if __name__ == "__main__":
    run(main)
