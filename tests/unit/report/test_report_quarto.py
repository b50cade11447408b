"""Quarto beside the embedded renderer: what it says and what is asked of it; where it is installed, what it makes."""

import json
import re
import shutil
import stat
import subprocess

import numpy as np
import pytest
import yaml
from reading import outputs, structure, words

from synthnotes.machinery.files import UserError
from synthnotes.report.kit import quarto, render
from synthnotes.stages.report import main

needs_quarto = pytest.mark.skipif(shutil.which("quarto") is None, reason="Quarto is not installed")
needs_chromium = pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
WINDOWS = (1440, 1000, 390)  # pixels


def message(text, level="INFO"):
    return json.dumps({"msg": text, "level": 20, "levelName": level, "loggerName": "default"})


@pytest.mark.parametrize(
    ("text", "level", "found"),
    [
        ("pandoc \n  to: html", "INFO", []),
        ("\x1b[33mWARNING (/opt/filters/main.lua:14920) Unable to resolve crossref @fig-none\n\x1b[39m", "INFO",
         ["Unable to resolve crossref @fig-none"]),
        ("WARNING] Citeproc: citation nobody2020 not found\n", "INFO", ["Citeproc: citation nobody2020 not found"]),
        ("\x1b[33mWARNING (/opt/main.lua:1) \nThe following string was found in the document: :::\n\nThis usually …",
         "INFO", []),
        ("Something is old", "WARN", ["Something is old"]),
        ("\x1b[91mERROR: Typst compilation failed\x1b[39m", "ERROR", ["Typst compilation failed"]),
    ],
)  # fmt: skip
def test_what_quarto_complains_of_is_told_in_one_line(text, level, found):
    assert quarto.complaints("\n".join([message("pandoc "), "", message(text, level), message(text, level)])) == found


def install(folder, monkeypatch, version="1.9.38", log="", code=0):
    """A program that answers as Quarto does, and renders nothing but what it is told."""
    (folder / "log").write_text(log, encoding="utf-8")
    program = folder / "quarto"
    program.write_text(
        f"""#!/bin/sh
        case "$1" in
          --version) echo {version};;
          pandoc) echo "pandoc 3.8.3"; echo "Features: +server";;
          typst) echo "typst 0.14.2 (abc)";;
          render) cp {folder}/log quarto.log; [ {code} = 0 ] && echo page > report.html && echo pdf > report.pdf
                  exit {code};;
        esac""",
        encoding="utf-8",
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def test_quarto_says_which_versions_it_brings(tmp_path, monkeypatch, project):
    install(tmp_path, monkeypatch)
    assert quarto.versions() == {"quarto": "1.9.38", "pandoc (quarto's)": "3.8.3", "typst (quarto's)": "0.14.2"}
    assert quarto.render(project) == (b"page\n", b"pdf\n")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"version": "1.8.27"}, "Quarto 1.8.27 is too old: 1.9 is the oldest that serves"),
        ({"log": message("WARNING (x.lua:1) Unable to resolve crossref @tbl-x")}, "Unable to resolve crossref @tbl-x"),
        ({"log": message("ERROR: no\n", "ERROR"), "code": 1}, "quarto render, .*: no$"),
        ({"code": 3}, "it failed with exit code 3"),
    ],
)
def test_what_quarto_warns_of_is_an_error(tmp_path, monkeypatch, project, settings, says):
    install(tmp_path, monkeypatch, **settings)
    (project / "report.html").write_text("of an earlier run", encoding="utf-8")
    with pytest.raises(UserError, match=says):
        quarto.render(project)


def test_without_quarto_it_is_said_how_to_get_it(project, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="make setup QUARTO=1"):
        quarto.render(project)


def test_the_abstract_of_real_data_has_no_link_that_quarto_would_print_raw(fill):
    """Quarto reads metadata apart from the definitions of links, which stand at the report's end."""
    source, _ = fill(corpora=["sepr"], disclosure={"demo": False})
    front = yaml.safe_load(source.split("\n---\n")[0])
    assert "fewer than [10](#origin-params.disclosure.minimum_patients" in front["abstract"]
    assert not re.search(r"\]\[", "".join(map(str, front.values())))


