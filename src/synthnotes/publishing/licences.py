"""Licences: a list of every package of the environment with its licence, for whoever passes the environment on.

`python -m synthnotes.publishing.licences LICENCES.md requirements` (`make licences`) reads what the installed packages
say of themselves. Nothing here is legal advice.
"""

import re
import sys
from collections import Counter
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from synthnotes.machinery.files import replacing

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
COPYLEFT = re.compile(r"\b(?:[AL]?GPL|GNU|MPL|EUPL|CDDL|EPL)|Mozilla", re.IGNORECASE)
STRONG = re.compile(r"\bA?GPL|GNU (?:Affero )?General", re.IGNORECASE)
BUNDLED = {"pypandoc-binary": "MIT, with pandoc itself: GPL-2.0-or-later"}  # which the package does not say
LONGEST = 60  # characters: some packages give the licence's whole text


def pinned(folder: Path) -> list[str]:
    """The names in the requirement files of a folder."""
    lines = [line for file in sorted(folder.glob("*.txt")) for line in file.read_text(encoding="utf-8").splitlines()]
    return sorted({match[1].lower() for line in lines if (match := PINNED.match(line))})


def licence(package: Distribution) -> str:
    """What a package says, or is known to hold: its SPDX expression, else its classifiers, else its free text."""
    told = package.metadata
    if bundled := BUNDLED.get(told["Name"].lower().replace("_", "-")):
        return bundled
    if expression := told.get("License-Expression"):
        return expression
    classified = [c.rpartition(" :: ")[2] for c in told.get_all("Classifier", []) if c.startswith("License :: ")]
    classified = [c for c in classified if c != "OSI Approved"]
    text = (told.get("License") or "").strip().split("\n")[0]
    return " / ".join(classified) or (text[:LONGEST] if text else "not told")


def table(names: list[str]) -> str:
    """The list as markdown."""
    rows, missing = [], []
    for name in names:
        try:
            package = distribution(name)
        except PackageNotFoundError:
            missing.append(name)
            continue
        of_package = licence(package)
        mark = "copyleft" if STRONG.search(of_package) else "weak copyleft" if COPYLEFT.search(of_package) else ""
        rows.append((name, package.version, of_package.replace("|", "/"), mark))
    marks = Counter(mark for *_, mark in rows if mark)
    counted = ", ".join(f"{number} {mark}" for mark, number in sorted(marks.items())) or "none with copyleft"
    lines = [
        "# Licences",
        "",
        "Made by `make licences` from what the installed packages say of themselves; this repository itself is under "
        f"MIT. {len(rows)} packages, {counted}. None of them is part of this repository; copyleft matters to whoever "
        "passes on an environment or an image with them in it.",
        "",
        "| package | version | licence | |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows),
    ]
    if missing:
        lines += ["", f"Pinned, but not installed here (the other kind of machine): {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with replacing(Path(sys.argv[1])) as temporary:
        temporary.write_text(table(pinned(Path(sys.argv[2]))), encoding="utf-8")
