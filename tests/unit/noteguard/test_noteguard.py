"""Attempts to carry notes of patients off with git or DVC: which noteguard refuses, and which it does not see.

SECURITY.md tells the same attempts; a change here belongs there, too.
"""

import base64
import gzip
import hashlib
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from table import SAYS

from noteguard import NoteguardError, checks, fingerprint, outputs, repository, tables
from noteguard import __main__ as command
from noteguard.repository import git
from noteguard.settings import load
from synthnotes.corpus import notes as note_table
from synthnotes.demo import mimic, sepr
from synthnotes.demo.scale import DEMO

ROOT = Path(__file__).parents[3]
NOTE = """the gentleman from the lighthouse came with a swollen left knee after he fell from his ladder while painting
it blue and he was seen by his own doctor who gave him paracetamol and a stick and told him to rest for nine days"""
IDS = [f"1{number:07d}" for number in range(40)]
DVC_YAML = """
stages:
  corpus:
    cmd: python -m corpus
    outs: [build/notes/mimic/real_s.parquet: {push: false, meta: {sensitivity: patient}}]
    metrics: [results/corpus/mimic.json: {cache: false, meta: {sensitivity: aggregate}}]
"""


# In other words than NOTE's, with a letter to escape in each third and a line break after each fourth.
ESCAPED = "".join(f"{'å' * (number % 3 == 0)}word{number}{chr(10) if number % 4 == 3 else ' '}" for number in range(40))
ENTITIES = html.escape(ESCAPED).replace("\n", "&#10;").replace("å", "&aring;")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A repository with a pipeline and with data of patients, and the fingerprint of these."""
    root = tmp_path_factory.mktemp("template") / "project"
    for folder in ("data/mimic/note", "build/notes/mimic", "results/corpus", ".dvc"):
        (root / folder).mkdir(parents=True)
    (root / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    (root / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (root / ".dvc/config").touch()
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "dvc.yaml").write_text(DVC_YAML)
    (root / "data.dvc").write_text("outs:\n- {path: data, md5: 0, push: false, meta: {sensitivity: patient}}\n")
    (root / "params.yaml").write_text("coding:\n  epochs: 4\n")
    (root / "results/corpus/mimic.json").write_text('{"notes": 40}\n')
    table = pd.DataFrame({"note_id": [f"{i}-DS-1" for i in IDS], "subject_id": IDS, "hadm_id": IDS, "note_seq": "1"})
    table["text"] = [" ".join(f"{word}{i}" for word in NOTE.split()) if i else NOTE for i in range(len(IDS))]
    table.loc[1, "text"] = ESCAPED
    table.to_csv(root / "data/mimic/note/discharge.csv.gz", index=False)
    git("init", "--quiet", "--initial-branch=main", root=root)
    for key, value in {"user.name": "Test", "user.email": "test@example.org", "commit.gpgsign": "false"}.items():
        git("config", key, value, root=root)
    git("add", ".", root=root)
    git("commit", "--quiet", "-m", "First", root=root)
    checks.current_fingerprint(load(root), root / ".dvc/tmp/fingerprint")
    return root


@pytest.fixture
def project(template, tmp_path):
    root = tmp_path / "project"
    shutil.copytree(template, root, symlinks=True)
    return root


def guard(project, what, *words, given=None):
    """Runs the guard as a hook does; gives its exit code and what it says."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "noteguard", what, *words]
    done = subprocess.run(
        command, cwd=project, input=given, capture_output=True, text=True, env=environment, check=False
    )
    assert NOTE[:30] not in done.stdout + done.stderr, "noteguard itself quotes a note"
    return done.returncode, done.stderr


def known(project):
    return checks.current_fingerprint(load(project), project / ".dvc/tmp/fingerprint")


def staged(project, with_outputs=False):
    """Stages everything and gives the reasons to refuse it."""
    git("add", "--all", root=project)
    declared = outputs.declared(project) if with_outputs else None
    return checks.findings(load(project), repository.staged(project), known(project), declared)


def write(project, name, content):
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)


def parquet():
    path = Path(os.environ.get("TMPDIR", "/tmp"), f"guard-{os.getpid()}.parquet")
    pd.DataFrame({"text": [NOTE]}).to_parquet(path)
    content = path.read_bytes()
    path.unlink()
    return content


