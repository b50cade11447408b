"""Two runs side by side: read from git without a checkout, shown as they are, and what is missing is told."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noteguard.repository import git
from synthnotes.machinery import params
from synthnotes.machinery.files import UserError, read_csv, read_json, write_csv, write_json
from synthnotes.publishing import diff
from synthnotes.publishing.diff import Quantity
from synthnotes.report.paper import Paper

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "tests" / "unit" / "report"))

import artificial  # noqa: E402
from reading import words  # noqa: E402

EVERY = Paper.drawings
DRAWN = ("finetune", "detection")  # the others take their time, and are drawn by the same code
NASTY = "<script>x</script> {{< include a >}} | ::: $x$ @fig-a `b` [c](d) *e*"


def commit(root, message):
    git("add", "--all", root=root)
    git("commit", "--quiet", "-m", message, root=root)


def change_param(root, key, value):
    text = (root / "params.yaml").read_text(encoding="utf-8")
    (root / "params.yaml").write_text(re.sub(rf"(?m)^(  {key}: )\S+", rf"\g<1>{value}", text), encoding="utf-8")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The real pipeline with the results of two runs, in two commits after one without any."""
    root = tmp_path_factory.mktemp("diff") / "project"
    (root / "paper").mkdir(parents=True)
    for name in ("dvc.yaml", "params.yaml", ".gitignore"):
        shutil.copyfile(ROOT / name, root / name)
    shutil.copytree(ROOT / "paper" / "styles", root / "paper" / "styles")
    git("init", "--quiet", root=root)
    for key, value in {"user.name": "Test", "user.email": "test@example.org", "commit.gpgsign": "false"}.items():
        git("config", key, value, root=root)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], cwd=root, check=True)
    shutil.copyfile(ROOT / ".dvc" / "config", root / ".dvc" / "config")
    commit(root, "No results yet")
    results = root / "results"
    artificial.write(results, root / "params.yaml", ROOT / "paper" / "published" / "ratings.csv")
    commit(root, f"First run {NASTY}")
    change_param(root, "tail_share", "0.9")
    found = read_json(results / "significance" / "mimic.json")
    found["coders"]["real_s"]["micro"]["f1"] = {"value": 0.71, "low": 0.6, "high": 0.8}
    # Who made a value is no metric.
    write_json(
        results / "significance" / "mimic.json", found | {"computed_by": "significance.coder_differences.compare"}
    )
    fidelity = read_json(results / "fidelity" / "sepr.json")
    write_json(results / "fidelity" / "sepr.json", fidelity | {NASTY: "old"})
    curve = read_csv(results / "generation" / "mimic-curve.csv")
    write_csv(results / "generation" / "mimic-curve.csv", curve.assign(loss=curve["loss"] / 2))
    (results / "detection" / "sepr-curve.csv").unlink()
    commit(root, "Second run")
    write_json(results / "fidelity" / "sepr.json", fidelity | {NASTY: f"\n\nnew {NASTY}"})
    return root


@pytest.fixture
def project(template, tmp_path, monkeypatch):
    root = shutil.copytree(template, tmp_path / "project", symlinks=True)
    monkeypatch.chdir(root)
    monkeypatch.setattr(Paper, "drawings", lambda self: {n: d for n, d in EVERY(self).items() if n in DRAWN})
    return root


def page(project, *options):
    """The page that the command writes, and what it prints."""
    sys.argv = ["diff", *options, "--to", "build/diff.html"]
    diff.main()
    return (project / "build" / "diff.html").read_text(encoding="utf-8")


def rows(html):
    """The cells of each row of the page's tables, as text."""
    found = (re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in re.findall(r"(?s)<tr.*?</tr>", html))
    return {cells[0]: cells[1:] for cells in ([words(cell) for cell in row] for row in found) if cells}


def test_two_commits_are_compared(project, capsys):
    before = read_json(project / "results/significance/mimic.json"), git("status", "--porcelain")
    html = page(project, "--a", "HEAD~1", "--b", "HEAD")
    table = rows(html)
    assert table["revision"] == ["HEAD~1", "HEAD"]
    assert table["message"][1] == "Second run"
    assert table["privacy.tail_share"] == ["0.001", "0.9"]
    first = artificial.significance(params.read())["coders"]["real_s"]["micro"]["f1"]
    a, b, difference, inside = table["significance.mimic.coders.real_s.micro.f1.value"]
    assert a == f"{first['value']:.3f} [{first['low']:.3f}, {first['high']:.3f}]"
    assert b == "0.710 [0.600, 0.800]"
    assert difference == f"{0.71 - first['value']:+.3f}".replace("-", "−")
    assert inside == ("yes" if first["low"] <= 0.71 <= first["high"] else "no")
    assert "significance.mimic.coders.real_l.micro.f1.value" not in table
    assert "1 parameters, 2 metrics and 2 figures differ between HEAD~1 and HEAD" in capsys.readouterr().out
    # Nothing was checked out over the user's tree.
    assert (read_json(project / "results/significance/mimic.json"), git("status", "--porcelain")) == before


