"""The ablation's coder for real: the stage's own test puts another in its place, which needs no training."""

import pandas as pd
import pytest

from synthnotes.coding.plm_icd import coder
from synthnotes.coding.predictions import above
from synthnotes.generation.sample_measures import count_codes_found
from synthnotes.machinery import params
from synthnotes.machinery.resources import CodingMachine
from synthnotes.stages import ablation

TITLES = {"I10": "pressure", "E11.9": "sugar", "J18.9": "cough", "0DTJ4ZZ": ""}


def test_samples_are_read_by_the_coder_of_a_folder(tmp_path, notes_of, encoder_folder, settings, monkeypatch):
    monkeypatch.setattr(params, "load", lambda section, kind, corpus: settings())
    resources = CodingMachine(micro_batch=3, processes=1, threads=1)
    monkeypatch.setattr(ablation, "load_resources", lambda section, kind: resources)
    prompted = notes_of(12, 3, "train")
    prompted["descriptions"] = [[TITLES[code] for code in codes if TITLES[code]] for codes in prompted["codes"]]
    training = pd.concat([notes_of(24, 1, "train"), notes_of(6, 2, "validation")], ignore_index=True)
    experiment = coder.run(training, prompted, encoder_folder, list(TITLES), settings(), 7)
    coder.save(tmp_path / "coder", experiment, settings())
    rows = "".join(f"{code},{title},diagnosis\n" for code, title in TITLES.items())
    (tmp_path / "codes.csv").write_text("code,title,kind\n" + rows)
    found, of_empty = ablation._codes_found(
        [prompted, prompted.assign(text="")], tmp_path / "codes.csv", tmp_path / "coder", "mimic"
    )
    decided = above(experiment.predictions.probabilities, experiment.predictions.threshold)
    titled = {code for code, title in TITLES.items() if title}
    assert found == count_codes_found(prompted, list(TITLES), titled, decided)
    assert found["found_codes"] > 0
    assert found["share_of_title_words"] == pytest.approx(1.0)
    assert of_empty["share_of_title_words"] == 0.0
    assert of_empty["prompted_codes"] == found["prompted_codes"]
