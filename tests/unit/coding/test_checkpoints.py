import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthnotes.coding.plm_icd import coder, training
from synthnotes.machinery.files import UserError, work_folder

CODES = ["I10", "E11.9", "J18.9", "0DTJ4ZZ"]
# A training in a process of its own; the second argument makes its epochs slow enough to be killed between them.
CHILD = """
import sys, time
from pathlib import Path
import pandas as pd
from synthnotes.coding.plm_icd import coder, training
from synthnotes.machinery.params import CodingParams
folder = Path(sys.argv[1])
kept = training.save_checkpoint
def save_slowly(*arguments):
    kept(*arguments)
    time.sleep(1)
training.save_checkpoint = save_slowly
notes = pd.read_pickle(folder / "notes.pkl")
settings = CodingParams.model_validate_json((folder / "settings.json").read_text())
coder.run(notes, notes, Path(sys.argv[2]), sys.argv[3].split(), settings, 7, work=folder)
"""


@pytest.fixture
def notes(notes_of) -> pd.DataFrame:
    return pd.concat([notes_of(24, 1, "train"), notes_of(6, 2, "validation")], ignore_index=True)


def stop_after(monkeypatch, epochs: int) -> None:
    """Lets training die in the epoch after so many."""
    train_epoch = training.train_epoch

    def dies(progress, *arguments):
        if len(progress.curve) == epochs:
            raise KeyboardInterrupt
        return train_epoch(progress, *arguments)

    monkeypatch.setattr(training, "train_epoch", dies)


def run(notes, encoder, settings, work=None) -> tuple[np.ndarray, dict]:
    experiment = coder.run(notes, notes, encoder, CODES, settings, 7, work=work)
    return experiment.predictions.probabilities, {
        "curve": experiment.fit.curve.to_dict(),
        "threshold": experiment.fit.threshold,
    }


@pytest.fixture
def interrupted(notes, encoder_folder, settings, tmp_path, monkeypatch):
    """The work folder of a training that died in its third epoch of four."""
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            run(notes, encoder_folder, settings(epochs=4), tmp_path)
    return tmp_path


def test_a_training_goes_on_where_it_was_interrupted(interrupted, notes, encoder_folder, settings, monkeypatch):
    whole = run(notes, encoder_folder, settings(epochs=4))
    trained = []
    train_epoch = training.train_epoch
    monkeypatch.setattr(training, "train_epoch", lambda p, *rest: trained.append(len(p.curve)) or train_epoch(p, *rest))
    resumed = run(notes, encoder_folder, settings(epochs=4), interrupted)
    assert trained == [2, 3]
    np.testing.assert_array_equal(resumed[0], whole[0])
    assert resumed[1] == whole[1]


@pytest.mark.parametrize("damage", ["truncated", "one bit", "not a checkpoint"])
def test_a_damaged_checkpoint_is_made_again_with_a_warning(
    interrupted, notes, encoder_folder, settings, capsys, damage
):
    path = interrupted / training.CHECKPOINT
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = {"truncated": bytes(content[:-100]), "one bit": bytes(content), "not a checkpoint": b"x"}
    path.write_bytes(damaged[damage])
    resumed = run(notes, encoder_folder, settings(epochs=4), interrupted)
    assert "checkpoint.pt is damaged; training starts again" in capsys.readouterr().err
    np.testing.assert_array_equal(resumed[0], run(notes, encoder_folder, settings(epochs=4))[0])


def test_a_training_killed_for_real_ends_with_the_same_weights(notes, encoder_folder, settings, tmp_path):
    notes.to_pickle(tmp_path / "notes.pkl")
    (tmp_path / "settings.json").write_text(settings(epochs=6).model_dump_json(), encoding="utf-8")
    child = subprocess.Popen([sys.executable, "-c", CHILD, tmp_path, encoder_folder, " ".join(CODES)])
    deadline = time.monotonic() + 120
    while not (tmp_path / training.CHECKPOINT).exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    child.kill()
    assert child.wait() == -9
    assert (tmp_path / training.CHECKPOINT).exists()
    resumed = run(notes, encoder_folder, settings(epochs=6), tmp_path)
    whole = run(notes, encoder_folder, settings(epochs=6))
    np.testing.assert_array_equal(resumed[0], whole[0])
    assert resumed[1] == whole[1]


def test_the_work_folder_is_another_for_other_notes_codes_encoder_or_settings(
    notes, encoder_folder, settings, save_encoder, tmp_path
):
    other_text, other_fold, other_codes = notes.copy(), notes.copy(), notes.copy()
    other_text.loc[0, "text"] += "."
    other_fold.loc[0, "fold"] = "validation"
    other_codes.at[0, "codes"] = ["Z99"]
    other_encoder = save_encoder(tmp_path, "bert")
    names = [
        coder.work_name(notes, encoder_folder, CODES, settings(), 7),
        *(
            coder.work_name(table, encoder_folder, CODES, settings(), 7)
            for table in (other_text, other_fold, other_codes)
        ),
        coder.work_name(notes, encoder_folder, CODES[:3], settings(), 7),
        coder.work_name(notes, encoder_folder, CODES, settings(), 8),
        coder.work_name(notes, other_encoder, CODES, settings(), 7),
    ]
    assert len(set(names)) == len(names)
    assert names[0] == coder.work_name(notes.copy(), Path(encoder_folder), list(CODES), settings(), 7)


def test_the_work_folder_stays_until_the_work_is_done(tmp_path):
    folder = tmp_path / "work" / "coding-1"
    with pytest.raises(UserError), work_folder(folder):
        raise UserError("killed")
    assert folder.is_dir()
    with work_folder(folder) as same:
        (same / "checkpoint").write_text("x")
    assert not folder.exists()
    assert folder.parent.is_dir()
