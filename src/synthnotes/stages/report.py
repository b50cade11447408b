"""Report: the results of all stages as one paper, in HTML and PDF, with the provenance of its numbers."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from synthnotes.machinery import params, pipeline
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import read_yaml, replacing, write_json
from synthnotes.machinery.language import read_language
from synthnotes.report.appendix import installed
from synthnotes.report.index import CHAPTERS
from synthnotes.report.kit import provenance, render
from synthnotes.report.kit.numbers import Numbers
from synthnotes.report.kit.tables import Tables
from synthnotes.report.paper import Paper, result_files, seeds
from synthnotes.significance.published_values import parse

PUBLISHED = ("corpora", "coder", "questionnaire")


def gather(paper: Path, results: Path, params_file: Path, languages: Path) -> Paper:
    """Reads what a report is made of: parameters, the results that the pipeline declares, and published values."""
    settings = params.read(params_file)
    files, tables = result_files(settings, pipeline.stages(params_file.parent), results.name)
    numbers = Numbers(results, files, str(paper), seeds(settings))
    numbers.include("params", params_file, settings.model_dump())
    repairs = read_yaml(path := paper / "repairs.yaml")
    counts = {"entries": len(repairs), "chapters": Counter(entry["chapter"].lower() for entry in repairs)}
    numbers.include("repairs", path, counts, f"{paper.name}/{path.name}")
    published = {}
    for name in PUBLISHED:
        path = paper / "published" / f"{name}.yaml"
        published[name] = parse(read_yaml(path), str(path))
        numbers.include(f"published.{name}", path, published[name].numbers, f"{paper.name}/published/{path.name}")
    spoken = {of.language: read_language(languages / f"{of.language}.yaml").name for of in settings.corpora.values()}
    drawn = Tables(results, tables, seeds(settings))
    return Paper(settings, numbers, drawn, CHAPTERS, published, repairs, spoken)


def main(
    paper: Path,
    results: Path,
    params_file: Path,
    languages: Path,
    html: Path,
    pdf: Path,
    quarto: Path,
    provenance_file: Path,
    numbers_json: Path,
    numbers_tex: Path,
) -> str:
    """Fills the templates and renders them, and writes what programs and other papers may want of the numbers."""
    report = gather(paper, results, params_file, languages)
    engine = report.params.report.engine
    with tempfile.TemporaryDirectory() as folder:
        project = report.folder = Path(folder) / "report"
        render.write_project(project, paper, render.fill(paper, report.context))
        with replacing(quarto) as copy:
            shutil.copytree(project, copy)
        pages = dict(zip((html, pdf), render.render(project, engine), strict=True))
    printed = report.numbers.printed()
    write_json(provenance_file, provenance.collect(report, report.params.corpora, params_file, installed(engine)))
    write_json(numbers_json, provenance.as_json(printed))
    for path, content in (pages | {numbers_tex: provenance.as_tex(printed).encode()}).items():
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    sizes = ", ".join(f"{path} {len(content) / 2**20:.1f} MiB" for path, content in pages.items())
    return f"{len(report.figures_drawn)} figures, {len(printed)} numbers, {sizes}"


if __name__ == "__main__":
    run(main)