SEEN = {
    "a note pasted into params.yaml": ("params.yaml", f"coding:\n  text: >\n    {NOTE}\n", "text of patients' notes"),
    "a note in a comment, wrapped": ("a.py", "\n".join(f"# {w}" for w in NOTE.split()), "text of patients' notes"),
    "a note in capitals": ("a.md", NOTE.upper(), "text of patients' notes"),
    "a note as JSON": ("a.json", '{"a": "' + NOTE.replace("\n", "\\n") + '"}', "text of patients' notes"),
    "a note as JSON, by its defaults": ("a.json", json.dumps({"a": ESCAPED}), "text of patients' notes"),
    "a note as JSON within JSON": ("a.ipynb", json.dumps([json.dumps({"a": ESCAPED})]), "text of patients' notes"),
    "a note as pandas writes it": ("a.json", pd.DataFrame({"a": [ESCAPED]}).to_json(), "text of patients' notes"),
    "a note as Python shows it": ("a.py", f"a = {ESCAPED!a}", "text of patients' notes"),
    "a note with HTML entities": ("a.html", ENTITIES, "text of patients' notes"),
    "a note with HTML entities, in JSON": ("a.json", json.dumps([ENTITIES]), "text of patients' notes"),
    "a compressed note, whose bytes hold no NUL": ("a", b"\x1f\x8b\x08abc", "no text"),
    "a note in UTF-16": ("a.txt", NOTE.encode("utf-16"), "text of patients' notes"),
    "two sentences of a note": ("a.md", " ".join(NOTE.split()[5:25]), "text of patients' notes"),
    "a table of data": ("a.parquet", parquet(), "a table of data"),
    "a table of data under another name": ("docs/picture.png", parquet(), "no text"),
    "a compressed table": ("a.csv.gz", gzip.compress(NOTE.encode()), "compressed"),
    "a compressed table under another name": ("a.csv", gzip.compress(NOTE.encode()), "no text"),
    "model weights": ("model.safetensors", b"{}", "model weights"),
    "weights under another name": ("a.json", b"\x20\0\0\0\0\0\0\0" + b'{"a":{"data_offsets":[0,9]}}', "no text"),
    "a pickle": ("a.pkl", b"x", "a pickle"),
    "a pickle under another name": ("a.dat", b"\x80\x04K\x01.", "no text"),
    "a list of ids": ("a.txt", "\n".join(IDS[:10]), "a list of 10 ids"),
    "a note in a picture's description": ("a.png", b"\x89PNG\r\n" + NOTE.encode() + b"\0", "text of patients' notes"),
    "a database": ("a", b"SQLite format 3\0", "no text"),
    "a note in UTF-32": ("a.txt", NOTE.encode("utf-32"), "no text"),
    "a pointer of Git LFS": ("a.csv", f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n",
        "a pointer to a file that lies elsewhere"),
    "a pointer of git-annex": ("a.csv", "/annex/objects/S-s9--0.csv\n", "a pointer to a file that lies elsewhere"),
}  # fmt: skip


@pytest.mark.parametrize("attempt", SEEN)
def test_attempts_that_are_caught_when_staged(project, attempt, record_property):
    name, content, reason = SEEN[attempt]
    write(project, name, content)
    (found,) = staged(project)
    assert found.startswith(f"{name}: ")
    assert reason in found
    assert "lighthouse" not in found.lower()
    record_property(SAYS, found)


UNSEEN = {
    "fewer words than are promised": " ".join(NOTE.split()[:8]),
    "a note in other words": "A man from a lighthouse fell while he painted his ladder. The knee is thick; he rests.",
    "a picture": b"\x89PNG\r\n" + bytes(range(256)) * 9,
    "a row per patient without ids": "row,age,words\n" + "".join(f"{n},{40 + n},9{n}\n" for n in range(40)),
    "a note with every seventh word changed": " ".join("x" if n % 7 == 0 else w for n, w in enumerate(NOTE.split())),
    "a note in base64": base64.b64encode(NOTE.encode()).decode(),
    "a note backwards": NOTE[::-1],
    "nine ids": "\n".join(IDS[:9]),
}


@pytest.mark.parametrize("attempt", UNSEEN)
def test_attempts_that_are_not_seen(project, attempt):
    """Limits, which SECURITY.md tells: whoever means to get a note past the guard can."""
    write(project, "a.txt", UNSEEN[attempt])
    assert staged(project) == []


def test_names_are_not_read(project):
    """An id in the name of a file, a branch or a tag is not seen."""
    for i in IDS:
        write(project, f"pages/{i}.md", "harmless")
    assert staged(project) == []


def test_links_out_of_the_repository_and_into_build_are_refused(project, record_property):
    (project / "results/notes.csv").symlink_to("../build/notes/mimic/real_s.parquet")
    (project / "results/away.csv").symlink_to("/etc/hostname")
    (project / "results/up.csv").symlink_to("../../elsewhere")
    (project / "fine.json").symlink_to("results/corpus/mimic.json")
    found = staged(project)
    assert [line.partition(":")[0] for line in found] == ["results/away.csv", "results/notes.csv", "results/up.csv"]
    assert all("a link" in line for line in found)
    record_property(SAYS, found[1])


def test_a_patient_file_among_the_results_is_refused_by_its_place_and_by_its_ids(project, record_property):
    write(project, "results/corpus/rows.csv", "hadm_id,length\n" + "".join(f"{i},5\n" for i in IDS))
    found = staged(project, with_outputs=True)
    assert sorted(line.partition(": ")[2] for line in found) == [
        "lies among the results, but no stage of dvc.yaml makes it: move or remove it",
        "line 2: a list of 40 ids of patients, admissions or notes",
    ]
    record_property(SAYS, found[0])


def test_a_patient_file_in_the_place_of_a_result_is_refused(project):
    """By what it is, or by what stands in it."""
    for content, reason in ((parquet(), "no text"), (f'{{"note": "{NOTE}"}}', "text of patients' notes")):
        write(project, "results/corpus/mimic.json", content)
        (found,) = staged(project, with_outputs=True)
        assert reason in found


def test_what_is_added_by_force_is_refused(project, record_property):
    write(project, "build/notes/mimic/words.txt", "nothing of a note")
    git("add", "--force", "build/notes/mimic/words.txt", root=project)
    (found,) = checks.findings(load(project), repository.staged(project), known(project))
    assert "added by force" in found
    record_property(SAYS, found)


