"""Cleaning and describing notes, against the published method: row by row, a search of the titles for every code.

Notes are invented, of some 1,500 words with all sections (`invented`); codes and titles are of the number that a
release of MIMIC-IV has. The ways run one after another, in processes of their own: `published` and `here` on one core;
`release` by a process for each core, on as many notes as a release's splits have, as the corpus stage does. The outputs
must be equal, which they are where the method is not repaired: every note has a chief complaint (repair a).

Beside the time on the clock stands that of the processors, which other work disturbs less. From it follows
`ratio_if_idle`: the ratio that as many processes as there are cores would reach if each had a core for itself.
"""

import hashlib
import os
import random
import time
from itertools import chain, islice
from typing import Any

import invented
import machine
import numpy as np
import pandas as pd
import published_corpora

from synthnotes.corpus.attrition import add_descriptions, collect_titles
from synthnotes.corpus.cleaning import clean_notes
from synthnotes.corpus.icd import format_code
from synthnotes.corpus.mimic import AT_ONCE
from synthnotes.machinery.parallel_map import map_in_processes

CLEANED = {"published": 2_000, "here": 8_000, "release": 122_279}
CORES = len(os.sched_getaffinity(0))
COMPARED = 2_000  # notes whose outputs are compared
DESCRIBED = {"published": 100, "here": 50_000}
TITLES, CODES_PER_NOTE = 112_107, 15


def measure(topic: str, method: str) -> dict[str, Any]:
    """One method's speed, and a digest of what it gives for the first notes."""
    return {"clean": clean, "describe": describe}[topic](method)


def clean(method: str) -> dict[str, Any]:
    """Cleans notes by one method."""
    notes = list(islice(invented.long_notes(invented.sections(), seed=1), CLEANED[method]))
    started = _clocks()
    if method == "published":
        cleaned = published_corpora.clean(pd.DataFrame({"text": notes})).tolist()
    else:
        batches = (notes[start : start + AT_ONCE] for start in range(0, len(notes), AT_ONCE))
        cleaned = list(chain.from_iterable(map_in_processes(clean_notes, batches, CORES if method == "release" else 1)))
    return _figures(len(notes), started, cleaned[:COMPARED])


def describe(method: str) -> dict[str, Any]:
    """Looks up the descriptions of notes' codes by one method; ours prepares its titles within the time."""
    rng = random.Random(1)
    codes = [f"{'ABCDEFGHJKLMNPQRSTZI'[n % 20]}{n // 10_000:02d}{n % 10_000:04d}" for n in range(TITLES)]
    titles = pd.DataFrame(
        {"icd_code": codes, "icd_version": "10", "long_title": [f"Title of {code}" for code in codes]}
    )
    notes = pd.DataFrame({"codes": [rng.sample(codes, CODES_PER_NOTE) for _ in range(DESCRIBED[method])]})
    printed = notes.assign(codes=notes["codes"].map(lambda own: [format_code(code, "diagnosis") for code in own]))
    started = _clocks()
    if method == "published":
        described = published_corpora.describe(notes["codes"], titles)
    else:
        described = add_descriptions(printed, collect_titles(titles["icd_code"], titles["long_title"], "diagnosis"))[
            "descriptions"
        ]
    return _figures(len(notes), started, described.tolist()[: DESCRIBED["published"]])


def _clocks() -> np.ndarray:
    """Seconds on the clock, and of the processors, those of processes that have ended among them."""
    spent = os.times()
    return np.array([time.perf_counter(), spent.user + spent.system + spent.children_user + spent.children_system])


def _figures(notes: int, started: np.ndarray, outputs: list[Any]) -> dict[str, Any]:
    seconds, cpu_seconds = (_clocks() - started).tolist()
    digest = hashlib.sha256(repr(outputs).encode()).hexdigest()
    return {
        "notes": notes,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "notes_per_second": notes / seconds,
        "digest": digest,
    }


def compare() -> dict[str, Any]:
    """Runs all methods, prints a table, and checks that their outputs are equal."""
    results: dict[str, Any] = {}
    for topic, methods in (("clean", CLEANED), ("describe", DESCRIBED)):
        found = {method: machine.in_child(__file__, topic, method) for method in methods}
        assert len({figures.pop("digest") for figures in found.values()}) == 1, f"{topic}: outputs differ"
        slow = found["published"]
        for method, figures in found.items():
            idle_seconds = figures["cpu_seconds"] / (CORES if method == "release" else 1)
            figures["ratio"] = figures["notes_per_second"] / slow["notes_per_second"]
            figures["ratio_if_idle"] = figures["notes"] / idle_seconds * slow["cpu_seconds"] / slow["notes"]
            print(
                f"{topic:>10} {method:>10} {figures['notes_per_second']:12,.0f} notes/s {figures['ratio']:10,.1f} x"
                f" ({figures['ratio_if_idle']:,.1f} x by CPU time) {figures['peak_gib']:6.2f} GiB"
            )
        results[topic] = found
    return results


if __name__ == "__main__":
    machine.main("corpora", measure, compare)
