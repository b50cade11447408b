"""`dvc plots` shows the report's figures: files that stages make, in templates that exist, with titles and axes."""

import csv
import json
import re

import pytest

from pipeline import ROOT, dvc_yaml, stages

PLOTS = [next(iter(entry.items())) for entry in dvc_yaml()["plots"]]
BY_NAME = pytest.mark.parametrize(("name", "plot"), PLOTS, ids=[name for name, _ in PLOTS])
DECLARED = {output.path: output.options for stage in stages() for output in stage.outputs if output.kind == "plots"}
TEMPLATES = {path.stem: path for path in (ROOT / ".dvc" / "plots").glob("*.json")}


def files(plot):
    """The files of a plot with the columns on the axis y; the first seed stands for `${seeds[0]}`."""
    (seed, *_) = sorted({match[1] for path in DECLARED if (match := re.search(r"-(\d+)-curve\.csv$", path))})
    for path, columns in plot["y"].items():
        yield path.replace("${seeds[0]}", seed), [columns] if isinstance(columns, str) else columns


@BY_NAME
def test_a_plot_shows_columns_of_files_that_stages_make(name, plot):
    for path, columns in files(plot):
        assert path in DECLARED
        with (ROOT / path).open(encoding="utf-8") as file:
            assert {plot["x"], *columns} <= set(next(csv.reader(file)))


@BY_NAME
def test_a_plot_has_a_title_axes_and_a_template(name, plot):
    assert {"title", "x_label", "y_label"} <= plot.keys()
    assert plot["template"] in TEMPLATES


def test_every_kind_of_file_behind_a_figure_is_plotted():
    plotted = {re.sub(r"mimic|sepr|\d{4}", "*", path) for _, plot in PLOTS for path, _ in files(plot)}
    kinds = {re.sub(r"mimic|sepr|\d{4}", "*", path) for path in DECLARED}
    assert kinds - plotted == {"results/errors/*-codes.csv"}  # single codes: a table in the report


@pytest.mark.parametrize("path", DECLARED)
def test_a_stage_names_a_template_that_exists(path):
    assert DECLARED[path].get("template", "linear") in {*TEMPLATES, "linear", "scatter"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_have_what_dvc_fills_in(name):
    text = TEMPLATES[name].read_text(encoding="utf-8")
    json.loads(text)
    for anchor in ("DATA", "TITLE", "X", "Y", "X_LABEL", "Y_LABEL"):
        assert f"<DVC_METRIC_{anchor}>" in text
