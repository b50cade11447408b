"""What penalty and temperature do, counted by hand; the stages that sample and that count, switched off and on."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from synthnotes.corpus import notes
from synthnotes.generation.records import build_records, write_records
from synthnotes.generation.sample_measures import count_codes_found, describe_setting
from synthnotes.generation.sampling import COLUMNS, join_tables, pairs_of_values, part_tables, vary
from synthnotes.generation.synthetic_notes import samples_to_code
from synthnotes.machinery import params
from synthnotes.machinery.files import UserError, read_json
from synthnotes.machinery.language import read_language
from synthnotes.machinery.makers import without_makers
from synthnotes.machinery.params import AblationParams, GenerateParams
from synthnotes.stages import ablation
from synthnotes.stages import variants as sampling_stage

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
    base, nothing = params.load("generate", GenerateParams), params.load("ablation", AblationParams)
    lists = nothing.model_copy(update={"repetition_penalties": [1.0, 1.5], "temperatures": [0.8], "samples": 2})
    found = vary(base, lists)
    assert list(found) == ["penalty_1_0_temperature_0_8", "penalty_1_5_temperature_0_8"]
    changed = found["penalty_1_5_temperature_0_8"]
    assert (changed.repetition_penalty, changed.temperature, changed.samples) == (1.5, 0.8, 2)
    assert changed.seed == base.seed
    assert pairs_of_values(lists) == {
        "penalty_1_0_temperature_0_8": (1.0, 0.8),
        "penalty_1_5_temperature_0_8": (1.5, 0.8),
    }
    assert vary(base, nothing) == pairs_of_values(nothing) == {}


def test_samples_of_several_pairs_travel_in_one_table():
    drawn = {"b": SAMPLES, "a": SAMPLES.tail(2).reset_index(drop=True)}
    table = join_tables(drawn)
    assert table.columns.tolist() == ["setting", *COLUMNS]
    assert table["setting"].tolist() == ["b"] * 4 + ["a"] * 2
    found = part_tables(table)
    assert list(found) == ["b", "a"]
    for name, samples in drawn.items():
        pd.testing.assert_frame_equal(found[name], samples)
    assert join_tables({}).columns.tolist() == table.columns.tolist()
    assert part_tables(join_tables({})) == {}


def test_prompted_codes_that_are_found_again_are_counted_by_hand():
    table = samples_to_code(SAMPLES, REAL)
    assert table["note_id"].tolist() == ["b 0", "b 1", "a 0", "a 1"]
    assert table["codes"].map(len).tolist() == [1, 1, 3, 3]
    assert table["text"].tolist() == SAMPLES["text"].tolist()
    predicted = np.array([[0, 0, 0], [1, 1, 0], [1, 1, 1], [0, 0, 0]], dtype=bool)  # of I10, R05, X
    found = count_codes_found(table, ["I10", "R05", "X"], {"I10", "R05"}, predicted)
    # Prompted: R05, R05, I10 and R05, I10 and R05 (X has no title); found: the second R05, and both of the third.
    assert (found["prompted_codes"], found["found_codes"], found["share_found"]) == (6, 3, 0.5)
    assert found["predicted_per_note"] == 1.25
    # Title words: cough; cough, found; high, fever, cough, two found; the same, none found.
    assert found["share_of_title_words"] == pytest.approx(3 / 8)


def test_samples_of_a_pair_are_described():
    found = describe_setting(SAMPLES, 1.5, 0.7)
    assert (found["repetition_penalty"], found["temperature"]) == (1.5, 0.7)
    assert (found["samples"], found["share_stopped"], found["mean_words"]) == (4, 0.75, 1.5)
    assert (found["mean_log_probability"], found["share_looping"]) == (-2.5, 0.0)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs both stages, the one that samples and the one that counts, and gives what they say."""
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    machine = Path("machine.yaml").read_bytes()
    monkeypatch.chdir(tmp_path)
    Path("machine.yaml").write_bytes(machine)

    def make(model="nowhere", **changes):
        for section, change in changes.items():
            values[section] |= change
        Path("params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        drawn = sampling_stage.main("mimic", Path(model), Path("records"), Path("work"), Path("samples.parquet"))
        paths = {"real": "real.parquet", "codes": "codes.csv", "coder": "coder", "results": "results.json"}
        return drawn, ablation.main(
            "mimic", Path("samples.parquet"), **{name: Path(path) for name, path in paths.items()}
        )

    return make


def test_switched_off_both_stages_read_nothing_and_say_so(run):
    drawn, counted = run()
    assert "switched off" in drawn
    assert "switched off" in counted
    assert pd.read_parquet("samples.parquet").columns.tolist() == ["setting", *COLUMNS]
    assert without_makers(read_json(Path("results.json"))) == {"prompts": 0, "settings": {}}
    assert not Path("work").exists()


@pytest.mark.parametrize(
    ("stage", "options"),
    [
        ("variants", "--corpus mimic --model x --records x --work x"),
        ("ablation", "--corpus mimic --real x --codes x --coder x --results results.json"),
    ],
)
def test_switched_off_neither_stage_loads_torch(run, stage, options):
    run()
    told = "import runpy, sys; sys.argv[1:] = {0!r}.split(); runpy.run_module({1!r}, run_name='__main__'); "
    code = told.format(f"{options} --samples samples.parquet", f"synthnotes.stages.{stage}")
    code += "print(sorted({'torch', 'transformers', 'vllm'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"{stage}: " in done.stdout
    assert done.stdout.endswith("[]\n")


ENGLISH = read_language(Path("languages/en.yaml"))
SHORT = {"engine": "transformers", "max_new_tokens": 8, "model_length": 160}
COMPARED = {"repetition_penalties": [1.0, 1.5], "temperatures": [0.5], "samples": 2}


def test_switched_on_the_stages_compare_samples_by_the_coders_reading(run, generator, monkeypatch):
    real = REAL.assign(codes=[["I10", "R05"], ["R05"]])
    notes.write(Path("real.parquet"), real)
    write_records(Path("records") / "prompts.jsonl", build_records(ENGLISH, real))
    Path("codes.csv").write_text("code,title,kind\nI10,High fever,diagnosis\nR05,Cough,diagnosis\n")
    # The coder is another chapter's: here it finds R05 in every note.
    everywhere = {"I10": False, "R05": True}

    def coder(tables, codes, folder, corpus):
        assert folder == Path("coder")
        predicted = [np.array([list(everywhere.values())] * len(table)) for table in tables]
        return [
            count_codes_found(t, list(everywhere), set(everywhere), p) for t, p in zip(tables, predicted, strict=True)
        ]

    monkeypatch.setattr(ablation, "_codes_found", coder)
    drawn, counted = run(generator, generate=SHORT, ablation=COMPARED)
    assert drawn == "mimic: 8 samples of 2 prompts at 2 pairs of values"
    assert counted == ("2 pairs of values, 66.7% to 66.7% of the prompted codes found again (66.7% in the real notes)")
    found = read_json(Path("results.json"))
    assert found["prompts"] == 2
    named = {name: (entry["repetition_penalty"], entry["samples"]) for name, entry in found["settings"].items()}
    assert named == {"penalty_1_0_temperature_0_5": (1.0, 4), "penalty_1_5_temperature_0_5": (1.5, 4)}
    likelihoods = [entry["mean_log_probability"] for entry in found["settings"].values()]
    assert likelihoods[1] < likelihoods[0]  # the penalty leads away from what the model finds likely
    assert not any(Path("work").iterdir())


def test_a_length_that_no_prompt_fits_is_named(run, generator):
    write_records(Path("records") / "prompts.jsonl", build_records(ENGLISH, REAL))
    tight = SHORT | {"model_length": 20}
    with pytest.raises(UserError, match=r"none of 1 prompts is shorter than generate\.model_length"):
        run(generator, generate=tight, ablation=COMPARED | {"prompts": 1})
    assert not Path("samples.parquet").exists()
