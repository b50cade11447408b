"""Corpora: the CONSORT diagram of what is disclosed, and which notes of the subsets teach a coder."""

import pandas as pd
import pytest

from synthnotes.corpus.attrition import Attrition
from synthnotes.corpus.description import disclose_attrition, tabulate_attrition
from synthnotes.machinery import params
from synthnotes.report.appendix import splits
from synthnotes.report.corpora import Phase, draw_attrition, split_phases, subset_boxes, subsets


def told(sizes, minimum):
    """The rows of an attrition of so many notes after each step; the last step knows the codes."""
    attrition = Attrition(names_patients=False)
    for position, size in enumerate(sizes):
        ids = [str(note) for note in range(size)]
        notes = pd.DataFrame({"note_id": ids, "patient_id": ids})
        coded = notes.assign(codes=[["I10"]] * size) if position == len(sizes) - 1 else notes
        attrition.keep(
            "released" if not position else f"step_{position}", coded, f"reason {position}" if position else None
        )
    steps, _ = disclose_attrition(attrition.steps, {}, minimum)
    return tabulate_attrition(steps, {}).frame


def test_an_attrition_that_loses_enough_has_its_phases():
    phases = split_phases(told([100, 80, 60], 10))
    assert [(phase.title, phase.left["notes"]) for phase in phases] == [
        ("Released", 100), ("Usable notes", 80), ("Corpus", 60),
    ]  # fmt: skip
    assert [phase.dropped for phase in phases] == [[], [(20, "reason 1")], [(20, "reason 2")]]


def test_an_attrition_that_loses_few_in_all_begins_where_it_ends():
    """What was released would tell how few were dropped: neither box nor reason may hold it."""
    attrition = told([100, 97, 95], 10)
    assert split_phases(attrition) == [Phase("Corpus", {"notes": 95, "codes": 1}, [])]
    assert draw_attrition(attrition, {"L: tunes the generator": {"notes": "95"}}).axes


@pytest.mark.parametrize(("validates_on", "taught"), [("real_s", ["50", "30"]), ("real_l", ["45", "5"])])
def test_the_subsets_say_which_notes_teach_the_coder_of_real_l(paper_of, validates_on, taught):
    sizes = {"L": (50, 45, 5), "S": (30, 27, 3), "E": (20, 0, 0)}
    of = {
        name: {"notes": notes, "patients": 9, "codes": 4, "train": train, "validation": validation}
        for name, (notes, train, validation) in sizes.items()
    }
    split = {"notes": 1, "share_of_notes": 0.1, "share_wanted": 0.1, "share_of_codes_missing": 0, "kl_divergence": 0}
    folds = {subset: {"train": split, "validation": split} for subset in "LS"}
    quality = {"quality": dict.fromkeys("LSE", split), "folds": folds}
    results = {
        "cohort.mimic": {"subsets": of, "splits": quality},
        "published.corpora.mimic": {"subsets": {name: {"notes": 1} for name in sizes}},
    }
    coding = params.read().coding.model_copy(update={"real_l_validation": validates_on})
    paper = paper_of(results, corpora={"mimic": params.read().corpora["mimic"]}, coding=coding)
    rows = subsets(paper)
    assert [[cell.split("]")[0].lstrip("[") for cell in row[5:7]] for row in rows[:2]] == [taught, ["27", "3"]]
    assert [row[5:7] for row in rows[2:]] == [[None, None]]
    of_l, of_s, _ = subset_boxes(paper, paper.corpora[0]).values()
    assert list(of_l.values())[3:] == taught
    assert "notes validate it" in of_s
    assert ("notes of S validate it" in of_l) == (validates_on == "real_s")
    parts = [row[0] for row in splits(paper)]
    assert ("MIMIC-L, train" in parts) == (validates_on == "real_l")
    assert "MIMIC-S, train" in parts
