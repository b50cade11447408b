import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from safetensors.torch import load_file

from synthnotes.coding import predictions
from synthnotes.coding.plm_icd import coder
from synthnotes.corpus import notes
from synthnotes.machinery.files import read_json, write_json
from synthnotes.machinery.resources import LAUNCHED, launch_command

CODES = ["I10", "E11.9", "J18.9", "0DTJ4ZZ"]
CHILD = """
import sys
from pathlib import Path
import pandas as pd
from synthnotes.corpus import notes
from synthnotes.coding import predictions
from synthnotes.coding.plm_icd import coder
from synthnotes.coding.plm_icd.training import processes
from synthnotes.machinery.params import CodingParams
folder, encoder = Path(sys.argv[1]), Path(sys.argv[2])
settings = CodingParams.model_validate_json((folder / "settings.json").read_text())
assert processes().num_processes == 2
tables = pd.read_pickle(folder / "training.pkl"), pd.read_pickle(folder / "evaluation.pkl")
experiment = coder.run(*tables, encoder, sys.argv[3].split(), settings, 7, 3, folder / "work")
coder.save(folder / f"coder-{processes().process_index}", experiment, settings)
"""


@pytest.mark.slow
def test_two_processes_train_the_coder_of_one(tmp_path, tables, save_encoder, settings):
    encoder = save_encoder(tmp_path / "encoder")
    config = read_json(encoder / "config.json")  # without dropout, which every process draws by itself
    write_json(encoder / "config.json", config | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0})
    training, evaluation = tables(25, 6)  # the last batch holds one note: the second process has none
    training.to_pickle(tmp_path / "training.pkl")
    evaluation.to_pickle(tmp_path / "evaluation.pkl")
    values = settings(epochs=2)
    (tmp_path / "settings.json").write_text(values.model_dump_json(), encoding="utf-8")
    (tmp_path / "child.py").write_text(CHILD, encoding="utf-8")
    command = launch_command(
        Path("configs/accelerate/ddp.yaml"), 2, "child", [str(tmp_path), str(encoder), " ".join(CODES)]
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    subprocess.run(command, check=True, timeout=120, env=os.environ | {LAUNCHED: "1", "PYTHONPATH": path})
    alone = coder.run(training, evaluation, encoder, CODES, settings(epochs=2), 7)
    coder.save(tmp_path / "alone", alone, settings())
    expected = load_file(tmp_path / "alone" / "model.safetensors")
    for rank in range(2):
        weights = load_file(tmp_path / f"coder-{rank}" / "model.safetensors")
        assert max(float((weights[name] - expected[name]).abs().max()) for name in expected) < 1e-5
    assert (tmp_path / "work" / "checkpoint.pt").is_file()


@pytest.mark.slow
def test_the_stage_starts_the_processes_that_are_asked_for(tmp_path, tables, save_encoder, settings):
    """As DVC runs it: the stage starts accelerate, its two processes train, and the first of them alone writes."""
    training, evaluation = tables(24, 6)
    notes.write(tmp_path / "real_l.parquet", training)
    notes.write(tmp_path / "e.parquet", evaluation)
    pd.DataFrame({"code": CODES, "kind": "diagnosis"}).to_csv(tmp_path / "codes.csv", index=False)
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    values["coding"] = settings().model_dump()
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    machine = yaml.safe_load(Path("machine.yaml").read_text(encoding="utf-8"))
    machine["coding"]["processes"] = 2
    (tmp_path / "machine.yaml").write_text(yaml.safe_dump(machine), encoding="utf-8")
    given = {
        "training": "real_l.parquet",
        "validation": "real_l.parquet",
        "evaluation": "e.parquet",
        "encoder": save_encoder(tmp_path / "encoder"),
    }
    given |= {"models": "models", "codes": "codes.csv", "accelerate": Path("configs/accelerate").absolute()}
    options = {"corpus": "mimic", "seed": 7, "work": "work", "coder": "coder"} | given
    command = [sys.executable, "-m", "synthnotes.stages.coding"]
    command += [str(word) for name, value in options.items() for word in (f"--{name}", value)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert pd.read_csv(tmp_path / "coder/curve.csv")["epoch"].tolist() == [1, 2]
    assert len(predictions.load(tmp_path / "coder").note_ids) == len(evaluation)
    assert coder.load(tmp_path / "coder").codes == CODES
    assert not any((tmp_path / "work").iterdir())
    assert "trained by 2 processes" in done.stdout.splitlines()[-1]
