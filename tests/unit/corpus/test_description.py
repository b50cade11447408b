"""What is told of a corpus: by hand, and the same whatever the order in which its notes lie in their tables."""

import math
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from own_data import ROOT

from synthnotes.corpus.attrition import Attrition, add_descriptions, list_codes
from synthnotes.corpus.description import count_shared, describe, measure_quality
from synthnotes.corpus.splits import SUBSETS, subset_shares
from synthnotes.machinery.dependencies import deciding
from synthnotes.machinery.params import CorpusParams

SETTINGS = CorpusParams(**yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["corpus"])
TITLES = {"I10": "Hypertension", "0DTJ4ZZ": "Resection"}


def described(notes, split_file=None, titles=None):
    """Describes notes with patient_id, text, codes and subset, of a source that names patients."""
    notes = add_descriptions(notes, TITLES if titles is None else titles)
    notes = notes.assign(fold=["evaluation" if subset == "E" else "train" for subset in notes["subset"]])
    attrition = Attrition(names_patients=True)
    attrition.keep("released", notes)
    facts = {
        "corpus": "mimic",
        "sources_sha256": {},
        "release": {},
        "names_patients": True,
        "attrition": attrition.steps,
    }
    facts |= {"code_rows": {}, "split_file": split_file, "groups": {}}
    tables = {name: notes[notes["subset"] == name].drop(columns="subset") for name in SUBSETS}
    return describe(tables, list_codes(notes, TITLES if titles is None else titles), facts, SETTINGS)


def test_a_corpus_by_hand():
    """Patient a stands in L and S, one text in L and E; E11.9 has no title; ZZZ is no code."""
    notes = pd.DataFrame(
        [
            ("1", "a", "one two", ["0DTJ4ZZ", "I10"], "L"),
            ("2", "a", "one", ["E11.9"], "S"),
            ("3", "b", "one two", ["I10"], "E"),
            ("4", "c", "one two three four five", ["E11.9", "ZZZ"], "L"),
        ],
        columns=["note_id", "patient_id", "text", "codes", "subset"],
    )
    description = described(notes, {"rows": 4})
    assert description["subsets"] == {
        "L": {"notes": 2, "patients": 2, "codes": 4, "train": 2, "validation": 0, "evaluation": 0},
        "S": {"notes": 1, "patients": 1, "codes": 1, "train": 1, "validation": 0, "evaluation": 0},
        "E": {"notes": 1, "patients": 1, "codes": 1, "train": 0, "validation": 0, "evaluation": 1},
    }
    assert (description["splits"]["by"], description["splits"]["file"]) == ("published split file", {"rows": 4})
    assert description["splits"]["shared_patients"] == {"L_S": 1, "L_E": 0, "S_E": 0}
    assert description["splits"]["shared_texts"] == {"L_S": 0, "L_E": 1, "S_E": 0}
    of_e = {"notes": 1, "share_of_notes": 0.25, "share_wanted": None, "share_of_codes_missing": 0.75}
    assert description["splits"]["quality"]["E"] == of_e | {
        "kl_divergence": pytest.approx(math.log(3))
    }  # 2 of 6 are I10
    assert description["splits"]["folds"]["S"]["validation"] == {
        "notes": 0, "share_of_notes": 0.0, "share_wanted": 0.1, "share_of_codes_missing": 1.0, "kl_divergence": None,
    }  # fmt: skip
    assert description["codes"] == {
        "per_note_mean": 1.5, "per_note_median": 1.5, "unique": 4, "unique_diagnoses": 2, "unique_procedures": 1,
        "unique_categories": 4, "unique_blocks": 3, "unique_families": 3, "of_unknown_family": 1,
        "without_description": 2, "assignments_without_description": 3, "notes_without_description": 2,
    }  # fmt: skip
    assert description["words_per_note"] == {
        "mean": 2.5, "median": 2.0, "percentile_5": pytest.approx(1.15), "percentile_95": pytest.approx(4.55),
        "maximum": 5,
    }  # fmt: skip


NOTE = st.tuples(
    st.sampled_from(SUBSETS),
    st.lists(st.sampled_from(["I10", "E11.9", "A00", "0DTJ4ZZ", "J18.9"]), min_size=1, unique=True),
    st.integers(0, 5),
    st.integers(1, 30),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(NOTE, min_size=1, max_size=40))
def test_notes_apart_in_their_tables_give_the_numbers_of_notes_in_the_source_s_order(rows):
    """To the last digit: sums of floats depend on the order of what they sum."""
    rows += [(subset, ["I10"], 9, 1) for subset in SUBSETS]
    subsets, codes, patients, words = zip(*rows, strict=True)
    texts = [("word " * count).strip() for count in words]
    columns = {"note_id": map(str, range(len(rows))), "patient_id": map(str, patients), "text": texts}
    notes = pd.DataFrame({name: list(values) for name, values in columns.items()})
    notes = notes.assign(codes=list(codes), subset=subsets)
    description = described(notes)
    assert description["splits"]["quality"] == measure_quality(notes["codes"], notes["subset"], subset_shares(SETTINGS))
    assert description["splits"]["shared_patients"] == count_shared(notes["patient_id"], notes["subset"])
    counts = notes["text"].str.split().map(len)
    quantiles = {f"percentile_{share}": counts.quantile(share / 100) for share in (5, 95)}
    assert description["words_per_note"] == {
        "mean": counts.mean(), "median": counts.median(), **quantiles, "maximum": max(words),
    }  # fmt: skip
    assert description["codes"]["per_note_mean"] == notes["codes"].map(len).mean()
    assert description["codes"]["unique"] == len({code for own in codes for code in own})


def test_quality_by_hand():
    codes, parts = pd.Series([["a"], ["a", "b"], ["b"]]), pd.Series(["L", "S", "E"])
    measures = measure_quality(codes, parts, {"L": 0.4, "S": None, "none": 0.0})
    third = {"notes": 1, "share_of_notes": 1 / 3}
    assert measures["S"] == third | {"share_wanted": None, "share_of_codes_missing": 0, "kl_divergence": 0}
    assert measures["L"] == pytest.approx(  # all mass on a code of half the corpus
        third | {"share_wanted": 0.4, "share_of_codes_missing": 0.5, "kl_divergence": math.log(2)}
    )
    assert measures["none"]["kl_divergence"] is None


def test_what_describes_decides_no_note():
    describing = {Path("synthnotes/corpus/description.py"), Path("synthnotes/generation/sample_measures.py")}
    assert describing <= set(deciding("cohort"))
    assert not describing & set(deciding("corpus"))
