"""The pipeline really runs, end to end and at toy scale, in a copy of the project; what is unchanged runs only once.

The tests of this file share one copy and build on each other, in the order in which they stand.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from synthnotes import configure

ROOT = Path(__file__).parents[2]


class Project:
    """A copy of the project in a folder of its own, with a repository, data and cache of its own."""

    def __init__(self, folder):
        self.folder = folder
        files = self.git("ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\n")
        for name in filter(None, files):
            if (ROOT / name).is_file() and not name.startswith(("results/", "dvc.lock", "data.dvc")):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        configure.merge(folder / "params.yaml", ROOT / "tests/pipeline/toy.yaml")
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("-c", "user.name=Test", "-c", "user.email=test@example.org", "commit", "--quiet", "-m", "Copy")

    def git(self, *words, cwd=None):
        return subprocess.run(
            ["git", *words], cwd=cwd or self.folder, check=True, capture_output=True, text=True
        ).stdout

    def run(self, *words):
        """Runs a command in the copy, with the copy's own source."""
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.folder / "src"),
        }
        done = subprocess.run(words, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=1500)
        done.output = done.stdout + done.stderr
        return done

    def repro(self):
        """Runs `dvc repro` and returns the names of the stages that were executed."""
        done = self.run("dvc", "repro")
        assert done.returncode == 0, done.output[-6000:]
        return executed(done.output)

    def set(self, section, key, value):
        """Changes one parameter."""
        path = self.folder / "params.yaml"
        editor = YAML()
        values = editor.load(path)
        values[section][key] = value
        editor.dump(values, path)


def executed(output):
    return re.findall(r"Running stage '([^']+)'", output)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"))
    made = project.run(sys.executable, "-m", "synthnotes.demo", "--data", "data", "--scale", "toy")
    assert made.returncode == 0, made.output[-6000:]
    added = project.run("dvc", "add", "--quiet", "data")
    assert added.returncode == 0, added.output
    return project


def test_the_first_run_executes_every_stage_and_renders_the_report(project):
    names = project.run("dvc", "stage", "list", "--name-only").stdout.split()
    ran = project.run(sys.executable, "-m", "synthnotes.lanes", "--jobs", "2", "--logs", "build/logs")
    assert ran.returncode == 0, ran.output[-6000:]
    logs = "".join(log.read_text(encoding="utf-8") for log in (project.folder / "build/logs").glob("*.log"))
    assert sorted(executed(logs)) == sorted(set(names) - {"data.dvc"})
    html = (project.folder / "build/report/report.html").read_text(encoding="utf-8")
    assert "artificial" in html
    assert (project.folder / "build/report/report.pdf").read_bytes().startswith(b"%PDF")


def test_the_second_run_executes_nothing(project):
    assert project.repro() == []


def test_a_privacy_parameter_reruns_privacy_and_report_alone(project):
    project.set("privacy", "overlap_n", 7)
    assert {name.split("@")[0] for name in project.repro()} == {"privacy", "report"}


def test_every_declared_result_exists_and_is_strict_json(project):
    results = sorted((project.folder / "results").rglob("*.json"))
    assert len(results) > 20
    for path in results:
        json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda constant: pytest.fail(constant))


def test_dvc_shows_metrics_plots_and_params(project):
    metrics = json.loads(project.run("dvc", "metrics", "show", "--json").stdout)
    shown = str(metrics)
    for stage in ("corpus", "coding", "privacy", "ratings"):
        assert f"results/{stage}/" in shown
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
    checked = project.run(sys.executable, "-m", "synthnotes.corpus.inventory")
    ran = project.run("dvc", "repro", "--single-item", "--force", "ratings@published")
    (project.folder / "params.yaml").write_text(before)
    for done in (checked, ran):
        assert done.returncode != 0
        assert message in done.output
        assert "Traceback" not in done.output


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
