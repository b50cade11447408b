"""Quarto: renders a written project as `quarto render` does, and refuses what it only warns of.

`python -m synthnotes.report.kit.quarto FOLDER` renders a project where it lies: `make report ENGINE=quarto`.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from synthnotes.machinery.files import UserError, require, write_json

OLDEST = (1, 9)  # before, it loads a package for callouts from the network
PAGES = ("report.html", "report.pdf")
VERSIONS = "versions.json"
LOG = "quarto.log"
# Quarto takes any ":::" for a fence that was not closed, escaped ones too. That all are closed, lint has seen.
HARMLESS = "The following string was found in the document: :::"
_COLOURS = re.compile(r"\x1b\[\d+m")
_TECHNICAL = re.compile(r"^(\[?WARNING\]?( \(\S+\))?|ERROR:)")


def render(folder: Path) -> tuple[bytes, bytes]:
    """Renders a project where it lies, as HTML and as PDF.

    Raises:
        UserError: Quarto is not installed, is too old, fails, or warns: it ends without an error where a reference or
            a citation leads nowhere.
    """
    versions()
    for page in PAGES:
        (folder / page).unlink(missing_ok=True)
    command = ["render", ".", "--no-execute", "--log", LOG, "--log-format", "json-stream"]
    done = subprocess.run([_program(), *command], cwd=folder, capture_output=True, text=True, check=False)
    found = complaints((folder / LOG).read_text(encoding="utf-8")) if (folder / LOG).is_file() else []
    if done.returncode != 0 and not found:
        found = [f"it failed with exit code {done.returncode}"]
    if found:
        raise UserError(f"quarto render, {folder}: {'; '.join(found[:5])}")
    pages = [folder / page for page in PAGES]
    require(*pages)
    html, pdf = (page.read_bytes() for page in pages)
    return html, pdf


def complaints(log: str) -> list[str]:
    """What Quarto warns of or fails for, each in one line, without colours and places in its own code.

    Args:
        log: a message per line, as JSON; those of pandoc's filters are of the level INFO, whatever they say.
    """
    messages = [json.loads(line) for line in log.splitlines() if line.strip()]
    warnings = [each["msg"] for each in messages if "WARNING" in each["msg"] or each["levelName"] in ("WARN", "ERROR")]
    plain = (_TECHNICAL.sub("", _COLOURS.sub("", text).strip()) for text in warnings if HARMLESS not in text)
    return list(dict.fromkeys(" ".join(text.split()) for text in plain))


def versions() -> dict[str, str]:
    """The versions of Quarto, and of the pandoc and the typst that it brings.

    Raises:
        UserError: there is no Quarto, or it is too old.
    """
    found = {"quarto": _version("--version")}
    if tuple(int(part) for part in re.findall(r"\d+", found["quarto"])[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise UserError(f"Quarto {found['quarto']} is too old: {oldest} is the oldest that serves.")
    return found | {f"{part} (quarto's)": _version(part, "--version") for part in ("pandoc", "typst")}


def _program() -> str:
    program = shutil.which("quarto")
    if program is None:
        raise UserError(
            "No program quarto is installed. `make setup QUARTO=1` installs it where the network allows; the embedded "
            "renderer (report.engine: embedded) needs none."
        )
    return program


def _version(*arguments: str) -> str:
    """The first number with dots that Quarto prints."""
    done = subprocess.run([_program(), *arguments], capture_output=True, text=True, check=False)
    number = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    if done.returncode != 0 or number is None:
        raise UserError(f"quarto {' '.join(arguments)}: {done.stderr.strip() or 'no version is told'}")
    return number[0]


if __name__ == "__main__":
    try:
        project = Path(sys.argv[1])
        render(project)
        write_json(project / VERSIONS, versions())
        print("\n".join(str(project / page) for page in PAGES))
    except UserError as error:
        sys.exit(f"quarto: error: {error}")
