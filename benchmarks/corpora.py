"""Cleaning and describing notes, against the published method: row by row, a search of the titles for every code.

Notes are invented, of some 1,500 words with all sections (`invented`); codes and titles are of the number that a
release of MIMIC-IV has. Both ways run one after another on one core each, in processes of their own; their outputs
must be equal, which they are where the method is not repaired: every note has a chief complaint (repair a).
"""

import hashlib
import random
import time
from itertools import islice
from typing import Any

import invented
import machine
import pandas as pd
import published_corpora

from synthnotes.corpus.bulk import clean_notes
from synthnotes.corpus.cleaning import clean_note
from synthnotes.corpus.icd import format_code
from synthnotes.corpus.mimic import titles_of_codes
from synthnotes.corpus.table import with_descriptions

CLEANED = {"published": 2_000, "reference": 4_000, "bulk": 20_000}
COMPARED = 2_000  # notes whose outputs are compared
DESCRIBED = {"published": 100, "here": 50_000}
TITLES, CODES_PER_NOTE = 112_107, 15


def measure(topic: str, method: str) -> dict[str, Any]:
    """One method's speed, and a digest of what it gives for the first notes."""
    return {"clean": clean, "describe": describe}[topic](method)


def clean(method: str) -> dict[str, Any]:
    """Cleans notes by one method."""
    notes = list(islice(invented.long_notes(invented.sections(), seed=1), CLEANED[method]))
    started = time.perf_counter()
    if method == "published":
        cleaned = published_corpora.clean(pd.DataFrame({"text": notes})).tolist()
    else:
        cleaned = clean_notes(notes) if method == "bulk" else [clean_note(note) for note in notes]
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
    started = time.perf_counter()
    if method == "published":
        described = published_corpora.describe(notes["codes"], titles)
    else:
        described = with_descriptions(printed, titles_of_codes({"diagnosis": titles}))["descriptions"]
    return _figures(len(notes), started, described.tolist()[: DESCRIBED["published"]])


def _figures(notes: int, started: float, outputs: list[Any]) -> dict[str, Any]:
    seconds = time.perf_counter() - started
    digest = hashlib.sha256(repr(outputs).encode()).hexdigest()
    return {"notes": notes, "seconds": seconds, "notes_per_second": notes / seconds, "digest": digest}


def compare() -> dict[str, Any]:
    """Runs all methods, prints a table, and checks that their outputs are equal."""
    results: dict[str, Any] = {}
    for topic, methods in (("clean", CLEANED), ("describe", DESCRIBED)):
        found = {method: machine.in_child(__file__, topic, method) for method in methods}
        assert len({figures.pop("digest") for figures in found.values()}) == 1, f"{topic}: outputs differ"
        slow = found["published"]["notes_per_second"]
        for method, figures in found.items():
            figures["ratio"] = figures["notes_per_second"] / slow
            print(
                f"{topic:>10} {method:>10} {figures['notes_per_second']:12,.0f} notes/s {figures['ratio']:10,.1f} x"
                f" {figures['peak_gib']:6.2f} GiB"
            )
        results[topic] = found
    return results


if __name__ == "__main__":
    machine.main("corpora", measure, compare)