def test_data_given_to_dvc_by_hand_are_refused(project, record_property):
    """`dvc add` beside the pipeline, which `dvc push` would send."""
    write(project, "pages/.gitignore", "/table\n")
    write(project, "pages/table.dvc", "outs:\n- {path: table, md5: 0}\n")
    git("add", "pages", root=project)
    code, told = guard(project, "staged")
    assert code == 1
    assert "! pages/table (pages/table.dvc): say `meta" in told
    record_property(SAYS, next(line for line in told.splitlines() if line.startswith("!")))
    write(project, "pages/table.dvc", "outs:\n- {path: table, md5: 0, meta: {sensitivity: patient}}\n")
    (found,) = outputs.problems(project, outputs.declared(project))
    assert "pages/table" in found
    assert "`dvc push` would send it" in found


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("push: false, ", "", "`dvc push` would send it"),
        ("build/notes/mimic/real_s.parquet", "results/real_s.parquet", "git does not ignore it"),
        ("{cache: false, meta: {sensitivity: aggregate}}", "{cache: false}", "say `meta"),
    ],
)
def test_outputs_that_dvc_or_git_would_carry_off(project, old, new, reason):
    assert outputs.problems(project, outputs.declared(project)) == []
    (project / "dvc.yaml").write_text(DVC_YAML.replace(old, new))
    (found,) = outputs.problems(project, outputs.declared(project))
    assert reason in found


def test_a_link_out_of_build_is_followed(project, record_property):
    (project / "elsewhere").mkdir()
    shutil.rmtree(project / "build/notes")
    (project / "build/notes").symlink_to("../elsewhere")  # where git would take what the stage writes
    (found,) = outputs.problems(project, outputs.declared(project))
    assert "git does not ignore it, or where it links to" in found
    record_property(SAYS, found)
    (project / "build/notes").unlink()
    (project / "build/notes").symlink_to(project.parent)  # another disk, say
    assert outputs.problems(project, outputs.declared(project)) == []


def test_the_hooks_refuse_a_commit_its_message_and_a_push(project, tmp_path, record_property):
    """The three hooks, as git calls them, in a repository with a remote."""
    git("init", "--quiet", "--bare", str(tmp_path / "remote"), root=project)
    git("remote", "add", "origin", str(tmp_path / "remote"), root=project)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}

    def run(*words):
        done = subprocess.run(
            ["git", *words], cwd=project, capture_output=True, text=True, env=environment, check=False
        )
        return done.returncode, done.stderr

    assert guard(project, "hooks")[0] == 0
    write(project, "a.md", NOTE)
    git("add", "a.md", root=project)
    code, told = run("commit", "-m", "A page")
    assert code == 1, told
    assert "! a.md: from line 1 on: text of patients' notes" in told
    git("rm", "--quiet", "-f", "a.md", root=project)
    write(project, "b.md", "harmless")
    git("add", "b.md", root=project)
    code, told = run("commit", "-m", f"Seen in a note: {NOTE}")
    assert code == 1, told
    assert "! the message: from line 1 on" in told
    record_property(SAYS, next(line for line in told.splitlines() if line.startswith("!")))
    assert run("commit", "--no-verify", "-m", "A harmless page")[0] == 0
    # Whoever skips the hooks, or removes in a second commit what the first has kept, meets the push.
    write(project, "a.md", NOTE)
    git("add", "a.md", root=project)
    assert run("commit", "--no-verify", "-m", f"Also here: {NOTE}")[0] == 0
    git("rm", "--quiet", "a.md", root=project)
    assert run("commit", "--no-verify", "-m", "Gone")[0] == 0
    code, told = run("push", "origin", "main")
    assert code == 1, told
    assert told.count("text of patients' notes") == 2
    assert "! a.md in commit" in told
    assert "! message of commit" in told


def test_a_hook_of_somebody_else_is_left_alone(project):
    hook = project / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexec something\n")
    code, told = guard(project, "hooks")
    assert code == 1
    assert "Add this line to it" in told
    assert "something" in hook.read_text()


def test_every_note_table_is_protected_and_a_changed_one_read_again(project):
    row = {"note_id": ["1"], "patient_id": ["1"], "codes": [["I10"]], "descriptions": [[]], "fold": ["train"]}
    other = " ".join(f"{word}zz" for word in NOTE.split())
    note_table.write(project / "build/notes/mimic/real_s.parquet", pd.DataFrame(row | {"text": [other]}))
    assert len(tables.protected(load(project))) == 2
    write(project, "a.md", other)
    (found,) = staged(project)
    assert "text of patients' notes" in found


@pytest.mark.parametrize("content", [parquet()[:-20], bytes(500), b"", b"PAR1", NOTE.encode()])
def test_a_damaged_table_is_one_line(project, content, record_property):
    table = project / "build/notes/mimic/real_s.parquet"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_bytes(content)
    code, told = guard(project, "tracked")
    assert code == 1
    assert f"noteguard: error: {table}: " in told
    assert "Traceback" not in told
    assert NOTE not in told
    record_property(SAYS, told.splitlines()[-1])


def test_where_there_never_were_notes_the_other_rules_hold(project):
    shutil.rmtree(project / "data")
    write(project, "a.md", NOTE)
    git("add", "a.md", root=project)
    code, told = guard(project, "staged")
    assert code == 0
    assert "no notes on this machine to compare with" in told
    write(project, "b.pkl", b"x")
    git("add", "b.pkl", root=project)
    code, told = guard(project, "staged")
    assert code == 1
    assert "! b.pkl" in told