def test_the_figures_of_both_sides_stand_beside_each_other_and_what_is_missing_is_told(project):
    html = page(project, "--a", "HEAD~1", "--b", "HEAD")
    finetune, detection = (html.split(f' id="{name}"')[1].split("<h")[0] for name in DRAWN)
    pictures = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', finetune)
    assert len(pictures) == 2
    assert pictures[0] != pictures[1]
    assert detection.count("<img") == 1
    assert "No figure: the table detection.sepr.curve is not there" in words(detection)


def test_the_page_needs_no_network(project):
    html = page(project)
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', html)
    assert not re.findall(r"url\((?!data:)", html)


def test_without_revisions_the_workspace_is_compared_with_the_last_commit_and_data_stay_data(project):
    html = page(project)
    table = rows(html)
    assert table["revision"] == ["HEAD", "workspace"]
    shown = {key: cells for key, cells in table.items() if key.startswith("fidelity.sepr.&lt;script")}
    (cells,) = shown.values()
    assert cells == ["old", f"new {NASTY}".replace("<", "&lt;").replace(">", "&gt;"), "–"]
    assert "<script" not in html


def test_messages_of_commits_are_no_markup(project):
    html = page(project, "--a", "HEAD~1", "--b", "HEAD~1")
    assert rows(html)["message"] == [f"First run {NASTY}".replace("<", "&lt;").replace(">", "&gt;")] * 2
    for nothing in ("No parameter differs", "0 of", "No other metric differs", "No figure differs"):
        assert nothing in words(html)


def test_an_experiment_is_a_revision(project):
    head = git("rev-parse", "HEAD").decode().strip()
    change_param(project, "tail_share", "0.8")
    commit(project, "What `dvc exp run` keeps: a commit that no branch leads to")
    git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/tried", "HEAD")
    git("reset", "--quiet", "--hard", head)
    assert rows(page(project, "--a", "tried"))["privacy.tail_share"] == ["0.8", "0.9"]


def test_parameters_of_another_version_are_compared_all_the_same(project):
    with (project / "params.yaml").open("a", encoding="utf-8") as file:
        file.write("old:\n  name: 1\n")
    html = page(project)
    assert rows(html)["old.name"] == ["not there", "1"]
    assert "No figure: params.yaml: " in words(html)


def test_a_result_of_another_form_is_told(project):
    (project / "results/generation/mimic-curve.csv").write_text("stride,loss\n1,2\n", encoding="utf-8")
    assert "No figure: its results are of another form (KeyError" in words(page(project))


@pytest.mark.parametrize(
    ("revision", "message"),
    [
        ("nowhere", "'nowhere': no such revision. Give a commit, a branch, a tag, an experiment, or 'workspace'"),
        ("", "'': no such revision"),
        ("--all", "'--all': no such revision"),
        ("HEAD~2", "HEAD~2: holds no results. Give a revision"),
    ],
)
def test_what_cannot_be_compared_is_one_error(project, revision, message):
    with pytest.raises(UserError, match=message):
        page(project, f"--a={revision}")
    assert not (project / "build").exists()


def test_a_broken_result_is_named_with_its_revision(project):
    (project / "results/fidelity/sepr.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"^workspace: results/fidelity/sepr\.json: not valid JSON"):
        page(project)


def test_the_command_ends_with_one_line(project):
    command = [sys.executable, "-m", "synthnotes.publishing.diff", "--a", "nowhere", "--to", "x.html"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("diff: error: 'nowhere': no such revision")
    assert done.stderr.count("\n") == 1


def test_an_interval_goes_with_its_estimate():
    content = {
        "f1": {"value": 0.5, "low": 0.4, "high": 0.6},
        "pair": {"synthetic": 1, "difference": 0.1, "low": None, "high": None, "p": 0.2},
        "seeds": {"mean": 2.0, "sd": 0.5},
        "listed": [3, {"x": "y"}],
        "alone": {"low": 1},
    }
    assert dict(diff.quantities("k", content)) == {
        "k.f1.value": Quantity(0.5, 0.4, 0.6),
        "k.pair.difference": Quantity(0.1),
        "k.pair.synthetic": Quantity(1),
        "k.pair.p": Quantity(0.2),
        "k.seeds.mean": Quantity(2.0, sd=0.5),
        "k.listed.0": Quantity(3),
        "k.listed.1.x": Quantity("y"),
        "k.alone.low": Quantity(1),
    }


@pytest.mark.parametrize(("value", "inside"), [(0.4, True), (0.6, True), (0.61, False), (None, None), ("x", None)])
def test_a_change_is_judged_by_the_interval_of_the_first_side(value, inside):
    (change,) = diff.compare({"k": Quantity(0.5, 0.4, 0.6)}, {"k": Quantity(value, 0.1, 0.2)})
    assert change.inside is inside


def test_only_differences_are_changes():
    a, b = (
        {"x": Quantity(1), "y": Quantity(2), "z": Quantity(True)},
        {"y": Quantity(2), "x": Quantity(4), "w": Quantity(5)},
    )
    found = diff.compare(a, b)
    assert [(change.key, change.difference) for change in found] == [("x", 3), ("z", None), ("w", None)]


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_two_numbers_that_differ_never_look_alike(a, b):
    if a != b:
        (change,) = diff.compare({"k": Quantity(a)}, {"k": Quantity(b)})
        _, first, second, *_ = diff._row(change)
        assert first != second
