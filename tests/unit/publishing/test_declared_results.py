"""What the pipeline declares: found in any state of the project, without a lock, and named by one rule."""

import shutil
from pathlib import Path

import pytest
from dvc.repo import Repo

from synthnotes.machinery import configure, pipeline
from synthnotes.machinery.files import UserError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path):
    """The real pipeline, with nothing around it."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def test_stages_and_what_they_make_are_those_of_dvcs_index(project):
    with Repo.init(str(project), no_scm=True) as repo:
        index = {stage.name: [out.def_path for out in stage.outs] for stage in repo.index.stages}
    assert len(index) > 30
    assert pipeline.stages(project) == index
    assert list(pipeline.stages(project))[:2] == ["corpus@mimic", "corpus@sepr"]  # in the order of dvc.yaml


def test_neither_git_nor_a_lock_nor_what_was_recorded_matters(project):
    found = pipeline.stages(project)
    assert sorted(path.name for path in project.iterdir()) == ["dvc.yaml", "params.yaml"]  # nothing was written
    (project / ".git").mkdir()
    (project / ".git" / "HEAD").write_text("no reference", encoding="utf-8")
    (project / "dvc.lock").write_text("stages: [", encoding="utf-8")
    assert pipeline.stages(project) == found
    with Repo.init(str(project), no_scm=True) as running, running.lock:  # as while `dvc repro` runs
        assert pipeline.stages(project) == found


def test_the_lists_in_params_decide(project):
    without = project / "without.yaml"
    without.write_text("corpora: {mimic: null}\nnoise: {corpora: []}\n", encoding="utf-8")
    configure.merge(project / "params.yaml", without)
    files = pipeline.result_files(pipeline.stages(project))
    assert "utility/sepr-curves.csv" in files
    assert "utility/mimic-curves.csv" not in files


@pytest.mark.parametrize("content", [None, "stages: 1\n", "stages: [\n", "stages: {a: {cmd: '${nowhere}'}}\n"])
def test_a_pipeline_that_cannot_be_read_is_the_users_error(tmp_path, content):
    if content is not None:
        (tmp_path / "dvc.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"dvc\.yaml: DVC cannot read it: "):
        pipeline.stages(tmp_path)


def test_result_files_lie_in_the_folder_of_results_and_are_no_folders():
    made = {
        "a": ["build/a.json", "results/a/x.json", "results/a/x-y.csv", "results/headline"],
        "b": ["../results/a/z.json", "results/../z.json", "/results/z.json", "results/a/x.json", "other/a.csv"],
    }
    assert pipeline.result_files(made) == ["a/x.json", "a/x-y.csv"]
    assert pipeline.result_files(made, "other") == ["a.csv"]


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("cohort/mimic.json", "cohort.mimic"),
        ("cohort/mimic-attrition.csv", "cohort.mimic.attrition"),
        ("utility/mimic-runs.json", "utility.mimic-runs"),
        ("ratings/second-study.json", "ratings.second-study"),
        ("ratings/second-study-answers.csv", "ratings.second-study.answers"),
        ("coding/mimic/real_s-1337-curve.csv", "coding.mimic.real_s-1337.curve"),  # of an older version
        ("a/b.csv", "a.b"),
    ],
)
def test_one_rule_leads_from_a_file_to_its_name(file, key):
    assert pipeline.key_of(file) == key


def test_no_two_results_have_one_name():
    files = pipeline.result_files(pipeline.stages(ROOT))
    assert len({pipeline.key_of(file) for file in files}) == len(files) > 40
