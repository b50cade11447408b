"""Build, answers, import, analysis: an effect that was put in is found, and where there was none, none is."""

from pathlib import Path

import numpy as np
import pytest
from simulation import draw_ratings, export, interviews, make_notes

from synthnotes.questionnaire import sosci
from synthnotes.questionnaire.answers import from_sosci, read_key
from synthnotes.questionnaire.ratings import QUESTIONS, analyse, matrices
from synthnotes.questionnaire.sosci_project import read_project
from synthnotes.questionnaire.survey import make_key, name_version, read_wording
from synthnotes.significance.two_samples import wilcoxon


def study(log_odds, pairs, raters, seed, tmp_path):
    """Everything that a study goes through, by way of its files."""
    notes, wording = make_notes(pairs, seed), read_wording(Path("languages/sv.yaml"))
    survey = name_version(notes, wording)
    make_key(notes, "sepr", survey).to_csv(tmp_path / "key.csv", index=False)
    (tmp_path / "survey.xml").write_bytes(sosci.write_project(notes, wording, survey))
    rows = interviews(notes, draw_ratings(notes, raters, log_odds, seed), survey)
    (tmp_path / "answers.csv").write_bytes(export(rows, "utf-16", ";"))
    contents = {name: (tmp_path / name).read_bytes() for name in ("key.csv", "survey.xml", "answers.csv")}
    project, keys = read_project(contents["survey.xml"], "survey.xml"), read_key(contents["key.csv"], "key.csv")
    return from_sosci(contents["answers.csv"], keys, project, "answers.csv").ratings


def test_an_effect_is_found(tmp_path):
    ratings = study(log_odds=-1.5, pairs=5, raters=12, seed=2, tmp_path=tmp_path)
    result = analyse(ratings, resamples=400)["sepr"]
    for question in QUESTIONS:
        of_question = result[question]
        assert of_question["wilcoxon"]["p_holm"] < 0.01
        assert of_question["by_rater"]["wilcoxon"]["p"] < 0.05
        assert of_question["cliffs_delta"]["high"] < 0
        model = of_question["cumulative_link"]
        assert model["p_holm"] < 0.01
        assert np.log(model["low"]) < -1.5 < np.log(model["high"])
        assert not of_question["equivalence"]["equivalent"]


def test_where_there_is_none_none_is_found_but_equivalence_is(tmp_path):
    ratings = study(log_odds=0, pairs=6, raters=20, seed=3, tmp_path=tmp_path)
    result = analyse(ratings, resamples=400)["sepr"]
    for question in QUESTIONS:
        of_question = result[question]
        assert of_question["wilcoxon"]["p"] > 0.05
        assert of_question["cumulative_link"]["p"] > 0.05
        assert of_question["cliffs_delta"]["low"] < 0 < of_question["cliffs_delta"]["high"]
        assert of_question["equivalence"]["equivalent"]


@pytest.mark.parametrize(("log_odds", "low", "high"), [(0, 0.02, 0.075), (-1.5, 0.8, 1)])
def test_how_often_an_effect_is_found(log_odds, low, high):
    """Over many studies of five pairs and ten raters: as often as the significance level says, or mostly."""
    notes = make_notes(5)
    number = {(note.pair, note.kind): note.number - 1 for note in notes}
    real, synthetic = ([number[pair, kind] for pair in range(1, 6)] for kind in ("real", "synthetic"))
    found = []
    for seed in range(300):
        of_study = draw_ratings(notes, 10, log_odds, seed)[..., 0]
        found.append(wilcoxon(of_study[:, synthetic].ravel(), of_study[:, real].ravel())["p"] < 0.05)
    assert low <= np.mean(found) <= high


def test_the_kinds_are_those_of_the_key(tmp_path):
    """An effect so large that every synthetic note is rated lower: a swapped key would turn its sign."""
    answers = matrices(study(log_odds=-30, pairs=2, raters=3, seed=1, tmp_path=tmp_path), "readability")
    assert (answers["synthetic"] == 1).all()
    assert (answers["real"] >= answers["synthetic"]).all()
