"""What is hidden of real chapters' results does not follow from what is shown: an attacker tries, on small corpora."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from recovery import recovered

from synthnotes.coding.evaluation import average_seeds, measure
from synthnotes.coding.labels import label_matrix
from synthnotes.coding.predictions import Predictions
from synthnotes.corpus.attrition import Attrition
from synthnotes.corpus.description import count_shared, describe, tabulate_attrition
from synthnotes.errors import calibration, curves, error_analysis, f1_changes, families
from synthnotes.errors.error_analysis import describe as describe_predictions
from synthnotes.fidelity.statistics import Splitter
from synthnotes.fidelity.statistics import compare as describe_texts
from synthnotes.generation.records import build_records
from synthnotes.generation.sample_measures import summarise_records
from synthnotes.machinery import disclosure, params
from synthnotes.machinery.language import LANGUAGES, read_language
from synthnotes.privacy.comparison import compare
from synthnotes.privacy.planting import detection, plant

ENGLISH = read_language(LANGUAGES / "en.yaml")
PARAMS = params.read()
STUDIES = 9
CODES = [f"I{number}" for number in range(20, 44)] + ["J18.9", "K35.8", "0DTJ4ZZ", "0FT44ZZ"]
KINDS = ["procedure" if code[0] == "0" else "diagnosis" for code in CODES]


def table(rng: np.random.Generator, notes: int, patients: int, prefix: str, rare: int) -> pd.DataFrame:
    """Notes with codes; of so few of them, the last two codes and a text of its own length."""
    shares = rng.uniform(0.1, 0.4, len(CODES) - 2)
    held = rng.random((notes, len(CODES) - 2)) < shares
    held[:, 0] |= ~held.any(axis=1)
    codes = [[CODES[i] for i in np.flatnonzero(row)] for row in held]
    for note in rng.permutation(notes)[:rare]:
        codes[note] = [*codes[note], *CODES[-2:]]
    frame = pd.DataFrame({"note_id": [f"{prefix}{number}" for number in range(notes)]})
    frame["patient_id"] = [f"{prefix}{number}" for number in rng.integers(patients, size=notes)]
    frame["text"] = [f"{prefix}{note} " + "w " * int(rng.integers(5, 60)) for note in range(notes)]
    frame["codes"], frame["descriptions"] = codes, codes
    frame["fold"] = np.where(np.arange(notes) < rng.integers(3, 9), "validation", "train")
    return frame


def predicted(rng: np.random.Generator, notes: pd.DataFrame, silent: int) -> Predictions:
    """Predictions that are right more often than not; for so few of the notes there are none."""
    truth = label_matrix(notes, CODES).toarray()
    probabilities = 0.45 * truth + rng.uniform(0, 0.44, truth.shape)
    probabilities[rng.permutation(len(notes))[:silent]] *= 0.4
    probabilities.flat[rng.permutation(probabilities.size)[:silent]] = 0.95
    return Predictions(notes["note_id"].tolist(), CODES, probabilities.astype(np.float16).astype(np.float32), 0.4)


def study(seed: int) -> dict[str, Any]:
    """A corpus in which a fold, a loss, a group of codes, a bin and an answer rest on few people."""
    rng = np.random.default_rng(seed)
    small = lambda: int(rng.integers(2, 9))  # noqa: E731
    tables = {name: table(rng, int(rng.integers(120, 160)), 100, name, small()) for name in "LSE"}
    tables["E"]["fold"] = "evaluation"
    tables["S"].loc[: small(), "text"] = tables["L"]["text"].iloc[0]
    for _ in range(small()):
        tables["E"].loc[rng.integers(len(tables["E"])), "text"] = " ".join(["w"] * int(rng.integers(150, 250)))
    every = pd.concat(tables.values(), ignore_index=True)
    attrition = Attrition(names_patients=True)
    attrition.keep("released", pd.concat([every, every.head(small())]))
    attrition.keep("cleaned", every, "cleaned away")
    facts = {
        "corpus": "mimic",
        "sources_sha256": {},
        "names_patients": True,
        "attrition": attrition.steps,
        "split_file": None,
    }
    facts |= {"release": {"discharge_notes": attrition.steps["released"]["notes"]}, "code_rows": {}}
    facts["groups"] = {"groups": 90, "notes_in_largest": small(), "notes_of_same_text": 20, "texts_shared": small()}
    code_rows = pd.DataFrame({"code": CODES, "title": CODES, "kind": KINDS})
    cohort = describe(tables, code_rows, facts, PARAMS.corpus, 10)

    evaluated = tables["E"]
    given = {name: predicted(rng, evaluated, small()) for name in ("real", "synthetic")}
    described = {"best_epoch": 3, "validation_map": rng.random(), "threshold": 0.5}
    utility = {
        name: average_seeds(list(measure(tables["S"], evaluated, code_rows, {1: (of, described)}, 100, 4).values()))
        for name, of in given.items()
    }

    truth, targets = label_matrix(evaluated, CODES), label_matrix(tables["S"], CODES)
    patients, _ = pd.factorize(evaluated["patient_id"])
    settings = PARAMS.errors.model_copy(update={"length_boundary": 100, "resamples": 20, "other_share": 0.001})
    coders = [error_analysis.take_coder(of, truth, patients, targets, settings) for of in given.values()]
    words = evaluated["text"].str.split().str.len().to_numpy()
    found = error_analysis.analyse(*coders, words, settings, 300, 10)
    return {
        **shared_text(rng),
        "cohort": cohort,
        "attrition": tabulate_attrition(cohort["attrition"], {}),
        "utility": utility,
        "errors": found.results,
        "frequency": curves.table(found.frequency, "coder"),
        "length": curves.table(found.length, "coder"),
        "chapters": families.distribution_table(found.chapters),
        "confusion": families.confusion_table(found.confusion),
        "calibration": calibration.table(found.calibration),
        "codes": f1_changes.table(found.codes),
    }


def shared_text(rng: np.random.Generator) -> dict[str, Any]:
    """Privacy, detection and fidelity of notes some of which copy, some of which stand in training already."""
    phrases = [" ".join(f"p{phrase}w{word}" for word in range(3 + phrase % 6)) for phrase in range(60)]

    def written(size: int, prefix: str) -> pd.DataFrame:
        texts = [" ".join(f"{phrases[i]} x{rng.integers(300)}" for i in rng.integers(60, size=9)) for _ in range(size)]
        notes = pd.DataFrame({"note_id": [f"{prefix}{number}" for number in range(size)], "text": texts})
        return notes.assign(patient_id=notes["note_id"], codes=[["I10"]] * size, descriptions=[["x"]] * size)

    training, control, unseen = (written(int(rng.integers(50, 70)), prefix) for prefix in "leu")
    synthetic = written(int(rng.integers(80, 90)), "s")
    for table in (synthetic, control, unseen):
        copies = int(rng.integers(2, 5))
        table.loc[: copies - 1, "text"] = training["text"].sample(copies, random_state=copies).to_numpy()
    settings = PARAMS.privacy.model_copy(
        update={"resamples": 20, "top_recall": 30, "top_passages": 12, "planted_notes": 12, "planted_words": [10, 20]}
    )
    compared = compare(training, synthetic, control, unseen, settings, "ascii")
    real, copied = training["text"].tolist(), synthetic["text"].tolist()
    planted = plant(copied, real, settings.planted_notes, settings.planted_words, 1)
    searched = compared.notes[["kind", "recall", "passage_words"]]
    return {
        "privacy": compared.results,
        "recall": compared.recalls,
        "passages": compared.lengths,
        "detection": detection(planted, real, searched, settings.rouge_n, "ascii", settings.false_alarms, 1),
        "fidelity": describe_texts(real, copied, Splitter([])),
        "records": {
            "training": summarise_records(build_records(ENGLISH, training), training),
            "s": summarise_records(build_records(ENGLISH, synthetic), synthetic),
        },
    }


@pytest.fixture(scope="module")
def studies() -> list[dict[str, Any]]:
    return [study(seed) for seed in range(STUDIES)]


def test_what_is_hidden_does_not_follow_from_what_is_shown(studies):
    hidden, formulas = recovered(studies)
    # Cells of every kind are hidden in all studies.
    assert {place.split("/")[0] for place in hidden} >= {
        "cohort",
        "utility",
        "errors",
        "chapters",
        "calibration",
        "privacy",
        "detection",
    }
    assert len(hidden) > 50
    assert formulas == []


NAMED = (  # what came out of a suppression that went by names
    "cohort/splits/shared_texts/L_S",
    "cohort/splits/groups/notes_in_largest",
    "cohort/splits/groups/texts_shared",
    "errors/real/length/above/pearson/r",  # correlations on a few notes
    "privacy/notes/unseen_texts_in_training",
    "detection/thresholds/recall",
    "detection/thresholds/passage_words",
)


@pytest.mark.parametrize("place", NAMED)
def test_what_names_did_not_hide_is_hidden(studies, place):
    def at(found: Any, names: list[str]) -> Any:
        return at(found[names[0]], names[1:]) if names else found

    found = [at(study, place.split("/")) for study in studies]
    told = [at(disclosure.suppress(study[place.split("/")[0]], 10), place.split("/")[1:]) for study in studies]
    assert any(value is not None for value in found)  # no correlation is defined for two notes
    assert told == [None] * STUDIES


def test_few_shared_patients_and_few_correct_codes_are_hidden(decisions_of):
    frame = pd.DataFrame({"patient_id": [f"p{n}" for n in range(30)] + ["p0", "p1", "p2"]})
    subsets = pd.Series(["L"] * 30 + ["S"] * 3)
    assert disclosure.suppress(count_shared(frame["patient_id"], subsets), 10) == {"L_S": None, "L_E": 0, "S_E": 0}
    truth = np.ones((40, 1), dtype=bool)
    found = describe_predictions(decisions_of("a", truth, np.arange(40)[:, None] < 3))
    told = disclosure.suppress(found, 10)
    assert (found["correct"]["total"], told["correct"]["total"], told["recall"]) == (3, None, None)
    assert told["true"]["total"] == 40


def test_the_attacker_finds_what_a_missing_part_would_leave_open(studies, monkeypatch):
    """The parts that are hidden with the few are what stops it: of groups, folds, chapters and bins."""
    monkeypatch.setattr(
        disclosure, "hidden_with", lambda sizes, minimum: {n for n, size in sizes.items() if 0 < size < minimum}
    )
    _, formulas = recovered(studies)
    found = {formula.split(" ")[0].split("/")[0] for formula in formulas}
    assert found >= {"cohort", "utility", "chapters", "calibration"}
