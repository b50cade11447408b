import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from reading import read, words

from synthnotes.base.disclosure import suppress
from synthnotes.base.files import UserError, read_csv, read_json, write_csv, write_json
from synthnotes.report import style
from synthnotes.stages.report import main

ROOT = Path(__file__).parents[3]
SQUARE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'


@pytest.fixture
def build(run_of, tmp_path, paper, monkeypatch):
    """Builds a report with squares in the place of the figures, which take most of the time."""
    monkeypatch.setattr(style, "draw", lambda drawing, path: write_text(path, SQUARE))

    def make(run=None, **arguments):
        file, results = run or run_of(**arguments)
        main(paper, results, file, *outputs(tmp_path / "out"))
        return (tmp_path / "out" / "report.html").read_text(encoding="utf-8")

    return make


def outputs(folder):
    """The paths that the stage writes."""
    return [folder / name for name in ("report.html", "report.pdf", "quarto", "provenance.json")]


def write_text(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_the_whole_report(run_of, tmp_path, paper):
    """With its figures, and twice: the bytes are the same."""
    file, results = run_of()
    paths = [outputs(tmp_path / name) for name in ("first", "second")]
    summaries = [main(paper, results, file, *each) for each in paths]
    figures = int(summaries[0].split()[0])
    assert figures >= 18
    for first, second in zip(*paths, strict=True):
        files = [Path()] if first.is_file() else [path.relative_to(first) for path in first.rglob("*.*")]
        assert files
        assert all((first / file).read_bytes() == (second / file).read_bytes() for file in files)
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
    compared = re.findall(r"<td[^>]*>(?:<strong>)?(equal|differs|within interval)(?:</strong>)?</td>", tables)
    assert compared == ["equal"] * (22 + 14)  # quantities, Swedish medians included, and pairs: every published number


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
    assert words(html).count("(12 interviews, of which 1 test; 1 without any whole pair)") == 4


def test_the_ablation_shows_when_it_is_switched_on(build):
    assert "Repetition penalty and temperature" not in words(build())
    shown = words(build(ablation={"repetition_penalties": [1.0, 1.5], "temperatures": [0.8]}))
    assert "Repetition penalty and temperature" in shown
    assert shown.count("77.5") == 8  # two pairs of values in two corpora, and the same in the list of origins


def test_real_data_are_not_called_artificial(build):
    shown = words(build(corpora=["mimic"], disclosure={"demo": False}))
    assert "artificial" not in shown.replace("Infections of an artificial kind", "")
    assert "This report was built from MIMIC-IV, under the licences" in shown


def test_a_missing_result_fails_and_leaves_nothing(run_of, tmp_path, paper):
    file, results = run_of()
    (results / "noise" / "mimic" / "h1-20.json").unlink()
    with pytest.raises(UserError, match=r"noise/mimic/h1-20\.json.*the stage 'noise' writes it"):
        main(paper, results, file, *outputs(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_result_of_an_older_form_names_the_number_and_its_file(run_of, tmp_path, paper):
    file, results = run_of()
    content = json.loads((results / "merge" / "mimic.json").read_text(encoding="utf-8"))
    write_json(results / "merge" / "mimic.json", {"check": content})
    with pytest.raises(UserError, match=r"merge/mimic\.json holds no number 'merge\.mimic\.share_same_next_token'"):
        main(paper, results, file, *outputs(tmp_path / "out"))


def test_a_null_is_shown_as_such_and_never_as_a_number(run_of, build):
    run = run_of(corpora=["sepr"])
    file = run[1] / "privacy" / "sepr.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["rouge"]["recall"]["control"]["all"]["mean"] = None
    write_json(file, content)
    segments, titles = read(build(run))
    target = "#origin-privacy.sepr.rouge.recall.control.all.mean"
    assert {segment.text for segment in segments if segment.link == target} == {"–"}
    assert titles[target].endswith("privacy/sepr.json: rouge.recall.control.all.mean = null (stage privacy, seed 1337)")


def test_a_figure_without_rows_says_so_in_its_place(run_of, tmp_path, paper, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        style, "draw", lambda drawing, path: (drawn.append((path.stem, drawing())), write_text(path, SQUARE))
    )
    file, results = run_of(corpora=["sepr"])
    header = (results / "errors" / "sepr-length.csv").read_text(encoding="utf-8").splitlines()[0]
    (results / "errors" / "sepr-length.csv").write_text(header + "\n", encoding="utf-8")
    main(paper, results, file, *outputs(tmp_path / "out"))
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    caption = words(html[html.index('id="fig-length"') :].partition("</figure>")[0])
    assert "No data: results/errors/sepr-length.csv has no rows." in caption
    (notice,) = [figure for name, figure in drawn if name == "length"]
    assert notice.texts[0].get_text() == "No data: results/errors/sepr-length.csv has no rows"
    assert "@fig-length" not in html  # the reference to it resolves


@pytest.mark.parametrize(
    ("content", "message"), [("bin,x\n1,2\n", "no column"), ("", "is empty"), ('"', "not a well-formed")]
)
def test_a_broken_table_is_named(run_of, tmp_path, paper, content, message):
    file, results = run_of(corpora=["sepr"])
    (results / "privacy" / "sepr-recall.csv").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=rf"privacy/sepr-recall\.csv: .*{message}"):
        main(paper, results, file, *outputs(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_coder_of_few_codes_has_empty_tables_not_none(run_of, build):
    run = run_of(corpora=["sepr"])
    file = run[1] / "errors" / "sepr-codes.csv"
    file.write_text(file.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    html = build(run)
    assert ">none</td>" in html[html.index('id="tbl-losses"') :]


def test_every_repair_has_its_entry():
    repairs = yaml.safe_load((ROOT / "paper" / "repairs.yaml").read_text(encoding="utf-8"))
    assert [repair["id"] for repair in repairs] == list("abcdefghijklmnopqrst")
    parameters = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for repair in repairs:
        assert set(repair) == {"id", "chapter", "published", "here", "effect", "parameter"}
        if repair["parameter"]:
            section, name = repair["parameter"].split(".")
            assert name in parameters[section]


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