def _elsewhere(project, tmp_path, where):
    """The folder in which somebody works whose data the guard has seen, but cannot see now."""
    other = tmp_path / "other"
    if where in ("the disk is not mounted", "a link that leads nowhere", "the tables of the pipeline are left"):
        (project / "data").rename(tmp_path / "disk")
        if where == "a link that leads nowhere":
            (project / "data").symlink_to(tmp_path / "unmounted")
        elif where.startswith("the tables"):
            row = {"note_id": ["1"], "patient_id": ["1"], "codes": [["I10"]], "descriptions": [[]], "fold": ["train"]}
            (project / "data").mkdir()
            note_table.write(project / "build/notes/mimic/real_e.parquet", pd.DataFrame(row | {"text": ["Another."]}))
        return project
    if where == "a folder within the repository":
        (project / "data").rename(tmp_path / "disk")
        (project / "docs").mkdir()
        return project / "docs"
    if where == "a worktree":
        git("worktree", "add", "--quiet", str(other), root=project)
    elif where == "a worktree in the repository":
        other = project / "build/other"
        git("worktree", "add", "--quiet", str(other), root=project)
    elif where == "a worktree of a worktree, whose main one is gone":
        git("worktree", "add", "--quiet", str(tmp_path / "first"), root=project)
        git("worktree", "add", "--quiet", "--detach", str(other), root=tmp_path / "first")
        (project / "data").rename(tmp_path / "disk")
    elif where == "a worktree of a bare clone":
        git("clone", "--quiet", "--bare", str(project), str(tmp_path / "bare"))
        git("worktree", "add", "--quiet", str(other), root=tmp_path / "bare")
    elif where == "a submodule":
        git("init", "--quiet", str(tmp_path / "whole"))
        git(
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
            str(project),
            "p",
            root=tmp_path / "whole",
        )
        other = tmp_path / "whole/p"
    if where in ("a worktree of a bare clone", "a submodule"):  # repositories of their own: the notes were there once
        shutil.copytree(project / "data", other / "data")
        assert guard(other, "hooks")[0] == guard(other, "staged")[0] == 0
        (other / "data").rename(tmp_path / "disk")
    return other


ELSEWHERE = [
    "a worktree", "a worktree in the repository", "a worktree of a worktree, whose main one is gone",
    "a worktree of a bare clone", "a submodule", "the disk is not mounted", "a link that leads nowhere",
    "the tables of the pipeline are left", "a folder within the repository",
]  # fmt: skip


@pytest.mark.parametrize("where", ELSEWHERE)
def test_where_the_notes_are_not_there_they_are_known_all_the_same(project, tmp_path, where, record_property):
    """A note is refused and another page is not, by git's own hooks; without a fingerprint, both are."""
    assert guard(project, "hooks")[0] == guard(project, "staged")[0] == 0
    place = _elsewhere(project, tmp_path, where)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t"}
    author = "--author=T <t@example.org>"

    def commit(texts):
        for name, text in texts.items():
            write(place, name, text)
        git("add", *texts, root=place)
        done = subprocess.run(
            ["git", "commit", "--quiet", author, "-m", "A page"], cwd=place, capture_output=True, text=True,
            env=environment, check=False,
        )  # fmt: skip
        git("reset", "--quiet", "--", *texts, root=place)
        for name in texts:
            (place / name).unlink()
        return done.returncode, done.stderr

    harmless = {"b.md": "harmless", "params.yaml": "coding:\n  epochs: 5\n"}  # for the second, DVC is asked
    code, told = commit({"a.md": NOTE})
    assert code == 1, told
    assert "a.md: from line 1 on: text of patients' notes" in told
    code, told = commit(harmless)
    assert code == 0, told
    shutil.rmtree(repository.common_folder(place) / "noteguard")
    code, told = commit(harmless)
    assert code == 1, told
    assert "nothing else to compare with" in told
    assert f"`git config {checks.OWN_DATA[0]} false`" in told
    record_property(SAYS, told)
    git("config", checks.OWN_DATA[0], "false", root=place)
    assert commit({"c.md": "harmless"})[0] == 0


