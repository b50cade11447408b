"""The few numbers that DVC's table shows: taken from where they are published, hidden where these are."""

import pytest

from synthnotes.machinery import params
from synthnotes.machinery.files import UserError, read_json, write_json
from synthnotes.stages import headline

PUBLISHED = {
    "cohort": {"subsets": {"S": {"notes": 628}}},
    "generation": {"samples": {"share_stopped": 0.99}},
    "utility": {
        "real_s": {"micro": {"f1": {"mean": 0.75, "sd": 0.01}}, "macro": {"f1": {"mean": 0.5, "sd": None}}},
        "synthetic_s": {"micro": {"f1": {"mean": 0.6, "sd": 0.01}}, "macro": {"f1": {"mean": None, "sd": None}}},
    },
    "hypotheses": {"winner": {"distance": 0.06612345}},
    "privacy": {
        "measures": {
            "rouge_recall": {"synthetic": 0.31, "control": 0.33},
            "longest_passage": {"synthetic": 22.2, "control": 22.4},
        }
    },
}
RATED = {
    "mimic": {
        "readability": {"real": {"mean": 3.75}, "synthetic": {"mean": 3.25}},
        "coherence": {"real": {"mean": 3.5}, "synthetic": {"mean": 3.75}},
    }
}


def test_numbers_stand_where_they_are_published():
    found = headline.of_corpus(PUBLISHED)
    assert (found["notes"], found["f1_real"], found["f1_syn"]) == (628, 0.75, 0.6)
    assert found["f1_rel"] == pytest.approx(0.8)
    assert found["noise"] == 0.066
    assert (found["copy"], found["copy_e"]) == (22.2, 22.4)


def test_what_is_hidden_or_was_not_measured_is_none_and_so_is_what_rests_on_it():
    found = headline.of_corpus({stage: of for stage, of in PUBLISHED.items() if stage != "hypotheses"})
    assert found["mac_syn"] is None  # suppressed
    assert found["mac_rel"] is None
    assert found["noise"] is None
    assert found.keys() == headline.of_corpus(PUBLISHED).keys()  # DVC's table has one column for each
    nothing = {"real_s": {"micro": {"f1": {"mean": 0.0}}}, "synthetic_s": {"micro": {"f1": {"mean": 0.0}}}}
    assert headline.of_corpus({"utility": nothing})["f1_rel"] is None


def test_ratings_are_differences():
    assert headline.of_ratings(RATED["mimic"]) == {"read": -0.5, "coh": 0.25}


@pytest.fixture
def results(tmp_path):
    for stage, of_stage in PUBLISHED.items():
        for corpus in params.load("corpora", dict):
            write_json(tmp_path / stage / f"{corpus}.json", of_stage)
    for study in ("published", "gone"):
        write_json(tmp_path / "ratings" / f"{study}.json", RATED | {"computed_by": "questionnaire.ratings.analyse"})
    return tmp_path


def test_the_stage_writes_a_file_per_corpus_and_one_for_the_ratings(results):
    folder = results / "headline"
    write_json(folder / "eicu.json", {})  # of a corpus that is no longer rebuilt
    headline.main(results, folder)
    assert {path.name for path in folder.iterdir()} == {"mimic.json", "sepr.json", "ratings-mimic.json"}
    assert read_json(folder / "mimic.json")["noise"] == 0.066
    assert read_json(folder / "sepr.json")["noise"] is None  # no coder of it learns from noise, whatever lies there
    assert sum(len(read_json(path)) for path in folder.iterdir()) <= 60


def test_a_result_that_is_missing_is_named(results):
    (results / "utility/sepr.json").unlink()
    with pytest.raises(UserError, match=r"utility/sepr\.json"):
        headline.main(results, results / "headline")
