"""Licences: a list of every package of the environment with its licence, for whoever passes the environment on.

`python -m synthnotes.publishing.licences LICENCES.md requirements` (`make licences`) sets down what pip-licenses reads
in the installed packages, and marks copyleft. Nothing here is legal advice.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from synthnotes.machinery.files import replacing

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
COPYLEFT = re.compile(r"\b(?:[AL]?GPL|GNU|MPL|EUPL|CDDL|EPL)|Mozilla", re.IGNORECASE)
STRONG = re.compile(r"\bA?GPL|GNU (?:Affero )?General", re.IGNORECASE)
BUNDLED = {"pypandoc-binary": "MIT, with pandoc itself: GPL-2.0-or-later"}  # which the package does not say
LONGEST = 100  # characters: some packages give the licence's whole text


def pinned(folder: Path) -> list[str]:
    """The names in the requirement files of a folder."""
    texts = (file.read_text(encoding="utf-8") for file in folder.glob("*.txt"))
    return sorted({name.lower() for text in texts for name, _ in PINNED.findall(text)})


def table(names: list[str]) -> str:
    """The list as markdown."""
    command = [sys.executable, "-m", "piplicenses", "--with-system", "--format=json", "--packages", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    packages = {_normal(package["Name"]): package for package in json.loads(done.stdout)}
    rows = []
    for name in (name for name in names if _normal(name) in packages):
        package = packages[_normal(name)]
        stated = package["License"].strip().split("\n")[0][:LONGEST].replace("UNKNOWN", "not told")
        licence = BUNDLED.get(name, stated)
        mark = "copyleft" if STRONG.search(licence) else "weak copyleft" if COPYLEFT.search(licence) else ""
        rows.append((name, package["Version"], licence.replace("|", "/"), mark))
    counted = Counter(mark for *_, mark in rows if mark)
    marks = ", ".join(f"{number} {mark}" for mark, number in sorted(counted.items())) or "none with copyleft"
    lines = [
        "# Licences",
        "",
        "Made by `make licences` from what the installed packages say of themselves; this repository itself is under "
        f"MIT. {len(rows)} packages, {marks}. None of them is part of this repository; copyleft matters to whoever "
        "passes on an environment or an image with them in it.",
        "",
        "| package | version | licence | |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows),
    ]
    if missing := [name for name in names if _normal(name) not in packages]:
        lines += ["", f"Pinned, but not installed here (the other kind of machine): {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    with replacing(Path(sys.argv[1])) as temporary:
        temporary.write_text(table(pinned(Path(sys.argv[2]))), encoding="utf-8")
