"""The chapter of errors at the paper's size: time and memory of both stages, and code match against a double loop.

The stages `errors` and `hypotheses` run as the pipeline runs them, from files to files: 19,802 notes of E, 7,942 codes,
89,099 training notes, coders of synthetic and of noisy notes as many as the paper's parameters say. What they read is
simulated: code frequencies fall as they do in MIMIC-IV, and coders have about the quality of the published one. Four
files of predictions serve all of these coders, which read no faster for it.

Published, for code match: every predicted set against every training note's, as Python sets. It runs on a sample of
the predictions, and so does ours beside it.
"""

import os
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import machine
import numpy as np
import pandas as pd
from scipy import sparse

from synthnotes.coding import predictions
from synthnotes.coding.labels import label_matrix
from synthnotes.coding.predictions import Predictions
from synthnotes.corpus import notes
from synthnotes.errors.error_analysis import code_match
from synthnotes.machinery import configure, params
from synthnotes.stages import errors, hypotheses

ROOT = Path(__file__).parents[1]
NOTES, CODES, TARGETS, CODES_PER_NOTE = 19_802, 7_942, 89_099, 14
SAMPLE = 20  # predictions that the double loop looks up
PREDICTED_FILES = 4
INPUTS = ("e.parquet", "codes.csv", "l.parquet")


