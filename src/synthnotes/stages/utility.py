"""Utility: how well the coders code real notes, by the notes from which they learnt (paper, section 6.2)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.coding import predictions
from synthnotes.coding.evaluation import average_seeds, measure
from synthnotes.coding.labels import read_codes, taught_by
from synthnotes.corpus import notes as note_table
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.disclosure import Table, publish, setting
from synthnotes.machinery.files import read_csv, read_json
from synthnotes.machinery.params import CodingParams, DisclosureParams, UtilityParams


def main(corpus: str, notes: Path, codes: Path, coders: Path, results: Path, runs: Path, curves: Path) -> str:
    """Measures all coders of a corpus on E, by themselves and over the seeds of each training set."""
    settings, coding = params.load("utility", UtilityParams), params.load("coding", CodingParams, corpus)
    limit, real_s = coding.max_words, note_table.read(notes / "real_s.parquet")
    listed, evaluated = read_codes(codes), note_table.read(notes / "real_e.parquet")

    measured: dict[str, Mapping[str, Any]] = {}
    of_sets: dict[str, dict[str, Any]] = {}
    learning: list[pd.DataFrame] = []
    for training, seeds in params.load_seeds().items():
        trained = {}
        for seed in seeds:
            folder = coders / f"{training}-{seed}"
            found = predictions.load(folder)
            predicted = predictions.align(found, evaluated["note_id"].tolist(), listed["code"].tolist(), str(folder))
            trained[seed] = predicted, read_json(folder / predictions.DESCRIPTION)
            curve = read_csv(folder / predictions.CURVE_FILE)
            learning.append(pd.concat({(training, seed): curve}, names=["training", "seed"]).droplevel(2).reset_index())
        own = note_table.read(notes / f"{training}.parquet")
        validated_on_s = training == "real_l" and coding.real_l_validation == "real_s"
        taught = taught_by(own, real_s if validated_on_s else None)
        of_runs = measure(taught, evaluated, listed, trained, limit, settings.baseline_codes)
        measured |= {f"{training}-{seed}": result for seed, result in of_runs.items()}
        of_sets[training] = {"seeds": setting(len(of_runs))} | average_seeds(list(of_runs.values()))

    disclosure = params.load("disclosure", DisclosureParams)
    fewest = min(of_set["validation_notes"]["mean"] for of_set in of_sets.values())
    rows, labels = pd.concat(learning, ignore_index=True), ["training", "seed", "epoch"]
    publish(curves, Table(rows, labels, statistics=list(rows.columns.drop(labels)), basis=fewest), disclosure)
    publish(runs, measured, disclosure)
    publish(results, of_sets, disclosure)
    return f"{len(measured)} coders; micro-F1 " + ", ".join(
        f"{training.replace('_', ' ')} {of_set['micro']['f1']['mean']:.3f}"
        + (f" ± {deviation:.3f}" if (deviation := of_set["micro"]["f1"]["sd"]) is not None else "")
        + (" (COLLAPSED: a coder reads nothing)" if of_set["reading"]["collapsed"]["mean"] else "")
        for training, of_set in of_sets.items()
    )


if __name__ == "__main__":
    run(main)
