"""Archive: one file to deposit, of all that may be published and nothing of patients (`make archive`).

It is what `git archive` makes of the commit (code, parameters, aggregate results) and of the report, with the SHA-256
of each file in SHA256SUMS, which `sha256sum -c` reads, and the commit in MANIFEST.json. Nothing in it is compressed, so
that the same commit gives the same bytes everywhere. That none of it is of patients, noteguard sees to.
"""

import argparse
import hashlib
import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

from synthnotes.machinery.files import UserError, replacing
from synthnotes.publishing.verify import ABSENT, CHANGED, verify

SUMS, MANIFEST = "SHA256SUMS", "MANIFEST.json"
NAMED = 5


def pack(root: Path, report: list[str], to: Path, folder: str, commit: str) -> int:
    """Writes the archive of a commit and of the report, which git does not track; gives the number of files in it."""
    added = [word for name in report for word in (f"--prefix={folder}/{Path(name).parent}/", f"--add-file={name}")]
    # As git holds the text, whatever this machine's line ends; zip keeps the commit's time as that of a time zone.
    command = ["git", "-c", "core.autocrlf=false", "archive", "--format=zip", "-0", f"--output={to.resolve()}"]
    command += [*added, f"--prefix={folder}/", commit]
    done = subprocess.run(command, cwd=root, env=os.environ | {"TZ": "UTC"}, capture_output=True, check=False)
    if done.returncode:
        raise UserError(f"git archive: {done.stderr.decode(errors='replace').strip()}")
    with zipfile.ZipFile(to, "a", zipfile.ZIP_STORED) as archive:
        files = {}
        for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
            if not entry.is_dir() and not stat.S_ISLNK(entry.external_attr >> 16):
                checksum = hashlib.sha256(archive.read(entry)).hexdigest()
                files[entry.filename.removeprefix(f"{folder}/")] = {"sha256": checksum, "bytes": entry.file_size}
        sums = "".join(f"{of['sha256']}  {name}\n" for name, of in files.items())
        for name, text in ((SUMS, sums), (MANIFEST, json.dumps({"commit": commit, "files": files}, indent=2) + "\n")):
            entry = zipfile.ZipInfo(f"{folder}/{name}")  # of 1980, the earliest that a zip file can tell
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, text)
    return len(files)


def refuse(root: Path, report: list[str]) -> None:
    """Raises a `UserError` if something is not committed or cannot be packed, or there is no report."""
    changed = os.fsdecode(_git(root, "status", "--porcelain")).splitlines()
    if changed:
        raise UserError(f"{len(changed)} change(s) not committed ({_named(changed)}). Commit them first.")
    for name in os.fsdecode(_git(root, "ls-files", "-z")).split("\0"):
        if name != os.fsencode(name).decode(errors="replace"):
            raise UserError(f"{name!r}: a file name that is not UTF-8, which an archive cannot hold. Rename the file.")
    if not report:
        raise UserError("the report is not there. Run `dvc repro`, or `make report` where there are no data.")


def main() -> None:
    """Packs the archive, or says why not."""
    parser = argparse.ArgumentParser(prog="python -m synthnotes.publishing.archive", description=__doc__)
    parser.add_argument("--to", type=Path, required=True, help="the archive, a .zip")
    parser.add_argument("--provenance", type=Path, required=True, help="the report's provenance.json")
    options = parser.parse_args()
    root = Path.cwd()
    facts = verify(root, options.provenance)
    paths = [root / fact.name for fact in facts if fact.kind == "report" and fact.state != ABSENT]
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    report = [file.relative_to(root).as_posix() for file in files if file.is_file()]
    refuse(root, report)
    stale = [fact.name for fact in facts if fact.state == CHANGED]
    if stale:
        raise UserError(f"{len(stale)} thing(s) not as recorded ({_named(stale)}). See `make verify`; run `dvc repro`.")
    commit = _git(root, "rev-parse", "HEAD").decode().strip()
    with replacing(options.to) as temporary:
        number = pack(root, report, temporary, options.to.stem, commit)
    size = options.to.stat().st_size / 2**20
    print(f"{options.to}: {number} files, {size:.1f} MiB, commit {commit[:8]}")


def _git(root: Path, *words: str) -> bytes:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False)
    if done.returncode:
        raise UserError(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _named(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + ", …" * (len(names) > NAMED)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"archive: error: {error}")
