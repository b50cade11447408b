"""Report: the results of all stages as one paper, in HTML and PDF, with the provenance of its numbers."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from synthnotes.machinery import params, pipeline
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import read_yaml, replacing, write_json
from synthnotes.report.appendix import installed
from synthnotes.report.index import CHAPTERS
from synthnotes.report.kit import provenance, render
from synthnotes.report.kit.numbers import Numbers
from synthnotes.report.kit.tables import Tables
from synthnotes.report.paper import Paper, result_files, seeds
from synthnotes.significance.published import parse

PUBLISHED = ("corpora", "coder", "questionnaire")


def main(
    paper: Path, results: Path, params_file: Path, html: Path, pdf: Path, quarto: Path, provenance_file: Path
) -> str:
    """Fills the templates with the results that the pipeline beside the parameters declares, and renders them."""
    settings = params.read(params_file)
    files, tables = result_files(settings, pipeline.stages(params_file.parent), results.name)
    numbers = Numbers(results, files, str(paper), seeds(settings))
    numbers.include("params", params_file, settings.model_dump())
    repairs = read_yaml(paper / "repairs.yaml")
    chapters = Counter(entry["chapter"].lower() for entry in repairs)
    numbers.include(
        "repairs", paper / "repairs.yaml", {"entries": len(repairs), "chapters": chapters}, f"{paper.name}/repairs.yaml"
    )
    published = {}
    for name in PUBLISHED:
        path = paper / "published" / f"{name}.yaml"
        published[name] = parse(read_yaml(path), str(path))
        numbers.include(f"published.{name}", path, published[name].numbers, f"{paper.name}/published/{path.name}")
    of_run = Paper(settings, numbers, Tables(results, tables, seeds(settings)), CHAPTERS, published, repairs)

    with tempfile.TemporaryDirectory() as folder:
        project = of_run.folder = Path(folder) / "report"
        render.write_project(project, paper, render.fill(paper, of_run.context))
        with replacing(quarto) as copy:
            shutil.copytree(project, copy)
        pages = dict(zip((html, pdf), render.render(project, settings.report.engine), strict=True))
    for path, content in pages.items():
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    told = provenance.collect(of_run, settings.corpora, params_file, installed())
    write_json(provenance_file, told)
    sizes = ", ".join(f"{path} {len(content) / 2**20:.1f} MiB" for path, content in pages.items())
    return f"{len(of_run.figures_drawn)} figures, {len(told['numbers'])} numbers, {sizes}"


if __name__ == "__main__":
    run(main)