def test_a_push_from_a_bare_clone_is_compared_too(project, tmp_path):
    """Where there is no working tree, and git sets GIT_DIR for the hook."""
    git("init", "--quiet", "--bare", str(tmp_path / "remote"))
    write(project, "a.md", NOTE)
    git("add", "a.md", root=project)
    git("commit", "--quiet", "-m", "A page", root=project)
    git("clone", "--quiet", "--bare", str(project), str(tmp_path / "bare"))
    bare = tmp_path / "bare"
    shutil.copytree(project / ".dvc/tmp/fingerprint", bare / "noteguard/fingerprint")
    assert guard(bare, "hooks")[0] == 0
    words = ["git", "push", str(tmp_path / "remote"), "main"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(words, cwd=bare, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1, done.stderr
    assert "! a.md in commit" in done.stderr
    git("config", checks.OWN_DATA[0], "true", root=bare)
    shutil.rmtree(bare / "noteguard")
    done = subprocess.run(words, cwd=bare, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1, done.stderr
    assert "nothing else to compare with" in done.stderr


@pytest.mark.parametrize(
    ("params", "mark", "refused"),
    [
        ("disclosure:\n  demo: false\n", None, True),
        ("disclosure:\n  demo: true\n", None, False),
        ("disclosure: nothing\n", None, False),
        ("disclosure:\n  demo: false\n", "false", False),
        ("disclosure:\n  demo: true\n", "true", True),
        (None, "yes", True),
        (None, None, False),
    ],
)
def test_what_sets_a_repository_to_own_data(project, params, mark, refused):
    shutil.rmtree(project / "data")
    (project / "params.yaml").unlink()
    if params:
        (project / "params.yaml").write_text(params)
    if mark:
        git("config", checks.OWN_DATA[0], mark, root=project)
    code, told = guard(project, "staged")
    assert code == refused, told
    assert ("nothing else to compare with" in told) == refused


def test_models_alone_are_no_data_to_compare_with(project):
    shutil.rmtree(project / "data/mimic")
    write(project, "data/models/mimic/encoder/config.json", "{}")
    assert guard(project, "hooks")[0] == 0
    assert checks.marked(project) is None


def test_the_place_of_the_cache_sets_a_repository_to_own_data(project, tmp_path):
    assert guard(project, "cache", str(tmp_path / "cache"))[0] == 0
    assert checks.marked(project)


def test_this_repository_passes():
    """By all rules but the comparison with notes."""
    declared = outputs.declared(ROOT)
    assert outputs.problems(ROOT, declared) == []
    assert checks.findings(load(ROOT), repository.tracked(ROOT), None, declared) == []


def test_this_repository_holds_no_text_of_the_demo_s_notes(tmp_path, monkeypatch):
    """Whatever the salt, and whatever runs of words are sampled: where all are kept, too, no file comes near."""
    for corpus in (mimic, sepr):
        corpus.write(tmp_path / "data" / corpus.__name__.rpartition(".")[2], DEMO, 1337)
    shutil.copytree(ROOT / "src/synthnotes/demo", tmp_path / "src/synthnotes/demo")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    tracked = list(repository.tracked(ROOT))
    salts = set()
    for number in range(2):
        if number == 1:
            monkeypatch.setattr(fingerprint, "WINDOW", 1)
        made = checks.current_fingerprint(load(tmp_path), tmp_path / f"made-{number}")
        salts.add(made.salt)
        assert sum(map(len, made.runs)) > 10_000
        assert checks.findings(load(ROOT), tracked, made) == []
    assert len(salts) == 2


class TestCache:
    def test_is_asked_for_before_own_data_and_kept(self, project, tmp_path, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO())
        with pytest.raises(NoteguardError, match=r"encrypted disk .* `CACHE=/folder make data`"):
            outputs.choose_cache(load(project), None)
        told = outputs.choose_cache(load(project), str(tmp_path / "cache"))
        assert str(tmp_path / "cache") in told
        assert "cache" in (project / ".dvc/config.local").read_text()
        assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
        assert outputs.choose_cache(load(project), None) == f"DVC's cache: {tmp_path / 'cache'} (.dvc/config.local)"
        assert "config.local" not in git("status", "--porcelain", root=project).decode()

    def test_may_not_lie_where_git_looks(self, project):
        with pytest.raises(NoteguardError, match="git would track the cache"):
            outputs.choose_cache(load(project), "results/cache")

    def test_is_nobody_s_business_without_data(self, project):
        shutil.rmtree(project / "data")
        assert outputs.choose_cache(load(project), None) is None


@pytest.mark.parametrize("text", ["nothing", NOTE])
def test_file_names_that_are_no_utf_8_are_looked_into_as_others(project, text):
    """Names are bytes to git: an archive of the nineties is unpacked, and its files may hold notes all the same."""
    names = [b"f\xf6rs\xf6k.txt", b"\xff\xfe.py", b"map\xe9/a.md", b"new\nline.txt", "förs\u00f6k.txt".encode()]
    for name in names:
        path = Path(os.fsdecode(os.fsencode(project) + b"/" + name))
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    git("add", "--all", root=project)
    git("commit", "--quiet", "--no-verify", "-m", "x", root=project)
    head = git("rev-parse", "HEAD", root=project).decode().strip()
    pushed = f"refs/heads/main {head} refs/heads/main {'0' * 40}\n"
    git("reset", "--quiet", "--soft", "HEAD~", root=project)
    for what, given in (("staged", None), ("tracked", None), ("push", pushed)):
        code, said = guard(project, what, given=given)
        carried = len(names) if text == NOTE else 0
        assert (code, said.count("text of patients' notes")) == (bool(carried), carried)
        assert "Traceback" not in said


def test_a_file_name_that_is_no_utf_8_is_ignored_as_others(project):
    path = Path(os.fsdecode(os.fsencode(project) + b"/data/\xe5.csv"))
    path.write_text("x")
    git("add", "--force", os.fsdecode(b"data/\xe5.csv"), root=project)
    assert any("git ignores this path" in line for line in staged(project))


def to_be_pushed(project, to, ref):
    """The reasons to refuse a push of a ref to a remote that does not have it."""
    pushed = git("rev-parse", ref, root=project).decode().strip()
    lines = [f"{ref} {pushed} refs/heads/x {'0' * 40}"]
    return checks.findings(load(project), repository.pushed(project, to, lines), known(project))


@pytest.fixture
def leaked(project):
    """A repository with a note below its last commit, which the remote `inner` has, and `outer` has not."""
    write(project, "a.md", NOTE)
    git("add", "a.md", root=project)
    git("commit", "--quiet", "-m", "A page", root=project)
    git("tag", "-a", "-m", "harmless", "inside", "HEAD:a.md", root=project)
    git("tag", "-a", "-m", "harmless", "tree", "HEAD^{tree}", root=project)
    git("tag", "-a", "-m", NOTE, "first", "HEAD~1", root=project)
    git("-c", "advice.nestedTag=false", "tag", "-a", "-m", "harmless", "second", "first", root=project)
    git("rm", "--quiet", "a.md", root=project)
    git("commit", "--quiet", "-m", "Gone", root=project)
    git("update-ref", "refs/remotes/inner/main", "HEAD", root=project)
    return project


@pytest.mark.parametrize("to", ["outer", "https://example.org/a?*.git", "/a folder/of mine"])
def test_what_another_remote_has_is_new_to_this_one(leaked, to, record_property):
    """The hospital's own server may have a note; the public one, with a name or an address alone, may not."""
    assert to_be_pushed(leaked, "inner", "main") == []
    (found,) = to_be_pushed(leaked, to, "HEAD^{/A page}")
    assert found.startswith("a.md in commit")
    record_property(SAYS, found)


def test_tags_are_followed_to_commits(leaked, record_property):
    assert [line[:14] for line in to_be_pushed(leaked, "inner", "second")] == ["message of tag"]
    for tag, kind in (("inside", "blob"), ("tree", "tree")):
        with pytest.raises(NoteguardError, match=f"{tag}: leads to a {kind}. Push commits") as error:
            to_be_pushed(leaked, "inner", tag)
    record_property(SAYS, str(error.value))


def test_objects_are_looked_at_as_they_are_sent(leaked):
    """Not as `git replace` shows them here."""
    note, other = (git("rev-parse", name, root=leaked).decode().strip() for name in ("HEAD~1:a.md", "HEAD:params.yaml"))
    git("replace", note, other, root=leaked)
    assert len(to_be_pushed(leaked, "outer", "main")) == 1


@pytest.mark.parametrize("way", ["removed", "out of a sparse checkout", "a link"])
def test_tracked_files_that_do_not_lie_in_the_working_tree_are_looked_at(project, way, record_property):
    if way == "a link":
        (project / "a.md").symlink_to("/etc/hostname")
    else:
        write(project, "a.md", NOTE)
    git("add", "a.md", root=project)
    if way == "out of a sparse checkout":
        git("update-index", "--skip-worktree", "a.md", root=project)
    (project / "a.md").unlink()
    (found,) = checks.findings(load(project), repository.tracked(project), known(project))
    assert ("a link" if way == "a link" else "text of patients' notes") in found
    record_property(SAYS, found)


SCISSORS = "# ------------------------ >8 ------------------------"


@pytest.mark.parametrize(
    ("message", "refused"),
    [
        ("\n".join(f"# {line}" for line in NOTE.splitlines()), True),  # -m and -F keep such lines: a heading, say
        (f"Out with it\n\n# Please enter the message\n{SCISSORS}\n# Do not touch\n-{NOTE}", False),  # commit -v
        (f"Out\n{SCISSORS.replace('#', ';')}\n-{NOTE}", False),  # core.commentChar
        (f"{NOTE}\n{SCISSORS}\ndiff", True),
    ],
)
def test_a_message_is_what_stands_above_the_scissors(project, message, refused):
    write(project, ".git/COMMIT_EDITMSG", message)
    found, _ = command.look("message", [str(project / ".git/COMMIT_EDITMSG")], load(project), known(project))
    assert bool(found) == refused


class TestInstalling:
    def test_somebody_s_hook_with_our_line_stays(self, project):
        repository.install(project)
        theirs = f'#!/bin/sh\nsomething\n{sys.executable} -m noteguard staged "$@"\n'
        write(project, ".git/hooks/pre-commit", theirs)
        repository.install(project)
        assert (project / ".git/hooks/pre-commit").read_text() == theirs

    def test_hooks_of_all_repositories_are_left_alone(self, project, tmp_path, record_property):
        git("config", "core.hooksPath", str(tmp_path / "all"), root=project)
        with pytest.raises(NoteguardError, match=r"core\.hooksPath leads there") as error:
            repository.install(project)
        assert not (tmp_path / "all").exists()
        record_property(SAYS, str(error.value))
        git("config", "core.hooksPath", ".husky", root=project)
        assert ".husky" in repository.install(project)

    @pytest.mark.parametrize("name", [b"two words", b'it\'s $HOME `x` "y"', b"f\xf6r"])
    def test_an_environment_and_a_repository_of_any_name(self, project, tmp_path, monkeypatch, name, record_property):
        """The hook calls its Python by its name; where that is gone, the commit is refused with what to do."""
        place = tmp_path / os.fsdecode(name)
        project.rename(place)
        python = place / "build" / os.fsdecode(name)
        python.write_bytes(b'#!/bin/sh\necho called "$@"\nexit 3\n')
        python.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(python))
        monkeypatch.chdir(place)
        repository.install(repository.working_tree())
        assert outputs.declared(place)

        def commit():
            words = ["git", "commit", "--allow-empty", "-m", "x"]
            done = subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)
            assert done.returncode == 1
            return done.stderr.strip()

        assert commit() == "called -m noteguard staged"
        python.unlink()
        assert commit() == repository.GONE
        record_property(SAYS, commit())

    def test_a_merge_is_looked_at_before_its_commit(self, project):
        """It brings what others have, who may have no hooks."""
        git("checkout", "--quiet", "-b", "theirs", root=project)
        write(project, "a.pkl", "x")
        git("add", "a.pkl", root=project)
        git("commit", "--quiet", "-m", "Theirs", root=project)
        git("checkout", "--quiet", "main", root=project)
        repository.install(project)
        environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
        words = ["git", "merge", "--no-ff", "theirs", "-m", "x"]
        done = subprocess.run(words, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "! a.pkl: a pickle" in done.stderr


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", b"version https://git-lfs.github.com/spec/v1\n"])
def test_a_damaged_note_table_is_told(project, content, record_property):
    write(project, "build/notes/mimic/real_s.parquet", content)
    with pytest.raises(NoteguardError, match=r"real_s.parquet: .*(delete it|git lfs pull|Copy it again)") as error:
        known(project)
    record_property(SAYS, str(error.value))


def test_droppings_and_what_is_no_file_are_no_note_tables(project):
    write(project, "build/notes/mimic/._real_s.parquet", b"\0\5\26\7")
    (project / "build/notes/mimic/real_e.parquet").mkdir()
    (project / "build/notes/mimic/real_l.parquet").symlink_to("nowhere")
    assert {Path(source).name for source in known(project).sources} == {"discharge.csv.gz"}


@pytest.mark.parametrize("text", ["deps: [{path: a}]\n", "- 1\n", "outs: [{md5: 0}]\n", "outs: 1\n"])
def test_a_pointer_that_dvc_has_not_written_is_told(project, text, record_property):
    write(project, "pages.dvc", text)
    with pytest.raises(NoteguardError, match=r"pages\.dvc: not as DVC writes it") as error:
        outputs.declared(project)
    record_property(SAYS, str(error.value))


@pytest.mark.parametrize(
    ("place", "params", "mark", "refused"),
    [
        ("an empty folder", "corpora: [mimic, sepr]\n", "true", True),  # where another disk is mounted
        ("a link that leads nowhere", "corpora: [mimic, sepr]\n", "true", True),
        ("an empty folder", "coding: 4\n", "true", True),
        ("an empty folder", "corpora: [mimic]\n", "true", False),
        ("an empty folder", "corpora: {mimic: {language: en}}\n", "true", False),
        ("an empty folder", "corpora: {mimic: {}, sepr: {}}\n", "true", True),
        ("nothing", "corpora: [mimic, sepr]\n", "true", False),  # not there yet
        ("an empty folder", "corpora: [mimic, sepr]\n", None, False),
    ],
)
def test_the_notes_of_each_corpus_are_there_or_known(template, tmp_path, place, params, mark, refused, record_property):
    """One corpus on the disk that is mounted, the other on one that is not."""
    project = tmp_path / "project"
    (project / "data/mimic/note").mkdir(parents=True)
    git("init", "--quiet", root=project)
    shutil.copy(ROOT / "pyproject.toml", project)
    write(project, "params.yaml", params)
    table = pd.read_csv(template / "data/mimic/note/discharge.csv.gz", dtype=str).head(3)
    table.to_csv(project / "data/mimic/note/discharge.csv", index=False)
    if place == "an empty folder":
        (project / "data/sepr").mkdir()
    elif place.startswith("a link"):
        (project / "data/sepr").symlink_to("/nowhere/sepr")
    if mark is None:  # as in a repository with the demo's data
        (project / "data/mimic/note/discharge.csv").unlink()
    else:
        git("config", checks.OWN_DATA[0], mark, root=project)
    if not refused:
        checks.known_notes(load(project))
        return
    with pytest.raises(NoteguardError, match="data/sepr: the notes are not there") as error:
        checks.known_notes(load(project))
    record_property(SAYS, str(error.value))


def test_ids_alone_are_not_the_notes(project):
    """The tables of admissions are there, and the disk with the notes is not."""
    (project / "data/mimic/hosp").mkdir()
    (project / "data/mimic/note/discharge.csv.gz").rename(project / "notes.csv.gz")
    write(project, "data/mimic/hosp/diagnoses_icd.csv", "subject_id,hadm_id\n10000001,20000001\n")
    assert checks.known_notes(load(project)) is not None
    git("config", checks.OWN_DATA[0], "true", root=project)
    with pytest.raises(NoteguardError, match="the notes are not there"):
        checks.known_notes(load(project))


def test_escapes_move_no_line(project):
    write(project, "a.json", json.dumps({"first": "a\nb\u2028", "then": [ESCAPED]}, indent=1) + "\n" + r"C:\new")
    (found,) = staged(project)
    assert "from line 4 on" in found


@pytest.mark.parametrize("written", [r"c:\new &amp; old", "c:\\new & old"])
def test_a_note_with_what_looks_like_an_escape_is_known_as_it_is_too(project, written):
    text = " ".join(f"{written} p{number}" for number in range(9))
    pd.DataFrame({"_id": ["1"], "text": [text]}).to_csv(project / "data/mimic/note/discharge.csv", index=False)
    write(project, "a.md", text)
    assert len(staged(project)) == 1


@pytest.mark.parametrize("name", ["fine.html", "page.html"])
def test_given_files_are_looked_into_though_git_ignores_them(project, name, record_property):
    """The report, before it is deposited."""
    write(project, f"build/report/{name}", f"<p>{NOTE}" if name == "page.html" else "<p>harmless")
    code, told = guard(project, "files", f"build/report/{name}")
    assert code == (name == "page.html")
    if code:
        assert f"! build/report/{name}: from line 1 on: text of patients' notes" in told
        record_property(SAYS, told.splitlines()[-2])


def test_a_file_that_is_not_there_is_told(project):
    code, told = guard(project, "files", "build/gone.html")
    assert code == 1
    assert "noteguard: error: " in told
    assert "build/gone.html" in told


def test_a_file_among_the_results_that_no_stage_makes_is_refused(project, record_property):
    """What `make archive` asks first: whether anything that git tracks is refused."""
    write(project, "results/corpus/rows.csv", "id\n1\n")
    git("add", ".", root=project)
    git("commit", "--quiet", "-m", "Rows", root=project)
    code, told = guard(project, "tracked")
    assert code == 1
    (line,) = (line for line in told.splitlines() if line.startswith("!"))
    assert "! results/corpus/rows.csv: lies among the results" in line
    record_property(SAYS, line)


def test_names_of_old_are_honoured(project):
    """The mark, and hooks that call the module as it was called once."""
    hook = project / ".git/hooks/pre-commit"
    hook.write_text(
        "#!/bin/sh\n# python -m synthnotes.guard staged: see SECURITY.md\nexec python -m synthnotes.guard\n"
    )
    repository.install(project)
    assert "-m noteguard staged" in hook.read_text()
    shutil.rmtree(project / "data")
    git("config", "synthnotes.ownData", "true", root=project)
    with pytest.raises(NoteguardError, match="nothing else to compare with"):
        checks.known_notes(load(project))
    git("config", "noteguard.ownData", "false", root=project)
    assert checks.known_notes(load(project)) is None


def test_invented_notes_are_nobody_s(project):
    """Those that the manifest names with their checksum: not another file in their place."""
    path = project / "data/mimic/note/discharge.csv.gz"
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    write(project, "data/DEMO.json", json.dumps({"files": {"mimic/note/discharge.csv.gz": checksum}}))
    checks.remember_own_data(load(project))
    assert checks.marked(project) is None
    assert outputs.choose_cache(load(project), None) is None
    pd.DataFrame({"_id": ["1"], "text": [NOTE]}).to_csv(path, index=False)
    checks.remember_own_data(load(project))
    assert checks.marked(project)


GOOD = '[tool.noteguard]\nnotes = {clinic = "notes/**/*.csv"}\ncolumns = {text = ["text"]}\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"there is no table \[tool.noteguard\], which says which files hold notes"),
        ("[tool.noteguard", "not valid TOML"),
        ("[tool.noteguard]\n", "notes: Field required"),
        (GOOD.replace("clinic =", "#"), "not valid TOML"),
        (GOOD.replace('{clinic = "notes/**/*.csv"}', "{}"), "notes: Dictionary should have at least 1 item"),
        (GOOD.replace('"notes', '"/notes'), "notes.clinic.0: .*expected a path within the repository"),
        (GOOD.replace('"notes', '"../notes'), "notes.clinic.0: .*expected a path within the repository"),
        (GOOD.replace('["text"]', "[]"), "columns.text: List should have at least 1 item"),
        (GOOD + "derive = []\n", "derive: Extra inputs are not permitted"),
        (GOOD + "derived = [1]\n", "derived.0: Input should be a valid string"),
        (GOOD + 'own_data = {file = "params.yaml", key = "demo"}\n', "own_data.value: Field required"),
    ],
)
def test_settings_are_told_what_is_wrong_with_them(tmp_path, text, told):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(NoteguardError, match=rf"pyproject\.toml: .*{told}"):
        load(tmp_path)


