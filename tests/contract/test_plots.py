"""`dvc plots` shows the report's figures: files that stages make, in templates that exist, with titles and axes."""

import csv
import json
import re

import pytest

from pipeline import ROOT, dvc_yaml, stages

PLOTS = [next(iter(entry.items())) for entry in dvc_yaml()["plots"]]
BY_NAME = pytest.mark.parametrize(("name", "plot"), PLOTS, ids=[name for name, _ in PLOTS])
TABLES = {output.path for stage in stages() for output in stage.outputs if re.match(r"results/.*\.csv$", output.path)}
TEMPLATES = {path.stem: path for path in (ROOT / ".dvc" / "plots").glob("*.json")}


def files(plot):
    """The files of a plot with the columns on the axis y."""
    return {path: [columns] if isinstance(columns, str) else columns for path, columns in plot["y"].items()}


@BY_NAME
def test_a_plot_shows_columns_of_files_that_stages_make(name, plot):
    for path, columns in files(plot).items():
        assert path in TABLES
        with (ROOT / path).open(encoding="utf-8") as file:
            assert {plot["x"], *columns} <= set(next(csv.reader(file)))


@BY_NAME
def test_a_plot_has_a_title_axes_and_a_template(name, plot):
    assert {"title", "x_label", "y_label"} <= plot.keys()
    assert plot["template"] in TEMPLATES


def test_every_kind_of_file_behind_a_figure_is_plotted():
    plotted = {re.sub(r"mimic|sepr", "*", path) for _, plot in PLOTS for path in files(plot)}
    kinds = {re.sub(r"mimic|sepr", "*", path) for path in TABLES}
    assert kinds - plotted == {"results/errors/*-codes.csv"}  # single codes: a table in the report


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_have_what_dvc_fills_in(name):
    text = TEMPLATES[name].read_text(encoding="utf-8")
    json.loads(text)
    for anchor in ("DATA", "TITLE", "X", "Y", "X_LABEL", "Y_LABEL"):
        assert f"<DVC_METRIC_{anchor}>" in text
