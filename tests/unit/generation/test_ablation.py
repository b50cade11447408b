"""What penalty and temperature do, counted by hand; the stage, switched off and on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from synthnotes.corpus import notes
from synthnotes.generation.ablation import codes_found, describe, to_code, variants
from synthnotes.generation.sampling import COLUMNS
from synthnotes.machinery import params
from synthnotes.machinery.files import read_json
from synthnotes.stages import ablation

REAL = pd.DataFrame(
    {
        "note_id": ["a", "b"],
        "patient_id": ["p", "q"],
        "text": ["fever and cough", "pain"],
        "codes": [["I10", "R05", "X"], ["R05"]],
        "descriptions": [["High fever", "Cough"], ["Cough"]],
        "fold": ["train", "validation"],
    }
)
SAMPLES = pd.DataFrame(
    [
        ("b", 0, "one two", "stop", 5, 3, -1.0),
        ("b", 1, "cough cough", "length", 5, 3, -2.0),
        ("a", 0, "FEVER, high", "stop", 5, 3, -3.0),
        ("a", 1, "", "stop", 5, 1, -4.0),
    ],
    columns=COLUMNS,
)


def test_all_pairs_are_compared_and_none_if_a_list_is_empty():
    base = params.load("generate")
    lists = params.load("ablation").model_copy(
        update={"repetition_penalties": [1.0, 1.5], "temperatures": [0.8], "samples": 2}
    )
    found = variants(base, lists)
    assert list(found) == ["penalty_1_0_temperature_0_8", "penalty_1_5_temperature_0_8"]
    changed = found["penalty_1_5_temperature_0_8"]
    assert (changed.repetition_penalty, changed.temperature, changed.samples) == (1.5, 0.8, 2)
    assert changed.seed == base.seed
    assert variants(base, params.load("ablation")) == {}


def test_prompted_codes_that_are_found_again_are_counted_by_hand():
    table = to_code(SAMPLES, REAL)
    assert table["note_id"].tolist() == ["b 0", "b 1", "a 0", "a 1"]
    assert table["codes"].map(len).tolist() == [1, 1, 3, 3]
    assert table["text"].tolist() == SAMPLES["text"].tolist()
    predicted = np.array([[0, 0, 0], [1, 1, 0], [1, 1, 1], [0, 0, 0]], dtype=bool)  # of I10, R05, X
    found = codes_found(table, ["I10", "R05", "X"], {"I10", "R05"}, predicted)
    # Prompted: R05, R05, I10 and R05, I10 and R05 (X has no title); found: the second R05, and both of the third.
    assert (found["prompted_codes"], found["found_codes"], found["share_found"]) == (6, 3, 0.5)
    assert found["predicted_per_note"] == 1.25
    # Title words: cough; cough, found; high, fever, cough, two found; the same, none found.
    assert found["share_of_title_words"] == pytest.approx(3 / 8)


def test_samples_of_a_pair_are_described():
    found = describe(SAMPLES, params.load("generate"))
    assert (found["samples"], found["share_stopped"], found["mean_words"]) == (4, 0.75, 1.5)
    assert (found["mean_log_probability"], found["share_looping"]) == (-2.5, 0.0)


@pytest.fixture
def run(tmp_path, monkeypatch):
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)

    def make(model="nowhere", **changes):
        for section, change in changes.items():
            values[section] |= change
        Path("params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        names = {"records": "records", "real": "real.parquet", "codes": "codes.csv", "coder": "coder", "work": "work"}
        paths = {name: Path(path) for name, path in names.items()}
        return ablation.main("mimic", model=Path(model), results=Path("results.json"), **paths)

    return make


def test_switched_off_the_stage_reads_nothing_and_says_so(run):
    assert "switched off" in run()
    assert read_json(Path("results.json")) == {"prompts": 0, "settings": {}}


def test_switched_on_the_stage_compares_samples_with_the_coders_reading(run, generator, monkeypatch):
    from synthnotes.generation.records import build_records, write_records

    real = REAL.assign(codes=[["I10", "R05"], ["R05"]])
    notes.write(Path("real.parquet"), real)
    write_records(Path("records") / "prompts.jsonl", build_records("mimic", real))
    Path("codes.csv").write_text("code,title,kind\nI10,High fever,diagnosis\nR05,Cough,diagnosis\n")
    # The coder is another chapter's: here it finds R05 in every note.
    everywhere = {"I10": False, "R05": True}

    def coder(tables, codes, folder):
        assert folder == Path("coder")
        predicted = [np.array([list(everywhere.values())] * len(table)) for table in tables]
        return [codes_found(t, list(everywhere), set(everywhere), p) for t, p in zip(tables, predicted, strict=True)]

    monkeypatch.setattr(ablation, "_codes_found", coder)
    summary = run(
        generator,
        generate={
            "engine": "transformers",
            "max_new_tokens": {"mimic": 8, "sepr": 8},
            "model_length": {"mimic": 160, "sepr": 160},
        },
        ablation={"repetition_penalties": [1.0, 1.5], "temperatures": [0.5], "samples": 2},
    )
    assert (
        summary
        == "mimic: 2 pairs of values, 66.7% to 66.7% of the prompted codes found again (66.7% in the real notes)"
    )
    found = read_json(Path("results.json"))
    assert found["prompts"] == 2
    assert {name: entry["samples"] for name, entry in found["settings"].items()} == {
        "penalty_1_0_temperature_0_5": 4,
        "penalty_1_5_temperature_0_5": 4,
    }
    likelihoods = [entry["mean_log_probability"] for entry in found["settings"].values()]
    assert likelihoods[1] < likelihoods[0]  # the penalty leads away from what the model finds likely
    assert not any(Path("work").iterdir())
