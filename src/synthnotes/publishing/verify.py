"""Verify: whether data, parameters, code, results and report are still those that were recorded (`make verify`).

dvc.lock records, for every stage that has run, the hash of each input and output and the value of each parameter; the
report's provenance.json, the hashes of what its numbers came from. All are computed anew here, without DVC's memory of
them. A file that is not on this machine cannot be checked, and is counted as absent: a clone without data can verify
parameters, code and results. What dvc.lock records of stages that dvc.yaml no longer has is passed over, and counted.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML

from synthnotes.machinery import params, pipeline
from synthnotes.machinery.files import UserError, read_json
from synthnotes.publishing.hashes import digest, recomputed

SAME, CHANGED, ABSENT = "as recorded", "changed", "not on this machine"
PAST = "no longer in dvc.yaml, and passed over (`make tidy` removes them)"
KINDS = {"data": "data", "results": "results", "build": "outputs", "params.yaml": "parameters"}  # all else is code


@dataclass(frozen=True)
class Fact:
    """Something recorded, and what became of it.

    Attributes:
        kind: data, parameters, code, results, outputs, report, packages or, of those that are no more, stages.
        name: which one.
        state: `SAME`, `CHANGED`, `ABSENT` or `PAST`.
        by: who recorded it.
    """

    kind: str
    name: str
    state: str
    by: str


def verify(root: Path, lock_file: Path, provenance_file: Path) -> list[Fact]:
    """Checks everything that is recorded.

    Args:
        root: the project.
        lock_file: dvc.lock.
        provenance_file: of the report; may be missing.

    Raises:
        UserError: dvc.yaml or dvc.lock is missing or unreadable.
    """
    facts = [*_locked(root, _yaml(lock_file))]
    for pointer in sorted(root.glob("*.dvc")):
        if pointer.is_file():  # .dvc itself is a folder
            outs = _yaml(pointer)["outs"]
            facts += [
                Fact("data", o["path"], _state(o.get("md5"), recomputed(root / o["path"])), pointer.name) for o in outs
            ]
    if provenance_file.is_file():
        facts += _of_report(root, read_json(provenance_file), provenance_file.name)
    unique = {(fact.kind, fact.name, fact.state): fact for fact in facts}
    return sorted(unique.values(), key=lambda fact: (fact.kind, fact.name))


def _locked(root: Path, lock: Any) -> Iterator[Fact]:
    """What dvc.lock records of each stage."""
    present = pipeline.stages(root)
    current = cache(lambda name: recomputed(root / name))
    parameters = cache(lambda name: _yaml(root / name) if (root / name).is_file() else None)
    stages = lock.get("stages") if isinstance(lock, dict) else None
    if not isinstance(stages, dict):
        raise UserError("dvc.lock: no stages in it. Run `dvc repro`, or take the file from git.")
    for name, stage in stages.items():
        if name not in present:
            yield Fact("stages", name, PAST, "dvc.lock")
            continue
        for entry in [*stage.get("deps", []), *stage.get("outs", [])]:
            path, recorded = entry["path"], entry.get("md5")
            yield Fact(_kind(path), path, _state(recorded, current(path)), f"dvc.lock, {name}")
        for file, values in stage.get("params", {}).items():
            for key, recorded in values.items():
                found = _value(parameters(file), key)
                yield Fact("parameters", key, SAME if found == recorded else CHANGED, f"dvc.lock, {name}")


def _of_report(root: Path, told: dict[str, Any], by: str) -> Iterator[Fact]:
    """What the report records of itself; parts that an older or newer one does not have are passed over."""
    if recorded := _value(told, "params.sha256"):
        path = root / "params.yaml"
        found = digest(path, "sha256") if path.is_file() else None
        yield Fact("parameters", path.name, _state(recorded, found), by)
    for corpus, of_corpus in (told.get("data") or {}).items():
        for name, recorded in of_corpus.items():
            path = root / "data" / corpus / name
            found = digest(path, "sha256") if path.is_file() else None
            yield Fact("data", path.relative_to(root).as_posix(), _state(recorded, found), by)
    for name, of_file in (told.get("files") or {}).items():
        if recorded := of_file.get("md5"):
            yield Fact(_kind(name), name, _state(recorded, recomputed(root / name)), by)
    for name, recorded in (told.get("packages") or {}).items():
        yield Fact("packages", f"{name} {recorded}", _state(recorded, _installed(name)), by)


def _yaml(path: Path) -> Any:
    """YAML 1.2, as DVC reads and writes it: `5e-05` is a number."""
    return params.parse(path, YAML(typ="safe", pure=True))


def _kind(path: str) -> str:
    parts = PurePosixPath(path).parts
    return "report" if parts[:2] == ("build", "report") else KINDS.get(parts[0], "code")


def _state(recorded: str | None, found: str | None) -> str:
    if found is None:
        return ABSENT
    return SAME if found == recorded else CHANGED


def _value(values: Any, key: str) -> Any:
    """A value by its dotted key; None where there is none."""
    for part in key.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def main() -> int:
    """Prints what no longer matches and a count by kind; gives 1 if anything does not match."""
    parser = argparse.ArgumentParser(prog="python -m synthnotes.publishing.verify", description=__doc__)
    parser.add_argument("--lock", type=Path, default=Path("dvc.lock"))
    parser.add_argument("--provenance", type=Path, required=True, help="the report's provenance.json")
    options = parser.parse_args()
    facts = verify(Path(), options.lock, options.provenance)
    for fact in facts:
        if fact.state == CHANGED:
            print(f"! {fact.kind}: {fact.name} is not what {fact.by} recorded")
    print(summary(facts))
    return 1 if any(fact.state == CHANGED for fact in facts) else 0


def summary(facts: list[Fact]) -> str:
    """A line per kind: how many are in each state."""
    lines = []
    for kind in dict.fromkeys(fact.kind for fact in facts):
        states = [fact.state for fact in facts if fact.kind == kind]
        lines.append(
            f"{kind:11}" + ", ".join(f"{states.count(s):4} {s}" for s in (SAME, CHANGED, ABSENT, PAST) if s in states)
        )
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(f"verify: error: {error}")
