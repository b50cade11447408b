import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from synthnotes.base.disclosure import suppress
from synthnotes.base.files import UserError, read_csv, read_json, write_csv, write_json
from synthnotes.report import style
from synthnotes.report.ratings import same
from synthnotes.stages.report import main

ROOT = Path(__file__).parents[3]


@pytest.fixture
def build(run_of, tmp_path, paper, monkeypatch):
    """Builds a report with squares in the place of the figures, which take most of the time."""
    square = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    monkeypatch.setattr(style, "draw", lambda drawing, path: write_text(path, square))

    def make(run=None, **arguments):
        file, results = run or run_of(**arguments)
        main(paper, results, file, tmp_path / "out" / "report.html", tmp_path / "out" / "report.pdf")
        return (tmp_path / "out" / "report.html").read_text(encoding="utf-8")

    return make


def write_text(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def words(html):
    html = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", "", html).replace("\u00a0", " ").split())


def test_the_whole_report(run_of, tmp_path, paper):
    """With its figures, and twice: the bytes are the same."""
    file, results = run_of()
    paths = [[tmp_path / name / f"report.{ending}" for ending in ("html", "pdf")] for name in ("first", "second")]
    summaries = [main(paper, results, file, *each) for each in paths]
    figures = int(summaries[0].split()[0])
    assert figures >= 18
    assert [path.read_bytes() for path in paths[0]] == [path.read_bytes() for path in paths[1]]
    assert paths[0][1].read_bytes().startswith(b"%PDF")
    html = paths[0][0].read_text(encoding="utf-8")
    assert len(html) < 5 * 2**20
    assert html.count("data:image/svg+xml") == html.count('id="fig-') == figures
    targets = set(re.findall(r'href="#([^"]+)"', html))
    assert targets <= set(re.findall(r'id="([^"]+)"', html))


def test_the_text(build):
    html = build()
    shown = words(html)
    assert "This report was built from artificial data." in shown
    assert "?@" not in html
    assert not re.search(r"(Figure|Table|Section|Equation) \?", shown)
    assert not re.search(r"\bnan\b|Undefined|>None<", html)
    assert "no text | {{&lt; meta title &gt;}} @tbl-none" in shown
    assert re.findall(r"<td[^>]*>([a-t])</td>", html) == list("abcdefghijklmnopqrst")
    tables = html[html.index('id="tbl-ratings"') : html.index('id="fig-published-answers"')]
    compared = re.findall(r"<td[^>]*>(?:<strong>)?(yes|no)(?:</strong>)?</td>", tables)
    assert compared == ["yes"] * (22 + 14)  # quantities, Swedish medians included, and pairs: every published number


def test_one_number_of_a_result_file_changes_what_shows_it_and_nothing_else(run_of, build):
    run = run_of()
    before = words(build(run))
    file = run[1] / "generate" / "sepr.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(content | {"mean_words": 12345.5}), encoding="utf-8")
    after = words(build(run))
    assert after.count("12345.5") == 1
    assert after.replace("12345.5", "98.5") == before


def test_a_corpus_that_is_not_rebuilt_is_left_out(build):
    shown = words(build(corpora=["sepr"]))
    for word in ("MIMIC-L", "Trained on real notes with noise", "Edin et al. report"):
        assert word not in shown
    assert "SEPR-L" in shown
    assert "English study" in shown  # both studies' ratings are published


def test_a_study_of_ones_own_stands_beside_the_published_one(build):
    studies = {"published": "paper/published/ratings.csv", "own": "data/answers"}
    html = build(corpora=["sepr"], ratings={"studies": studies})
    shown = words(html)
    assert "Answers of the study" in shown
    for view in ("readability", "coherence", "answers", "differences", "correlation"):
        assert f'id="fig-own-{view}"' in html
    assert html.count("(12 interviews, of which 1 test; 1 without any whole pair)") == 4


def test_the_ablation_shows_when_it_is_switched_on(build):
    assert "Repetition penalty and temperature" not in words(build())
    shown = words(build(ablation={"repetition_penalties": [1.0, 1.5], "temperatures": [0.8]}))
    assert "Repetition penalty and temperature" in shown
    assert shown.count("77.5") == 4  # two pairs of values in two corpora


def test_real_data_are_not_called_artificial(build):
    shown = words(build(corpora=["mimic"], disclosure={"demo": False}))
    assert "artificial" not in shown.replace("Infections of an artificial kind", "")
    assert "This report was built from MIMIC-IV, under the licences" in shown


def test_a_missing_result_fails_and_leaves_nothing(run_of, tmp_path, paper):
    file, results = run_of()
    (results / "noise" / "mimic" / "h1-20.json").unlink()
    with pytest.raises(UserError, match=r"noise/mimic/h1-20\.json"):
        main(paper, results, file, tmp_path / "out" / "a.html", tmp_path / "out" / "a.pdf")
    assert not (tmp_path / "out").exists()


def test_a_result_of_another_form_names_the_number(run_of, tmp_path, paper):
    file, results = run_of()
    (results / "merge" / "mimic.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"merge\.mimic\.share_same_next_token"):
        main(paper, results, file, tmp_path / "a.html", tmp_path / "a.pdf")


@pytest.mark.parametrize(
    ("published", "rebuilt", "expected"),
    [
        (3.666667, 11 / 3, True),
        (3.666667, 3.666668, False),
        (4.25, 4.25, True),
        (4.25, 4.2501, False),
        (0.2070430266226324, 0.2070430266226325, True),
        (0.2070430266226324, 0.20704302, False),
        (None, None, True),
        (0.5, None, False),
    ],
)
def test_equal_to_the_printed_digits(published, rebuilt, expected):
    assert same(published, rebuilt) is expected


def test_every_repair_has_its_entry():
    repairs = yaml.safe_load((ROOT / "paper" / "repairs.yaml").read_text(encoding="utf-8"))
    assert [repair["id"] for repair in repairs] == list("abcdefghijklmnopqrst")
    parameters = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for repair in repairs:
        assert set(repair) == {"id", "chapter", "published", "here", "effect", "parameter"}
        if repair["parameter"]:
            section, name = repair["parameter"].split(".")
            assert name in parameters[section]


def test_no_result_is_typed_into_the_prose():
    """A decimal number in a template outside of expressions would be one; formulas and tags hold none."""
    for template in (ROOT / "paper").glob("*.j2"):
        prose = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.findall(r"(?<![\w.-])\d+\.\d+(?!\w)", prose.replace("LLaMA-3.1-8B", "")), template.name


def test_the_report_loads_no_torch():
    code = "import sys, synthnotes.stages.report as r; print({'torch', 'transformers', 'vllm'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.slow
def test_a_report_of_real_data_shows_what_is_left(tmp_path, paper):
    """The committed results, suppressed as if their patients were real: every table and every figure bears the gaps."""
    for path in (ROOT / "results").rglob("*.*"):
        target, least = tmp_path / path.relative_to(ROOT), 1 if path.parent.name in ("merge", "questionnaire") else 10
        if path.suffix == ".json":
            write_json(target, suppress(read_json(path), least))
        else:
            write_csv(target, suppress(read_csv(path), least))
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["disclosure"]["demo"] = False
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    pages = [tmp_path / f"report.{ending}" for ending in ("html", "pdf")]
    assert "figures" in main(paper, tmp_path / "results", tmp_path / "params.yaml", *pages)
    assert pages[1].read_bytes().startswith(b"%PDF")
