"""A copy of the project in a folder of its own, at toy scale, without a network, and with a marker in every note."""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather
from ruamel.yaml import YAML

from synthnotes.machinery import configure

ROOT = Path(__file__).parents[2]
# A sentence that nobody else writes, planted in every note. Its pieces are searched for, word by word.
MARKER = "Quarvel tozimundo brelakov finstrup wexolin judabarek plinquest moravexi."
PIECES = [piece.lower().encode() for piece in re.findall(r"\w+", MARKER)]
START_LOOPBACK = """
import fcntl, os, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 0x49))
os.execvp(sys.argv[1], sys.argv[1:])
"""
# A network namespace without a route, made from outside: what a stage does by itself must work there, too.
NAMESPACE = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", START_LOOPBACK]


@cache
def namespace():
    """What a command begins with to run without a network; nothing where the host forbids it."""
    try:
        done = subprocess.run([*NAMESPACE, "true"], capture_output=True, timeout=60)
    except OSError:
        return []
    return NAMESPACE if done.returncode == 0 else []


class Project:
    """A copy of the project in a folder of its own, with a repository, data and cache of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.told = []  # all that commands have printed
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
        done = subprocess.run(
            [*namespace(), *words], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=1500
        )
        done.output = done.stdout + done.stderr
        self.told.append(done.output)
        return done

    def start(self, *words):
        """Starts a command in a group of processes of its own; what it prints goes to the file `told`."""
        (self.folder / "build").mkdir(exist_ok=True)
        with (self.folder / "build/told").open("ab") as told:
            return subprocess.Popen(
                [*namespace(), *words],
                cwd=self.folder,
                env=self.environment,
                stdout=told,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def environment(self):
        """Temporary files and what libraries keep in the user's home lie in the copy, where they are looked at, too."""
        places = {"TMPDIR": str(self.folder / "tmp"), "HOME": str(self.folder / "home")}
        for place in places.values():
            Path(place).mkdir(exist_ok=True)
        beside = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        return {
            **beside,
            **places,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.folder / "src"),
        }

    def make_data(self):
        """Makes the demo's data, plants the marker, and gives them to DVC."""
        made = self.run(sys.executable, "-m", "synthnotes.demo", "--data", "data", "--scale", "toy")
        assert made.returncode == 0, made.output[-6000:]
        plant(self.folder / "data")
        added = self.run("dvc", "add", "--quiet", "data")
        assert added.returncode == 0, added.output

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


def plant(data):
    """Puts the marker into the text of every note."""
    path = data / "mimic/note/discharge.csv.gz"
    notes = pd.read_csv(path, dtype=str, keep_default_na=False)
    notes["text"] = notes["text"].str.replace(r"(?i)(history of present illness:)", f"\\1\n{MARKER}", regex=True)
    path.unlink()
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        notes.to_csv(file, index=False)
    path = data / "sepr/notes.feather"
    table = pyarrow.feather.read_table(path)
    texts = pa.array([text and f"{text}\n{MARKER}" for text in table["text"].to_pylist()], table["text"].type)
    pyarrow.feather.write_feather(table.set_column(table.column_names.index("text"), "text", texts), str(path))
    marker = data / "DEMO.json"  # they remain the demo's
    made = json.loads(marker.read_text(encoding="utf-8"))
    made["files"] = {name: hashlib.sha256((data / name).read_bytes()).hexdigest() for name in made["files"]}
    marker.write_text(json.dumps(made), encoding="utf-8")


def carriers(folder):
    """The files outside of patient data that hold a piece of the marker.

    Outside are build/logs and the report, temporary files and the user's home.
    """
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        parts = path.relative_to(folder).parts
        inside = parts[0] == "data" or parts[:3] == (".dvc", "cache", "files")
        inside |= parts[0] == "build" and parts[1] not in ("logs", "report", "told")
        if not inside and parts[0] not in ("tests", ".git") and holds_marker(path.read_bytes()):
            found.append("/".join(parts))
    return found


def holds_marker(content):
    """Whether bytes hold a piece of the marker."""
    content = content.lower()
    return any(piece in content for piece in PIECES)
