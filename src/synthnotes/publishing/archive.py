"""Archive: one file to deposit, of all that may be published and nothing of patients (`make archive`).

It holds what git tracks (code, parameters, aggregate results) and the report, with the SHA-256 of each file in
SHA256SUMS, which `sha256sum -c` reads, and the commit in MANIFEST.json. Nothing in it is compressed and no time of day
is kept, so that the same commit gives the same bytes everywhere.
"""

import argparse
import hashlib
import io
import json
import os
import sys
import zipfile
from pathlib import Path

from synthnotes.guard import checks, outputs, repository
from synthnotes.guard.outputs import Output
from synthnotes.guard.repository import Content
from synthnotes.machinery.files import UserError, replacing
from synthnotes.publishing.verify import CHANGED, verify

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


def collect(root: Path, declared: list[Output]) -> dict[str, bytes]:
    """What git tracks, and the report.

    Raises:
        UserError: something is not committed, or the report is missing.
    """
    changed = os.fsdecode(repository.git("status", "--porcelain", root=root)).splitlines()
    if changed:
        raise UserError(f"{len(changed)} change(s) not committed ({_named(changed)}). Commit them first.")
    contents = {content.name: content.data for content in repository.tracked(root)}
    if odd := [name for name in contents if not name.isascii() and name != os.fsencode(name).decode(errors="replace")]:
        raise UserError(f"{odd[0]!r}: a file name that is not UTF-8, which an archive cannot hold. Rename the file.")
    tracked = len(contents)
    for path in _report(root, declared):
        contents[path.relative_to(root).as_posix()] = path.read_bytes()
    if len(contents) == tracked:
        raise UserError("the report is not there. Run `dvc repro`, or `make report` where there are no data.")
    return contents


def refuse(root: Path, contents: dict[str, bytes], declared: list[Output], known: checks.Fingerprint | None) -> None:
    """Raises a `UserError` if the guard would not let something out, or the report is not that of these results."""
    found = outputs.problems(root, declared)
    found += checks.findings(root, repository.tracked(root), known, declared)
    report = [path.relative_to(root).as_posix() for path in _report(root, declared)]
    # Git ignores the report, and its PDF holds the text of its HTML: only text and ids are looked for in them.
    texts = [Content(name, contents[name], file=False) for name in report if not name.endswith(".pdf")]
    found += checks.findings(root, texts, known)
    if found:
        raise UserError(f"the guard refuses {len(found)} thing(s):\n" + "\n".join(found))


def main() -> None:
    """Packs the archive, or says why not."""
    parser = argparse.ArgumentParser(prog="python -m synthnotes.publishing.archive", description=__doc__)
    parser.add_argument("--to", type=Path, required=True, help="the archive, a .zip")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--fingerprint", type=Path, help="of the guard; by default in git's own folder")
    parser.add_argument("--provenance", type=Path, required=True, help="the report's provenance.json")
    options = parser.parse_args()
    root = Path.cwd()
    declared = outputs.declared(root)
    contents = collect(root, declared)
    known = checks.known_notes(root, options.data, options.build / "notes", options.fingerprint)
    refuse(root, contents, declared, known)
    stale = [fact.name for fact in verify(Path(), Path("dvc.lock"), options.provenance) if fact.state == CHANGED]
    if stale:
        raise UserError(f"{len(stale)} thing(s) not as recorded ({_named(stale)}). See `make verify`; run `dvc repro`.")
    commit = repository.git("rev-parse", "HEAD").decode().strip()
    packed = pack(contents, options.to.stem, commit)
    with replacing(options.to) as temporary:
        temporary.write_bytes(packed)
    compared = "" if known else "; no notes on this machine to compare with"
    print(f"{options.to}: {len(contents)} files, {len(packed) / 2**20:.1f} MiB, commit {commit[:8]}{compared}")


def _report(root: Path, declared: list[Output]) -> list[Path]:
    """The files of the aggregate outputs that git does not track."""
    names = [output.path for output in declared if output.sensitivity == "aggregate"]
    hidden = repository.ignored(root, names)
    found = []
    for name in names:
        if name in hidden:
            path = root / name
            found += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path] * path.is_file()
    return found


def _named(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + ", …" * (len(names) > NAMED)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"archive: error: {error}")
