"""Splits of a corpus of MIMIC-IV's size, against iterative stratification as published packages do it.

Published: `iterstrat`, items x labels as a dense matrix, every item counted once, the frequencies of all labels
computed anew for every label. It gets the patients as items, so that both keep patients together, and sizes that it can
finish. Here: `splits` and `measure_quality` as the stages of the corpora call them: groups, L, S and E, the coder's
cut of L and of S, and the measures of all of them. The corpus is simulated: code frequencies fall as 1/rank, half of
the patients have several notes, notes have 8,000 characters. Both ways run on one core; their ratio is that of CPU
time, which other programs on the machine disturb less.
"""

import time
from typing import Any

import machine
import numpy as np
import pandas as pd
from iterstrat.ml_stratifiers import IterativeStratification

from synthnotes.corpus.attrition import Attrition
from synthnotes.corpus.description import measure_quality
from synthnotes.corpus.splits import distribute, group_notes

NOTES, PATIENTS, CODES, CODES_PER_NOTE, LEAST = 122_279, 60_000, 7_900, 15, 10
SHARES = {"L": 0.75, "S": 0.10, "E": 0.15}
CUT = {"train": 0.9, "validation": 0.1}
COMPARED = (2_000, 4_000, 8_000)  # notes; the published way takes seven times as long for the last doubling
CHARACTERS = 8_000


def simulate(notes: int, seed: int = 1) -> pd.DataFrame:
    """A corpus of patients' notes with codes, those of fewer than ten notes dropped."""
    rng = np.random.default_rng(seed)
    share = 1 / (1 + np.arange(CODES))
    names = np.array([f"{'ABCDEFGHIJ'[i % 10]}{i // 100:02}.{i % 100:02}" for i in range(CODES)], dtype=object)
    ends = np.cumsum(1 + rng.poisson(CODES_PER_NOTE, notes))
    drawn = names[rng.choice(CODES, ends[-1], p=share / share.sum())]
    codes = [sorted(set(own)) for own in np.split(drawn, ends[:-1])]
    patients = rng.integers(0, max(1, notes * PATIENTS // NOTES), notes).astype(str)
    texts = [f"{number} ".ljust(CHARACTERS, "x") for number in range(notes)]
    notes = pd.DataFrame({"note_id": range(len(texts)), "patient_id": patients, "text": texts, "codes": codes})
    return Attrition(names_patients=False).keep_frequent_codes(notes, LEAST)


def measure(method: str, notes: str) -> dict[str, Any]:
    """Splits a simulated corpus by one method; the simulation is not timed."""
    corpus = simulate(int(notes))
    started, cpu_started = time.perf_counter(), time.process_time()
    parts = {"here": here, "stratification": stratification, "published": published}[method](corpus)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    return {
        "notes": len(corpus),
        "codes": corpus["codes"].explode().nunique(),
        "patients": corpus["patient_id"].nunique(),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "quality": measure_quality(corpus["codes"], parts, SHARES),
    }


def here(corpus: pd.DataFrame) -> pd.Series:
    """All that the stages of the corpus do about splits."""
    group, _ = group_notes(corpus)
    subset = distribute(group, corpus["codes"], SHARES, 1)
    measure_quality(corpus["codes"], subset, SHARES)
    for name in "LS":
        own = subset == name
        measure_quality(corpus["codes"][own], distribute(group[own], corpus["codes"][own], CUT, 1), CUT)
    return subset


def stratification(corpus: pd.DataFrame) -> pd.Series:
    """L, S and E alone, which is what the published method gives."""
    return distribute(group_notes(corpus)[0], corpus["codes"], SHARES, 1)


def published(corpus: pd.DataFrame) -> pd.Series:
    """L, S and E of the patients by iterstrat, from a dense matrix of patients by codes."""
    patient, names = pd.factorize(corpus["patient_id"])
    code, distinct = pd.factorize(corpus["codes"].explode().to_numpy())
    matrix = np.zeros((len(names), len(distinct)), bool)
    matrix[np.repeat(patient, corpus["codes"].map(len)), code] = True
    part = IterativeStratification(matrix, np.array(list(SHARES.values())), np.random.RandomState(1))
    return pd.Series(np.array(list(SHARES))[part[patient]], index=corpus.index)


def compare() -> dict[str, Any]:
    """Measures the whole corpus, and both ways at the sizes that both finish; prints a table."""
    heading = f"{'notes':>8} {'codes':>6} {'method':>15} {'wall s':>8} {'CPU s':>7} {'GiB':>5}"
    print(heading, "  share of S, E    divergence of S, E")
    results: dict[str, Any] = {"whole": _run("here", NOTES), "compared": {}}
    for notes in COMPARED:
        found = {method: _run(method, notes) for method in ("published", "stratification")}
        found["speed_up"] = found["published"]["cpu_seconds"] / found["stratification"]["cpu_seconds"]
        results["compared"][str(notes)] = found
        print(f"{'':40} {found['speed_up']:6.1f} x")
    return results


def _run(method: str, notes: int) -> dict[str, Any]:
    found = machine.in_child(__file__, method, str(notes))
    small = [found["quality"][name] for name in "SE"]
    cells = [f"{part['share_of_notes']:.4f}" for part in small] + [f"{part['kl_divergence']:.5f}" for part in small]
    sizes = f"{found['notes']:8,} {found['codes']:6,} {method:>15}"
    print(
        sizes, f"{found['seconds']:8.2f} {found['cpu_seconds']:7.2f} {found['peak_gib']:5.2f}", "  ", *cells, flush=True
    )
    return found


if __name__ == "__main__":
    machine.main("splits", measure, compare)
