"""The pipeline really runs, end to end and at toy scale, in a copy of the project; what is unchanged runs only once.

The tests of this file share one copy and build on each other, in the order in which they stand.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from project import PIECES, Project, carriers, executed, holds_marker, namespace


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    project.make_data()
    return project


def test_the_first_run_executes_every_stage_and_renders_the_report(project):
    names = project.run("dvc", "stage", "list", "--name-only").stdout.split()
    ran = project.run(
        sys.executable, "-m", "synthnotes.machinery.parallel_repro", "--jobs", "2", "--logs", "build/logs"
    )
    assert ran.returncode == 0, ran.output[-6000:]
    logs = "".join(log.read_text(encoding="utf-8") for log in (project.folder / "build/logs").glob("*.log"))
    assert sorted(executed(logs)) == sorted(set(names) - {"data.dvc"})
    html = (project.folder / "build/report/report.html").read_text(encoding="utf-8")
    assert "artificial" in html
    assert (project.folder / "build/report/report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.skipif(not namespace(), reason="this host forbids network namespaces: the run had a network")
def test_that_run_was_without_a_network(project):
    devices = project.run("cat", "/proc/net/dev").stdout.splitlines()[2:]
    assert [line.split(":")[0].strip() for line in devices] == ["lo"]
    assert project.run("cat", "/proc/net/route").stdout.count("\n") == 1  # its heading


def test_the_marker_in_every_note_stays_in_build_and_data(project):
    for corpus in ("mimic", "sepr"):
        texts = pd.read_parquet(project.folder / "build/notes" / corpus / "real_l.parquet")["text"]
        assert texts.map(lambda text: all(piece.decode() in text.lower() for piece in PIECES)).mean() > 0.9
    assert carriers(project.folder) == []
    assert not holds_marker("".join(project.told).encode())


def test_the_guard_reads_all_that_the_pipeline_made(project):
    told = project.run(sys.executable, "-m", "noteguard", "tracked").output
    assert "reading 18 file(s) with notes or ids" in told  # of two corpora: data, and what was made of them
    assert "noteguard: error" not in told


def test_the_second_run_executes_nothing(project):
    assert project.repro() == []


def test_a_clock_that_jumps_runs_nothing(project):
    """What is out of date is told by contents; clocks and the times of files say nothing."""
    for year, folder in ((2100, "results"), (1980, "build/notes"), (2100, "src")):
        moment = (year - 1970) * 365.25 * 86400
        for path in (project.folder / folder).rglob("*"):
            os.utime(path, (moment, moment))
    assert project.repro() == []


def test_two_runs_at_once_do_not_harm_each_other(project):
    before = {path: path.read_bytes() for path in (project.folder / "results").rglob("*.json")}
    (project.folder / "build/told").write_text("")
    first = project.start("dvc", "repro", "--single-item", "--force", "fidelity@sepr")
    second = project.run("dvc", "repro")
    ended = {first.wait(120): (project.folder / "build/told").read_text(), second.returncode: second.output}
    assert 0 in ended, ended
    assert all("lock" in told for code, told in ended.items() if code), ended  # whichever came second is told why
    assert project.repro() == []
    assert {path: path.read_bytes() for path in before} == before


def test_how_it_is_computed_runs_nothing(project):
    path = project.folder / "machine.yaml"
    path.write_text(
        path.read_text().replace("micro_batch: 4 ", "micro_batch: 1 ").replace("micro_batch: 16", "micro_batch: 2")
    )
    assert project.repro() == []


def test_a_parameter_and_a_word_in_a_metric_rerun_what_reads_them_and_train_no_coder(project):
    """What measures runs again; where the numbers stay the same, nothing follows on it."""
    project.set("privacy", "overlap_n", 7)
    path = project.folder / "src/synthnotes/coding/metrics.py"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"""The metrics', '"""Really the metrics', 1), encoding="utf-8"
    )
    measuring = {"utility", "significance", "errors", "hypotheses"}
    assert {name.split("@")[0] for name in project.repro()} == measuring | {"privacy", "headline", "report"}


def test_every_declared_result_exists_and_is_strict_json(project):
    results = sorted((project.folder / "results").rglob("*.json"))
    assert len(results) > 20
    for path in results:
        json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda constant: pytest.fail(constant))


def test_dvc_shows_metrics_plots_and_params(project):
    metrics = json.loads(project.run("dvc", "metrics", "show", "--json").stdout)[""]["data"]
    assert set(metrics) == {
        f"results/headline/{name}.json" for name in ("mimic", "sepr", "ratings-mimic", "ratings-sepr")
    }
    assert sum(len(of_file["data"]) for of_file in metrics.values()) <= 60
    table = project.run("dvc", "metrics", "show").stdout
    assert "f1_rel" in table
    assert max(map(len, table.splitlines())) <= 200
    diff = json.loads(project.run("dvc", "params", "diff", "--json").stdout)
    assert diff == {"params.yaml": {"privacy.overlap_n": {"old": 8, "new": 7, "diff": -1}}}
    plots = project.run("dvc", "plots", "show", "--json")
    assert plots.returncode == 0, plots.output
    assert "digraph" in project.run("dvc", "dag", "--dot").stdout


def test_no_note_text_leaves_build_and_data(project):
    texts = []
    for path in (project.folder / "build/notes").rglob("*.parquet"):
        texts += pd.read_parquet(path)["text"].tolist()
    passages = {" ".join(words[i : i + 12]) for words in map(str.split, texts) for i in range(0, len(words) - 12, 12)}
    assert len(passages) > 500
    public = [p for p in (project.folder / "results").rglob("*") if p.is_file()]
    public += [project.folder / "build/report/report.html", project.folder / "dvc.lock"]
    for path in public:
        content = " ".join(path.read_text(encoding="utf-8").split())
        assert not [passage for passage in passages if passage in content], path


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("coding", "epochs", 0, "coding.epochs"),
        ("generate", "temperature", "hot", "generate.temperature"),
        ("corpus", "unknown", 1, "corpus.unknown"),
    ],
)
def test_a_wrong_parameter_is_one_clear_error(project, section, key, value, message):
    before = (project.folder / "params.yaml").read_text()
    project.set(section, key, value)
    checked = project.run(sys.executable, "-m", "synthnotes.preflight.check")
    ran = project.run("dvc", "repro", "--single-item", "--force", "ratings@published")
    (project.folder / "params.yaml").write_text(before)
    for done in (checked, ran):
        assert done.returncode != 0
        assert message in done.output
        assert "Traceback" not in done.output


# What libraries say of a value that they cannot read: a KeyError, pandas and pyarrow quote it.
QUOTING = {
    "fidelity@mimic": ("comparison = ", "{}[originals[0]]"),
    "errors@sepr": ("truth = ", 'pd.to_numeric(evaluated["text"])'),
    "cohort@sepr": ("of_records = ", '__import__("pyarrow").array(tables["L"]["text"].tolist()).cast("int64")'),
}


@pytest.mark.parametrize("stage", QUOTING)
def test_a_stage_that_fails_over_a_note_does_not_quote_it(project, stage):
    before, wrong = QUOTING[stage]
    path = project.folder / "src/synthnotes/stages" / f"{stage.split('@')[0]}.py"
    source = path.read_text(encoding="utf-8")
    path.write_text(source.replace(f"    {before}", f"    {wrong}\n    {before}", 1), encoding="utf-8")
    own = project.folder / "data" / "own.txt"
    own.touch()  # one file that is not the demo's, and nothing is shown
    failed = project.run("dvc", "repro", "--single-item", "--force", stage)
    own.unlink()
    if stage.startswith("fidelity"):  # the library does quote it
        assert holds_marker(project.run("dvc", "repro", "--single-item", stage).output.encode())
        project.told.pop()
    path.write_text(source, encoding="utf-8")
    assert failed.returncode != 0
    assert "defect: " in failed.output
    assert not holds_marker(failed.output.encode())
    assert carriers(project.folder) == []


def test_a_killed_stage_leaves_no_note_outside(project):
    started = project.start("dvc", "repro", "--single-item", "--force", "privacy@mimic")
    told = project.folder / "build/told"
    until = time.monotonic() + 60
    while b"Running stage" not in told.read_bytes() and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(1.0)
    assert started.poll() is None
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
    assert carriers(project.folder) == []


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("mimic/note/discharge.csv.gz", Path.unlink, "discharge.csv.gz"),
        (
            "mimic/hosp/diagnoses_icd.csv.gz",
            lambda path: path.write_bytes(path.read_bytes()[:200]),
            "diagnoses_icd.csv.gz",
        ),
        ("mimic/hosp/d_icd_diagnoses.csv.gz", lambda path: path.write_bytes(b""), "d_icd_diagnoses.csv.gz"),
        ("sepr/descriptions.csv", lambda path: path.write_text("kod,titel\ni10,Hypertoni\n"), "descriptions.csv"),
    ],
)
def test_broken_data_is_one_clear_error_and_leaves_no_partial_output(project, name, change, message):
    path = project.folder / "data" / name
    whole = path.read_bytes()
    corpus = name.split("/")[0]
    path.chmod(0o644)
    path.unlink()  # a copy of its own: the file may be a link into DVC's cache
    path.write_bytes(whole)
    change(path)
    done = project.run("dvc", "repro", f"corpus@{corpus}")
    left = [p.name for p in (project.folder / "build/notes" / corpus).glob("real_?.parquet")]
    path.write_bytes(whole)
    assert done.returncode != 0
    assert message in done.output
    assert "Traceback" not in done.output
    assert left == []
