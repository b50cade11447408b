"""The stages from notes to the merged model, run as DVC runs them, on the tiny generator."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from synthnotes import notes
from synthnotes.files import UserError, read_json
from synthnotes.stages import finetune, merge
from synthnotes.stages import records as records_stage


@pytest.fixture
def project(tmp_path, monkeypatch, records):
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    values["finetune"] |= {
        "max_length": 400,
        "micro_batch": 8,
        "warmup_steps": 1,
        "log_steps": 2,
        "epochs": {"mimic": 2.0, "sepr": 2.0},
    }
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    table = pd.DataFrame(
        {
            "note_id": [record.id for record in records],
            "patient_id": [record.id for record in records],
            "text": [record.output for record in records],
            "codes": [["I10", "E11.9", "J18.9"]] * len(records),
            "descriptions": [record.input for record in records],
            "fold": ["train"] * len(records),
        }
    )
    notes.write(Path("l.parquet"), table)
    notes.write(Path("s.parquet"), table.head(6))
    return tmp_path


def run_finetune(base, name):
    paths = {key: Path(f"{name}-{key}") for key in ("adapter", "results", "curve")}
    return finetune.main(corpus="mimic", base=base, records=Path("records"), work=Path("work"), **paths)


def test_from_notes_to_a_merged_model_twice_the_same(project, generator):
    summary = records_stage.main("mimic", Path("l.parquet"), Path("s.parquet"), Path("records"), Path("records.json"))
    assert summary.startswith("mimic: 24 training records, 6 prompts, ")
    assert read_json(Path("records.json"))["training"]["records"] == 24

    first = run_finetune(generator, "first")
    assert first == run_finetune(generator, "second")
    assert first.startswith("mimic: 24 records, 6 steps, loss ")
    for name in ("results", "curve", "adapter/adapter_model.safetensors", "adapter/adapter_config.json"):
        assert (project / f"first-{name}").read_bytes() == (project / f"second-{name}").read_bytes()
    assert pd.read_csv("first-curve").columns.tolist() == ["step", "loss"]
    assert not any(Path("work").iterdir())

    merge.main("mimic", generator, Path("first-adapter"), Path("records"), Path("merged"), Path("merge.json"))
    check = read_json(Path("merge.json"))
    assert check["prompts"] == 4
    assert check["largest_logit_difference"] < 1e-4
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {path.name for path in Path("merged").iterdir()}


def test_a_length_that_no_prompt_fits_stops_before_training(project, generator):
    records_stage.main("mimic", Path("l.parquet"), Path("s.parquet"), Path("records"), Path("records.json"))
    text = Path("params.yaml").read_text(encoding="utf-8").replace("max_length: 400", "max_length: 20")
    Path("params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"no prompt is shorter than finetune\.max_length \(20\)"):
        run_finetune(generator, "short")
    assert not Path("short-adapter").exists()
    assert not Path("work").exists()