def test_another_project_s_notes(tmp_path):
    """Without DVC, without ids, in folders of any depth; what is hidden or left by file managers is no note."""
    git("init", "--quiet", str(tmp_path))
    (tmp_path / "pyproject.toml").write_text(GOOD)
    for name in ("a/b/n.csv", "n.csv", ".hidden/n.csv", "._n.csv", "__MACOSX/n.csv", "~$n.csv"):
        write(tmp_path, f"notes/{name}", f"text,other\n{NOTE.replace(chr(10), ' ')},1\n")
    known = checks.known_notes(load(tmp_path))
    assert [source.partition("/notes/")[2] for source in known.sources] == ["a/b/n.csv", "n.csv"]
    write(tmp_path, "a.md", NOTE)
    git("add", "a.md", root=tmp_path)
    (found,) = checks.findings(load(tmp_path), repository.staged(tmp_path), known)
    assert "text of patients' notes" in found
    write(tmp_path, "notes/n.csv", "words\nthe gentleman\n")
    with pytest.raises(NoteguardError, match=r"n\.csv: none of the columns text is there"):
        checks.known_notes(load(tmp_path))


def test_noteguard_and_synthnotes_know_nothing_of_each_other():
    for package, other in (("noteguard", "synthnotes"), ("synthnotes", "noteguard")):
        for path in (ROOT / "src" / package).rglob("*.py"):
            assert not re.search(rf"^\s*(?:from|import) {other}\b", path.read_text(encoding="utf-8"), re.MULTILINE)
