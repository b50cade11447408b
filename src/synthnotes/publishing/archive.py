"""Archive: one file to deposit, of all that may be published and nothing of patients (`make archive`).

It holds what git tracks (code, parameters, aggregate results) and the report, with the SHA-256 of each file in
SHA256SUMS, which `sha256sum -c` reads, and the commit in MANIFEST.json. Nothing in it is compressed and no time of day
is kept, so that the same commit gives the same bytes everywhere. That none of it is of patients, noteguard sees to.
"""

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from synthnotes.machinery.files import UserError, replacing
from synthnotes.publishing.verify import ABSENT, CHANGED, verify

SUMS, MANIFEST = "SHA256SUMS", "MANIFEST.json"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can tell
NAMED = 5


def pack(contents: dict[str, bytes], folder: str, commit: str) -> bytes:
    """Writes files into an archive.

    Args:
        contents: the files by name.
        folder: in which they lie in the archive.
        commit: of the repository.
    """
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(contents.items())}
    listed = {name: {"sha256": sums[name], "bytes": len(contents[name])} for name in sums}
    manifest = json.dumps({"commit": commit, "files": listed}, indent=2).encode() + b"\n"
    sums_file = "".join(f"{checksum}  {name}\n" for name, checksum in sums.items()).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted({**contents, SUMS: sums_file, MANIFEST: manifest}.items()):
            entry = zipfile.ZipInfo(f"{folder}/{name}", EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def collect(root: Path, report: list[str]) -> dict[str, bytes]:
    """What git tracks, and the report's files and folders.

    Raises:
        UserError: something is not committed, or the report is missing.
    """
    changed = os.fsdecode(_git(root, "status", "--porcelain")).splitlines()
    if changed:
        raise UserError(f"{len(changed)} change(s) not committed ({_named(changed)}). Commit them first.")
    names = os.fsdecode(_git(root, "ls-files", "-z")).split("\0")[:-1]
    links = {name for name in names if (root / name).is_symlink()}
    contents = {n: os.fsencode((root / n).readlink()) if n in links else (root / n).read_bytes() for n in names}
    if odd := [name for name in contents if not name.isascii() and name != os.fsencode(name).decode(errors="replace")]:
        raise UserError(f"{odd[0]!r}: a file name that is not UTF-8, which an archive cannot hold. Rename the file.")
    tracked = len(contents)
    for path in (path for name in report for path in (root / name, *sorted((root / name).rglob("*")))):
        if path.is_file():
            contents[path.relative_to(root).as_posix()] = path.read_bytes()
    if len(contents) == tracked:
        raise UserError("the report is not there. Run `dvc repro`, or `make report` where there are no data.")
    return contents


def main() -> None:
    """Packs the archive, or says why not."""
    parser = argparse.ArgumentParser(prog="python -m synthnotes.publishing.archive", description=__doc__)
    parser.add_argument("--to", type=Path, required=True, help="the archive, a .zip")
    parser.add_argument("--provenance", type=Path, required=True, help="the report's provenance.json")
    options = parser.parse_args()
    root = Path.cwd()
    facts = verify(Path(), Path("dvc.lock"), options.provenance)
    contents = collect(root, [fact.name for fact in facts if fact.kind == "report" and fact.state != ABSENT])
    stale = [fact.name for fact in facts if fact.state == CHANGED]
    if stale:
        raise UserError(f"{len(stale)} thing(s) not as recorded ({_named(stale)}). See `make verify`; run `dvc repro`.")
    commit = _git(root, "rev-parse", "HEAD").decode().strip()
    packed = pack(contents, options.to.stem, commit)
    with replacing(options.to) as temporary:
        temporary.write_bytes(packed)
    print(f"{options.to}: {len(contents)} files, {len(packed) / 2**20:.1f} MiB, commit {commit[:8]}")


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
