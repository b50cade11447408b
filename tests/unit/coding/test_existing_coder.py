import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthnotes.coding.plm_icd import coder
from synthnotes.machinery.files import UserError, read_json, write_json

CODES = ["I10", "E11.9", "J18.9", "0DTJ4ZZ"]


@pytest.fixture
def notes(notes_of) -> pd.DataFrame:
    return pd.concat([notes_of(24, 1, "train"), notes_of(6, 2, "validation")], ignore_index=True)


@pytest.fixture
def trained(tmp_path, notes, encoder_folder, settings) -> tuple[Path, coder.Experiment]:
    experiment = coder.run(notes, notes, encoder_folder, CODES, settings(epochs=1), 7)
    coder.save(tmp_path / "coder", experiment, settings(epochs=1))
    return tmp_path / "coder", experiment


def test_an_existing_coder_is_evaluated_as_when_it_was_trained(trained, notes, settings):
    folder, before = trained
    (folder / "predictions.npz").unlink()
    after = coder.run_existing(folder, notes, notes, CODES, settings())
    np.testing.assert_allclose(after.predictions.probabilities, before.predictions.probabilities, atol=1e-6)
    assert after.fit.best_epoch == 0
    assert after.fit.threshold == before.fit.threshold
    assert after.fit.validation_map == pytest.approx(before.fit.validation_map)
    assert after.fit.curve.columns.tolist() == before.fit.curve.columns.tolist()
    assert after.fit.curve["epoch"].tolist() == [0]
    last = before.fit.curve["validation_micro_f1"].iloc[-1]  # one epoch: its threshold is the coder's
    assert after.fit.curve["validation_micro_f1"].iloc[0] == pytest.approx(last)
    assert "not trained" in coder.summary(after)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([*CODES[:3], "Z99"], "0DTJ4ZZ is in one of them only"),
        (CODES[::-1], "their order differs"),
    ],
)
def test_a_coder_of_another_code_set_is_refused(trained, notes, settings, codes, message):
    notes["codes"] = [["I10"]] * len(notes)
    with pytest.raises(UserError, match=rf"coder\.json: the coder has 4 codes, the corpus 4 \({message}"):
        coder.run_existing(trained[0], notes, notes, codes, settings())


@pytest.mark.parametrize(
    ("key", "value"), [("chunk_tokens", 16), ("max_words", 50), ("join_lines", False), ("attend_to_padding", True)]
)
def test_a_coder_that_reads_notes_in_another_way_is_refused(trained, notes, settings, key, value):
    with pytest.raises(UserError, match=rf"trained with {key} .*, params\.yaml says coding\.{key}: {value}"):
        coder.run_existing(trained[0], notes, notes, CODES, settings(**{key: value}))


def test_an_encoder_that_does_not_fit_the_weights_is_refused(trained, notes, settings):
    config = read_json(trained[0] / "config.json")
    write_json(trained[0] / "config.json", config | {"hidden_size": 32})
    with pytest.raises(UserError, match="the weights do not fit the 4 codes and the encoder"):
        coder.run_existing(trained[0], notes, notes, CODES, settings())


@pytest.mark.parametrize("file", ["coder.json", "config.json", "model.safetensors"])
@pytest.mark.parametrize("content", [None, b"{}", b"broken"])
def test_an_incomplete_folder_is_refused(trained, notes, settings, tmp_path, file, content):
    folder = shutil.copytree(trained[0], tmp_path / "copy")
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(UserError, match=r"model\.safetensors|coder\.json|config\.json"):
        coder.run_existing(folder, notes, notes, CODES, settings())