def overflow(html, folder):
    """How many pixels the page is wider than each of `WINDOWS`."""
    (folder / "page.html").write_text(html, encoding="utf-8")
    frames = "".join(f'<iframe src="page.html" style="width:{width}px;height:900px"></iframe>' for width in WINDOWS)
    script = """const over = f => {const e = f.contentDocument.documentElement; return e.scrollWidth - e.clientWidth};
    onload = () => setTimeout(() => document.title = [...document.querySelectorAll("iframe")].map(over), 3000)"""
    (folder / "frames.html").write_text(f"<title></title><script>{script}</script>{frames}", encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--no-first-run",
               "--disable-background-networking", f"--user-data-dir={folder / 'profile'}",
               "--virtual-time-budget=20000", "--dump-dom"]  # fmt: skip
    page = (folder / "frames.html").as_uri()
    done = subprocess.run(["chromium", *options, page], capture_output=True, text=True, check=True, timeout=120)
    return [int(pixels) for pixels in re.search(r"<title>([\d,-]+)</title>", done.stdout)[1].split(",")]


@needs_chromium
def test_the_page_never_scrolls_sideways(whole, tmp_path):
    assert overflow((whole.out / "report.html").read_text(encoding="utf-8"), tmp_path) == [0] * len(WINDOWS)


def pages_of(pdf, folder):
    (folder / "read.pdf").write_bytes(pdf)
    command = ["pdftotext", "-enc", "UTF-8", str(folder / "read.pdf"), "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\f")[:-1]


def printed_over_each_other(pdf, folder):
    """Words, with their pages, that lie on another word or in the lower margin: rows at the foot of a page."""
    (folder / "read.pdf").write_bytes(pdf)
    command = ["pdftotext", "-bbox", "-enc", "UTF-8", str(folder / "read.pdf"), "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = []
    for number, page in enumerate(text.split("<page ")[1:], start=1):
        bottom = float(re.search(r'height="([\d.]+)"', page)[1]) - 66
        told = re.findall(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(.*?)</word>', page)
        boxes = np.array([box[:4] for box in told], dtype=float)
        low, high = (
            np.maximum(boxes[:, None, :2], boxes[None, :, :2]),
            np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]),
        )
        shared = np.prod(np.clip(high - low, 0, None), axis=2)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        on_another = (np.triu(shared, 1) > 0.5 * np.minimum(areas[:, None], areas[None, :])).any(axis=1)
        below = (boxes[:, 3] > bottom) & [not re.fullmatch(r"/|\d+", box[4]) for box in told]
        found += [(number, told[i][4]) for i in np.flatnonzero(on_another | below)]
    return found


def last_cells(html):
    """The last word of each table's last row."""
    for table in re.findall(r"<tbody>(.*?)</tbody>", html, re.DOTALL):
        of_cell = words(re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", table.split("<tr")[-1], re.DOTALL)[-1]).split()
        yield from of_cell[-1:]


@needs_quarto
@pytest.mark.parametrize("demo", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_quarto_makes_the_same_report(run_of, paper, tmp_path, demo):
    file, results = run_of(disclosure={"demo": demo})
    main(paper, results, file, paper.parent / "languages", *outputs(tmp_path / "out"))
    embedded, pdf = ((tmp_path / "out" / f"report.{kind}").read_bytes() for kind in ("html", "pdf"))
    project = shutil.copytree(tmp_path / "out" / "quarto", tmp_path / "quarto")
    by_quarto, pdf_by_quarto = render.render(project, "quarto")
    embedded, by_quarto = embedded.decode(), by_quarto.decode()
    assert structure(by_quarto) == structure(embedded)
    for mark in ("Reproduction report", "A rebuild of the study by", ", rebuilt</title>"):
        assert mark in by_quarto
    assert not re.search(r"\]\[[a-z]+\.|Other Formats", by_quarto)
    ours, quartos = pages_of(pdf, tmp_path), pages_of(pdf_by_quarto, tmp_path)
    assert abs(len(quartos) - len(ours)) <= len(ours) / 5
    mark = "Artificial demo data, not the paper’s results" if demo else "Built from licensed data"
    for pages in (ours, quartos):
        assert all(mark in page for page in pages[1:])
    assert printed_over_each_other(pdf_by_quarto, tmp_path) == []
    shown = " ".join(" ".join(quartos).split())
    for cell in last_cells(embedded):
        assert cell in shown
    if shutil.which("chromium"):
        assert overflow(by_quarto, tmp_path) == [0] * len(WINDOWS)