def code_names() -> list[str]:
    """Diagnoses and procedures of the right form, three to one, spread over all chapters and sections."""
    diagnoses = [f"{letter}{n // 10:02}.{n % 10}" for n in range(1000) for letter in "ABCDEFGHIJKLMNOPQRSTVYZ"]
    procedures = [f"{section}DT{n:04}" for n in range(1000) for section in "0234B"]
    names = [*diagnoses[: CODES - CODES // 4], *procedures[: CODES // 4]]
    return np.random.default_rng(0).permutation(names).tolist()


def draw_codes(rng: np.random.Generator, count: int, shares: np.ndarray) -> sparse.csr_array:
    """Which of `count` notes has which code, bool; codes keep their shares, and each note has one at least."""
    sizes = rng.binomial(count, np.minimum(shares, 1))
    rows = np.concatenate([rng.choice(count, size, replace=False) for size in sizes])
    columns = np.repeat(np.arange(len(shares)), sizes)
    bare = np.setdiff1d(np.arange(count), rows)
    rows, columns = np.concatenate([rows, bare]), np.concatenate([columns, np.zeros(len(bare), dtype=int)])
    return sparse.csr_array((np.ones(len(rows), bool), (rows, columns)), shape=(count, len(shares)))


def write_notes(path: Path, given: sparse.csr_array, names: list[str], fold: str, rng: np.random.Generator) -> None:
    """A note table with these codes; the words of a note are one word many times."""
    codes = [[names[code] for code in row] for row in np.split(given.indices, given.indptr[1:-1])]
    count = given.shape[0]
    lengths = np.minimum(rng.lognormal(np.log(1_500), 0.5, count).astype(int) + 20, 6_000)
    ids = [f"{path.stem}{row}" for row in range(count)]
    patients = [f"p{row}" for row in rng.integers(int(count * 0.7), size=count)]
    columns = {"note_id": ids, "patient_id": patients, "text": ["a " * n for n in lengths], "codes": codes}
    notes.write(path, pd.DataFrame(columns | {"descriptions": [[]] * count, "fold": fold}))


def write_predictions(folder: Path, truth: sparse.csr_array, names: list[str], recall: float, seed: int) -> None:
    """Probabilities of a coder that finds a share of the codes, and gives as many wrong ones as the published one."""
    rng = np.random.default_rng(seed)
    # A few dozen values repeat, which compresses as the nearly empty output of a real coder does.
    low = rng.beta(0.3, 60, 64).astype(np.float16)
    probabilities = low[rng.integers(64, size=truth.shape, dtype=np.uint8)]
    rows, columns = truth.nonzero()
    probabilities[rows, columns] = np.where(rng.random(len(rows)) < recall, 0.4 + 0.6 * rng.random(len(rows)), 0.1)
    wrong = truth.nnz * 4 // 10
    at = rng.integers(truth.shape[0], size=wrong), rng.choice(columns, wrong)
    probabilities[at] = 0.35 + 0.3 * rng.random(wrong)
    folder.mkdir(parents=True)
    ids = [f"e{row}" for row in range(truth.shape[0])]
    predictions.save(folder, Predictions(ids, names, probabilities, 0.34))


def prepare(folder: Path) -> None:
    """Everything that the stages read."""
    rng = np.random.default_rng(0)
    names = code_names()
    shares = 1 / (10 + np.arange(len(names)))
    shares *= CODES_PER_NOTE / shares.sum()
    truth = draw_codes(rng, NOTES, shares)
    write_notes(folder / "e.parquet", truth, names, "evaluation", rng)
    write_notes(folder / "l.parquet", draw_codes(rng, TARGETS, shares), names, "train", rng)
    pd.DataFrame({"code": names}).to_csv(folder / "codes.csv", index=False)
    for number in range(PREDICTED_FILES):
        write_predictions(folder / f"coder-{number}", truth, names, 0.55 - 0.05 * number, number)
    (folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    configure.merge(folder / "params.yaml", ROOT / "configs" / "paper.yaml")
    settings = params.read(folder / "params.yaml")
    noise = settings.noise
    coders = [f"coders/synthetic_s-{seed}" for seed in settings.seeds]
    kinds = product(noise.hypotheses, noise.noise_levels, noise.seeds)
    coders += [f"noise/{hypothesis}-{level}-{seed}" for hypothesis, level, seed in kinds]
    for number, coder in enumerate(coders):
        (folder / coder).parent.mkdir(exist_ok=True)
        (folder / coder).symlink_to(folder / f"coder-{number % PREDICTED_FILES}")


def child(which: str, folder: str) -> dict[str, Any]:
    """Makes the inputs, times a stage from files to files, or code match by one method on the sample and in full."""
    base = Path(folder)
    if which == "prepare":
        prepare(base)
        return {}
    os.chdir(base)  # where params.yaml lies
    if which in ("published", "ours"):
        return match(base, which)
    started = time.perf_counter()
    if which == "errors":
        evaluation, codes, training = (base / name for name in INPUTS)
        tables = [base / f"errors-{number}.csv" for number in range(6)]
        coders = (training, base / "coder-0", training, base / "coder-1")
        print(errors.main("mimic", evaluation, codes, *coders, base / "errors.json", *tables), file=sys.stderr)
    else:
        inputs = [base / name for name in (*INPUTS, "coders", "noise")]
        print(hypotheses.main(*inputs, base / "hypotheses.json", base / "curves.csv"), file=sys.stderr)
    return {"seconds": time.perf_counter() - started}


def match(base: Path, which: str) -> dict[str, Any]:
    """Code match of the first predictions, and by our method of all of them too."""
    predicted = predictions.load(base / "coder-0")
    given = sparse.csr_array(predicted.predicted)
    targets = label_matrix(notes.read(base / "l.parquet"), predicted.codes)
    if which == "ours":
        started = time.perf_counter()
        whole = code_match(given, targets)
        seconds_of_all = time.perf_counter() - started
        started = time.perf_counter()
        found = code_match(given[:SAMPLE], targets)
        extra = {"seconds_of_all": seconds_of_all, "predictions_of_all": whole["predictions"]}
        return {"seconds": time.perf_counter() - started, "matches": matches(found)} | extra
    sets = [set(row.tolist()) for row in np.split(targets.indices, targets.indptr[1:-1])]
    coded = [set(row.tolist()) for row in np.split(given.indices, given.indptr[1:-1])[:SAMPLE]]
    started = time.perf_counter()
    exact = proper_subset = 0
    for codes in coded:
        if not codes:
            continue
        is_exact = is_subset = False
        for target in sets:
            is_exact |= codes == target
            is_subset |= codes < target
        exact += is_exact
        proper_subset += is_subset
    return {"seconds": time.perf_counter() - started, "matches": [exact, proper_subset]}


def matches(found: dict[str, Any]) -> list[int]:
    """Both counts."""
    return [found["exact"], found["proper_subset"]]


def parent() -> dict[str, Any]:
    """The stages, then code match both ways."""
    with tempfile.TemporaryDirectory() as folder:
        machine.in_child(__file__, "prepare", folder)
        results: dict[str, Any] = {"notes": NOTES, "codes": CODES, "training_notes": TARGETS}
        stages = {which: machine.in_child(__file__, which, folder) for which in ("errors", "hypotheses")}
        for which, entry in stages.items():
            results[which] = {name: round(value, 2) for name, value in entry.items()}
            print(f"stage {which:12}{entry['seconds']:8.1f} s{entry['peak_gib']:8.2f} GiB", flush=True)
        total = sum(entry["seconds"] for entry in stages.values())
        print(f"the whole chapter {total:8.1f} s{max(e['peak_gib'] for e in stages.values()):8.2f} GiB", flush=True)
        ours, published = (machine.in_child(__file__, which, folder) for which in ("ours", "published"))
    assert ours["matches"] == published["matches"], "the matches differ"
    per_prediction = {"ours": ours["seconds_of_all"] / ours["predictions_of_all"]}
    per_prediction["published"] = published["seconds"] / SAMPLE
    ratio = per_prediction["published"] / per_prediction["ours"]
    print(f"code match of {ours['predictions_of_all']:,} predictions: {ours['seconds_of_all']:.2f} s", flush=True)
    for which, seconds in per_prediction.items():
        print(f"{'per prediction, ' + which:28}{1000 * seconds:10.3f} ms")
    print(f"{ratio:.0f} times faster than the double loop, index included.")
    return results | {
        "seconds": round(total, 2),
        "code_match": {
            "seconds": round(ours["seconds_of_all"], 3),
            "milliseconds_per_prediction": round(1000 * per_prediction["ours"], 4),
            "published_milliseconds_per_prediction": round(1000 * per_prediction["published"], 3),
            "times_faster": round(ratio, 1),
            "sample": SAMPLE,
        },
    }


if __name__ == "__main__":
    machine.main("errors", child, parent)
