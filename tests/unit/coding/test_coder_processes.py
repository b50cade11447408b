import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from synthnotes.coding import coder
from synthnotes.coding.processes import Processes
from synthnotes.files import read_json, write_json
from synthnotes.launching import LAUNCHED, launch_command

CODES = ["I10", "E11.9", "J18.9", "0DTJ4ZZ"]
CHILD = """
import sys
from pathlib import Path
import pandas as pd
from synthnotes.coding import coder
from synthnotes.coding.processes import join
from synthnotes.sections import CodingParams
folder, encoder = Path(sys.argv[1]), Path(sys.argv[2])
settings = CodingParams.model_validate_json((folder / "settings.json").read_text())
processes = join()
assert processes.count == 2
tables = pd.read_pickle(folder / "training.pkl"), pd.read_pickle(folder / "evaluation.pkl")
experiment = coder.run(*tables, encoder, sys.argv[3].split(), settings, 7, folder / "work", processes)
coder.save(folder / f"coder-{processes.rank}", experiment, settings)
"""


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_parts_of_a_batch_are_the_batch(count):
    indices = np.arange(4) + 10
    parts = [Processes(rank, count).part(indices).tolist() for rank in range(count)]
    assert sorted(index for part in parts for index in part) == indices.tolist()


@pytest.mark.slow
def test_two_processes_train_the_coder_of_one(tmp_path, tables, save_encoder, settings):
    encoder = save_encoder(tmp_path / "encoder")
    config = read_json(encoder / "config.json")  # without dropout, which every process draws by itself
    write_json(encoder / "config.json", config | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0})
    training, evaluation = tables(25, 6)  # the last batch holds one note: the second process has none
    training.to_pickle(tmp_path / "training.pkl")
    evaluation.to_pickle(tmp_path / "evaluation.pkl")
    values = settings(epochs=2, micro_batch=3, processes=2)
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
