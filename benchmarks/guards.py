"""What the guards cost: a process's start, a socket call, a result's suppression, and a whole stage with and without.

Without guards, the audit hook is not installed, no network namespace is entered, and libraries print what they like. A
stage's guards are paid for once, at its start, but for the audit hook, which sees every event that Python tells. So the
stage that is measured opens many files and makes many objects, and lasts a second: the worst case of the demo, most of
whose time goes into stages of minutes.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import machine

ROOT = Path(__file__).parents[1]
STARTS, PAIRS, CALLS = 20, 15, 20_000
STAGE = "synthnotes.stages.fidelity"
UNGUARDED = f"import runpy, sys; sys.addaudithook = lambda hook: None; runpy.run_module('{STAGE}', run_name='__main__')"
SUMMARY = re.compile(r"\(([\d.]+) s\)$", re.MULTILINE)


def child(which: str) -> dict[str, Any]:
    """Times one of the guards in a process of its own."""
    return {"start": start, "calls": calls, "suppression": suppression}[which]()


def start() -> dict[str, Any]:
    """Each guard's installation, in milliseconds."""
    marks = [time.perf_counter()]

    def lap() -> float:
        marks.append(time.perf_counter())
        return (marks[-1] - marks[-2]) * 1000

    from synthnotes.machinery import network_isolation

    found = {"import_and_deny": lap(), "isolated": network_isolation.isolate(), "isolate": lap()}
    import pandas as pd  # which every stage needs

    lap()
    assert pd
    from synthnotes.machinery import redaction

    redaction.install()
    return found | {"redact": lap()}


def calls() -> dict[str, Any]:
    """A datagram to loopback and an opened file, in microseconds, before and after the hook is there."""

    def measure() -> tuple[float, float]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own, tempfile.NamedTemporaryFile() as file:
            own.bind(("127.0.0.1", 0))
            name, path = own.getsockname(), Path(file.name)
            began = time.perf_counter()
            for _ in range(CALLS):
                own.sendto(b"x", name)
            sent = time.perf_counter()
            for _ in range(CALLS):
                path.open("rb").close()
            opened = time.perf_counter()
        return (sent - began) / CALLS * 1e6, (opened - sent) / CALLS * 1e6

    measure()
    before = measure()
    from synthnotes.machinery import network_isolation

    network_isolation.deny_network()
    after = measure()
    names = ("datagram", "open", "datagram_denied", "open_denied")
    return dict(zip(names, before + after, strict=True))


def suppression() -> dict[str, Any]:
    """All results of the demo, suppressed as those of real patients are, in milliseconds."""
    import pandas as pd

    from synthnotes.machinery.disclosure import suppress

    paths = sorted((ROOT / "results").rglob("*.*"))
    found = [pd.read_csv(p) if p.suffix == ".csv" else json.loads(p.read_text(encoding="utf-8")) for p in paths]
    began = time.perf_counter()
    for result in found:
        suppress(result, 10)
    return {"files": len(found), "suppression": (time.perf_counter() - began) * 1000}


def notes(folder: Path) -> list[str]:
    """Writes two tables of invented notes, and gives the options of the stage that compares them."""
    import numpy as np
    import pandas as pd

    from synthnotes.corpus import notes as note_tables

    rng, count = np.random.default_rng(1), 1500
    words = np.array([f"word{number}" for number in range(2000)])
    for name in ("real", "synthetic"):
        texts = [" ".join(rng.choice(words, 120)) + "." for _ in range(count)]
        ids = [f"{name}{number}" for number in range(count)]
        table = pd.DataFrame({"note_id": ids, "patient_id": ids, "text": texts, "fold": "train"})
        table = table.assign(codes=[["I10"]] * count, descriptions=[["Hypertension"]] * count)
        note_tables.write(folder / f"{name}.parquet", table)
    (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    return ["--real", "real.parquet", "--synthetic", "synthetic.parquet", "--results", "results.json"]


def stage() -> dict[str, float]:
    """The stage with and without guards, in turn: median seconds, and the median of the differences."""
    seconds: dict[str, list[float]] = {"guarded": [], "unguarded": []}
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with tempfile.TemporaryDirectory() as folder:
        options = notes(Path(folder))
        ways = {"guarded": ["-m", STAGE], "unguarded": ["-c", UNGUARDED]}
        for turn in range(PAIRS + 1):
            for way, words in sorted(ways.items(), reverse=turn % 2 == 1):
                began = time.perf_counter()
                command = [sys.executable, *words, *options]
                subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
                if turn:  # the first reads the packages from the disk
                    seconds[way].append(time.perf_counter() - began)
    differences = [a - b for a, b in zip(seconds["guarded"], seconds["unguarded"], strict=True)]
    return {way: median(times) for way, times in seconds.items()} | {"difference": median(differences)}


def parent() -> dict[str, Any]:
    """All of them, and their share of the time of the demo's stages, as the logs of its last run tell them."""
    starts = [machine.in_child(__file__, "start") for _ in range(STARTS)]
    found: dict[str, Any] = {name: median(one[name] for one in starts) for name in starts[0] if name != "peak_gib"}
    found |= machine.in_child(__file__, "calls") | machine.in_child(__file__, "suppression")
    found["stage_seconds"] = stage()
    print(f"start: network denied {found['import_and_deny']:.1f} ms with the import of the package, namespace ", end="")
    print(f"{found['isolate']:.1f} ms, redaction {found['redact']:.1f} ms")
    print(f"datagram {found['datagram']:.2f} -> {found['datagram_denied']:.2f} µs", end="; ")
    print(f"opened file {found['open']:.2f} -> {found['open_denied']:.2f} µs")
    print(f"suppression of {found['files']} results: {found['suppression']:.0f} ms")
    times = found["stage_seconds"]
    print(f"a stage: {times['unguarded']:.3f} s -> {times['guarded']:.3f} s, {times['difference'] * 1000:+.1f} ms")
    logs = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "build/logs").glob("*.log"))]
    told = [float(SUMMARY.findall(log)[-1]) for log in logs if SUMMARY.search(log)]
    if told:
        cost = len(told) * max(times["difference"], 0) + found["suppression"] / 1000
        found["demo"] = {"stages": len(told), "seconds": sum(told), "share": cost / sum(told)}
        print(f"the demo: {len(told)} stages, {sum(told):.0f} s; guards {cost:.2f} s, {cost / sum(told):.2%}")
    return found


if __name__ == "__main__":
    machine.main("guards", child, parent)
