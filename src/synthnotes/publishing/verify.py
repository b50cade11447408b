"""Verify: whether data, parameters, code, results and report are still those that were recorded (`make verify`).

dvc.lock records, for every stage that has run, the hash of each input and output and the value of each parameter, and
data.dvc the hash of the data: DVC itself compares them, without its memory of hashes. The report's provenance.json
records what its numbers came from. A file that is not on this machine cannot be checked, and is counted as absent: a
clone without data can verify parameters, code and results. What dvc.lock records of stages that dvc.yaml no longer has
is passed over, and counted.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from synthnotes.machinery.files import UserError, read_json, read_yaml

SAME, CHANGED, ABSENT = "as recorded", "changed", "not on this machine"
PAST = "no longer in dvc.yaml, and passed over (`make tidy` removes them)"
KINDS = {"data": "data", "results": "results", "build": "outputs", "params.yaml": "parameters"}  # all else is code


@dataclass(frozen=True)
class Fact:
    """Something recorded, and what became of it.

    Attributes:
        kind: data, parameters, code, results, outputs, report, packages or, of those that are no more, stages.
        state: `SAME`, `CHANGED`, `ABSENT` or `PAST`.
        by: who recorded it.
    """

    kind: str
    name: str
    state: str
    by: str


def verify(root: Path, provenance_file: Path) -> list[Fact]:
    """Checks everything that is recorded; the report's provenance may be missing, dvc.yaml and dvc.lock may not."""
    facts = list(_locked(root))
    if provenance_file.is_file():
        facts += _of_report(root, read_json(provenance_file), provenance_file.name)
    unique = {(fact.kind, fact.name, fact.state): fact for fact in facts}
    return sorted(unique.values(), key=lambda fact: (fact.kind, fact.name))


def _locked(root: Path) -> Iterator[Fact]:
    """What dvc.lock and the .dvc files record, compared by DVC."""
    from dvc.dependency import ParamsDependency
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.stage import PipelineStage

    lock = read_yaml(root / "dvc.lock")
    recorded = lock.get("stages") if isinstance(lock, dict) else None
    if not isinstance(recorded, dict):
        raise UserError("dvc.lock: no stages in it. Run `dvc repro`, or take the file from git.")
    try:
        # DVC trusts what it remembers of a file whose size and time are the same: its memory is an empty one here.
        with TemporaryDirectory() as memory, Repo(str(root), config={"core": {"site_cache_dir": memory}}) as repo:
            present = set()
            for stage in repo.index.stages:
                of_pipeline = isinstance(stage, PipelineStage)
                present.add(stage.name if of_pipeline else None)
                if of_pipeline and stage.name not in recorded:
                    continue
                by = f"dvc.lock, {stage.name}" if of_pipeline else Path(stage.path).name
                for item in [*stage.deps, *stage.outs]:
                    if isinstance(item, ParamsDependency):
                        yield from _parameters(item, by)
                        continue
                    name = Path(item.fs_path).relative_to(repo.root_dir).as_posix()
                    found = next(iter(item.workspace_status().values()), None)
                    state = {None: SAME, "deleted": ABSENT}.get(found, CHANGED)
                    yield Fact(_kind(name) if of_pipeline else "data", name, state, by)
    except DvcException as error:
        raise UserError(f"dvc.yaml: DVC cannot read it: {error}") from None
    yield from (Fact("stages", name, PAST, "dvc.lock") for name in recorded if name not in present)


def _parameters(item: Any, by: str) -> Iterator[Fact]:
    """What a stage's entry says of parameters."""
    changed = item.workspace_status().get(str(item), {})
    for key in {**(item.hash_info.value or {}), **(changed if isinstance(changed, dict) else {})}:
        yield Fact("parameters", key, CHANGED if key in changed or changed == "deleted" else SAME, by)


def _of_report(root: Path, provenance: dict[str, Any], by: str) -> Iterator[Fact]:
    """What the report records of itself; parts that an older or newer one does not have are passed over."""
    hashes = {"params.yaml": ("sha256", (provenance.get("params") or {}).get("sha256"))}
    for corpus, checksums in (provenance.get("data") or {}).items():
        hashes |= {"/".join(("data", corpus, name)): ("sha256", checksum) for name, checksum in checksums.items()}
    hashes |= {name: ("md5", of_file.get("md5")) for name, of_file in (provenance.get("files") or {}).items()}
    for name, (algorithm, recorded) in hashes.items():
        if recorded:
            path = root / name
            found = hashlib.new(algorithm, path.read_bytes()).hexdigest() if path.is_file() else None
            yield Fact(_kind(name), name, _state(recorded, found), by)
    for name, recorded in (provenance.get("packages") or {}).items():
        yield Fact("packages", f"{name} {recorded}", _state(recorded, _installed(name)), by)


def _kind(path: str) -> str:
    parts = PurePosixPath(path).parts
    return "report" if parts[:2] == ("build", "report") else KINDS.get(parts[0], "code")


def _state(recorded: str, found: str | None) -> str:
    return ABSENT if found is None else SAME if found == recorded else CHANGED


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def summary(facts: list[Fact]) -> str:
    """A line per kind: how many are in each state."""
    lines = []
    for kind in dict.fromkeys(fact.kind for fact in facts):
        states = [fact.state for fact in facts if fact.kind == kind]
        counts = ", ".join(f"{states.count(s):4} {s}" for s in (SAME, CHANGED, ABSENT, PAST) if s in states)
        lines.append(f"{kind:11}{counts}")
    return "\n".join(lines)


def main() -> int:
    """Prints what no longer matches and a count by kind; gives 1 if anything does not match."""
    parser = argparse.ArgumentParser(prog="python -m synthnotes.publishing.verify", description=__doc__)
    parser.add_argument("--provenance", type=Path, required=True, help="the report's provenance.json")
    facts = verify(Path.cwd(), parser.parse_args().provenance)
    changed = [fact for fact in facts if fact.state == CHANGED]
    for fact in changed:
        print(f"! {fact.kind}: {fact.name} is not what {fact.by} recorded")
    print(summary(facts))
    return 1 if changed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(f"verify: error: {error}")
