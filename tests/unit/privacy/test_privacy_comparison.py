import json
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthnotes.corpus import notes
from synthnotes.machinery import params
from synthnotes.privacy.comparison import compare
from synthnotes.privacy.control_matching import match
from synthnotes.privacy.distributions import (
    length_distribution,
    recall_distribution,
    recall_summary,
    summarise,
)
from synthnotes.privacy.measures import Measure, judge, tail
from synthnotes.privacy.nearest_pairs import passage_summary, shared_ngrams
from synthnotes.privacy.overlap import different
from synthnotes.privacy.overlap.vocabulary import Encoder
from synthnotes.stages import privacy

ENGLISH = Path("languages/en.yaml")
SETTINGS = params.read().privacy.model_copy(update={"top_recall": 3, "top_passages": 2, "resamples": 200})


def corpus(seed, size):
    chance = random.Random(seed)
    vocabulary = [f"word{number}" for number in range(40)]
    return [" ".join(chance.choices(vocabulary, k=30)) for _ in range(size)]


def table(texts, name="n", codes=None):
    frame = pd.DataFrame({"note_id": [f"{name}{index}" for index in range(len(texts))], "text": texts})
    frame = frame.assign(patient_id=frame["note_id"], fold="train")
    frame["descriptions"] = [["Hypertension"]] * len(texts)
    frame["codes"] = codes or [["I10"]] * len(texts)
    return frame


def compared(synthetic, control, settings=SETTINGS, tokenizer="ascii", **options):
    return compare(table(TRAINING), table(synthetic), table(control), table(UNSEEN), settings, tokenizer, **options)


TRAINING, UNSEEN = corpus(1, 30), corpus(11, 30)


def test_summaries_by_hand():
    neighbours = pd.DataFrame({"recall": [0.5, 0.0, 1.0, 0.25], "real_index": [3, -1, 0, 2]})
    assert recall_summary(neighbours, top=2) == {
        "notes": 4,
        "notes_without_neighbour": 1,
        "all": {"mean": 0.4375, "median": 0.375, "min": 0.0, "max": 1.0},
        "top_notes": 2,
        "top": {"mean": 0.75, "median": 0.75, "min": 0.5, "max": 1.0},
    }
    assert summarise([]) == {"mean": None, "median": None, "min": None, "max": None}


def test_distribution_counts_every_note_once():
    table = recall_distribution({"synthetic": pd.Series([0.0, 0.02, 0.03, 1.0]), "control": pd.Series([0.5])}).frame
    synthetic = table[table["kind"] == "synthetic"].set_index("recall")
    assert synthetic["notes"].sum() == 4
    assert synthetic["notes"].loc[[0.02, 0.04, 1.0]].tolist() == [2, 1, 1]
    assert synthetic["cumulative_share"].iloc[-1] == pytest.approx(1)
    assert table[table["kind"] == "control"].set_index("recall").loc[0.5, "share"] == 1


def test_distribution_of_lengths_by_hand():
    table = length_distribution({"synthetic": pd.Series([3, 7, 7, 9]), "control": pd.Series([0, 2])}).frame
    assert list(table.itertuples(index=False, name=None)) == [
        ("synthetic", 0, 0, 1.0), ("synthetic", 3, 1, 0.75), ("synthetic", 7, 2, 0.25), ("synthetic", 9, 1, 0.0),
        ("control", 0, 1, 0.5), ("control", 2, 1, 0.0),
    ]  # fmt: skip


def test_template_share_of_each_pair_by_hand():
    """Bigrams: "a b" stands in all training notes, "b c" in one; "a b" twice in the first note, once in its partner."""
    encode = Encoder("ascii")
    training = encode(["a b", "x a b", "a b c"])
    shared = shared_ngrams(encode(["a b a b c", "a b", "z"]), training.take(np.array([2, 0, 1])), training, 2, 0.5)
    assert shared.occurrences.tolist() == [1, 3]
    assert (shared.overlap.tolist(), shared.template.tolist()) == ([2, 1, 0], [1, 1, 0])
    assert passage_summary([3, 2], shared)["template_share"] == {"mean": 0.75, "median": 0.75, "min": 0.5, "max": 1.0}


def test_copies_lie_nearer_than_the_control():
    copies = [note.rsplit(" ", 5)[0] + " a b c d e" for note in TRAINING[:12]]
    results = compared(copies, corpus(2, 9)).results
    recall = results["rouge"]["recall"]
    assert recall["synthetic"]["all"]["mean"] == pytest.approx(21 / 26)  # 25 of 30 words: 21 of 26 5-grams
    assert recall["control"]["all"]["max"] < 0.1
    assert recall["difference"]["all"]["mean"] > 0.7
    pairs = results["rouge"]["passages"]["synthetic"]
    assert pairs["longest_run_words"] == dict.fromkeys(("mean", "median", "min", "max"), 25.0)
    assert (pairs["shared_ngrams"], pairs["occurrences_in_training"]["max"]) == (42, 1)
    assert pairs["template_share"]["min"] == 1  # one of 30 notes is more than 1 %
    assert results["longest"]["synthetic"]["words"]["min"] == 25
    assert results["longest"]["synthetic"]["longest"]["training_notes"]["max"] == 1
    assert results["overlap"]["synthetic_matched_share"] > 0.7 > 0.1 > results["overlap"]["control_share"]
    for measure in results["measures"].values():
        assert measure["verdict"] == "copies found"
        assert 0 < measure["low"] <= measure["difference"] <= measure["high"]
        assert measure["beyond"]["notes_beyond"] == 12


def test_more_of_the_same_is_not_nearer():
    measures = compared(corpus(3, 40), corpus(4, 40)).results["measures"]
    assert {measure["verdict"] for measure in measures.values()} <= {"not shown", "undecided"}


@pytest.mark.parametrize(("synthetic", "control"), [(12, 5), (5, 12), (6, 6)])
def test_both_sides_have_the_same_number(synthetic, control):
    written, unseen = corpus(3, synthetic), corpus(4, control)
    comparison = compared(written, unseen, tokenizer="unicode")
    matched = min(synthetic, control)
    recall = comparison.results["rouge"]["recall"]
    assert comparison.results["notes"]["matched"] == matched
    assert recall["synthetic"]["notes"] == synthetic
    assert recall["synthetic_matched"]["notes"] == recall["control"]["notes"] == matched
    for distribution in (comparison.recalls, comparison.lengths):
        assert distribution.frame.groupby("kind")["notes"].sum().to_dict() == {"control": matched, "synthetic": matched}
    rows = comparison.notes.groupby("kind")["synthetic_index"]
    assert rows.count().to_dict() == {"control": matched, "synthetic": synthetic, "unseen": len(UNSEEN)}
    assert rows.get_group("control").max() < control
    overlap = comparison.results["overlap"]
    chosen = [unseen[index] for index in rows.get_group("control")]
    sides = (TRAINING, written, chosen)
    real, theirs, others = (different([note.split() for note in side], overlap["n"]) for side in sides)
    assert (overlap["real_unique"], overlap["synthetic_unique"]) == (len(real), len(theirs))
    assert (overlap["common"], overlap["union"]) == (len(real & theirs), len(real | theirs))
    assert overlap["synthetic_share"] == len(real & theirs) / len(theirs)
    assert overlap["control_share"] == len(real & others) / len(others)


def test_the_seed_decides_the_order():
    def sampled(seed):
        return match(table(corpus(3, 40)), table(corpus(4, 4)), seed).synthetic.tolist()

    assert sampled(1) == sampled(1) != sampled(2)


def test_matching_looks_at_codes_then_at_length():
    synthetic = table(["a b c d", "a", "a b"], codes=[["A", "B"], ["C"], ["D"]])
    control = table(["x y z w", "x y z w", "x y", "x", "x"], codes=[["A"], ["A", "B"], ["E"], ["E"], ["C"]])
    matched = match(synthetic, control, 0)
    assert matched.synthetic.tolist() == [0, 1, 2]
    assert matched.control.tolist() == [1, 4, 2]
    assert matched.code_similarity.tolist() == [1, 1, 0]
    assert matched.length_ratio.tolist() == [1, 1, 1]


QUIET = {"notes_promised": 1.0, "beyond": {"notes_beyond": 1, "low": 0.0, "high": 0.1, "p": 0.5}}
LOUD = {"notes_promised": 1.0, "beyond": {"notes_beyond": 9, "low": 0.1, "high": 0.4, "p": 0.001}}


def test_judge_by_hand():
    sides = Measure.mean_of(np.array([2.0, 3, 4])), Measure.mean_of(np.array([1.0, 2, 3]))
    nearer = judge(*sides, QUIET, 100, 0.9, 0)
    assert nearer.pop("verdict") == "nearer"
    assert {name: nearer.pop(name) for name in QUIET} == QUIET
    assert nearer == pytest.approx({"synthetic": 3, "control": 2, "difference": 1, "low": 1, "high": 1})
    ratio = Measure(np.array([1.0, 0]), np.array([1.0, 3]))
    assert ratio.value() == 0.25
    nothing = judge(Measure(np.zeros(2), np.zeros(2)), ratio, QUIET, 100, 0.9, 0)
    assert (nothing["synthetic"], nothing["low"], nothing["verdict"]) == (None, None, "undecided")


@pytest.mark.parametrize(
    ("shift", "found", "verdict"),
    [
        (1, LOUD, "copies found"), (-1, LOUD, "copies found"), (0, LOUD, "copies found"),
        (1, QUIET, "nearer"), (0, QUIET, "undecided"), (-1, QUIET, "not shown"),
        (-1, QUIET | {"notes_promised": 0.5}, "undecided"),
        (-1, tail(np.empty(0), np.ones(3), 0.1, 0.95), "undecided"),
    ],
)  # fmt: skip
def test_four_verdicts(shift, found, verdict):
    """An interval that holds zero decides nothing, and a mean that lies farther away excuses no copies."""
    values = np.random.default_rng(0).normal(size=(2, 200))
    assert judge(*map(Measure.mean_of, (values[0] + shift, values[1])), found, 200, 0.95, 0)["verdict"] == verdict


def test_interval_covers_what_is_so():
    """Of the 80 % intervals of many samples without a difference, about 80 % hold zero."""
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(100):
        first, second = (Measure.mean_of(rng.normal(size=60)) for _ in range(2))
        interval = judge(first, second, QUIET, 200, 0.8, seed)
        held += interval["low"] <= 0 <= interval["high"]
    assert 68 <= held <= 91


def run_stage(folder, control):
    """Runs the stage on three copies and three other notes; gives its summary and the paths of its results."""
    texts = {"l": TRAINING, "s": TRAINING[:3] + corpus(5, 3), "e": control, "r": UNSEEN}
    paths = [folder / f"{name}.parquet" for name in texts]
    for path, (name, of_table) in zip(paths, texts.items(), strict=True):
        notes.write(path, table(of_table, name))
    outputs = [
        folder / name for name in ("neighbours.parquet", "longest.csv", "results.json", "recall.csv", "passages.csv")
    ]
    further = folder / "unseen.parquet"
    pd.DataFrame({"note_id": [], "patient_id": [], "text": []}, dtype=str).to_parquet(further)
    return privacy.main(ENGLISH, *paths, further, folder / "work", *outputs), outputs


def test_stage_writes_aggregates_and_patient_files(tmp_path):
    summary, (neighbours, longest, *public) = run_stage(tmp_path, corpus(6, 8))
    assert "6 synthetic against 30 training notes" in summary
    found = pd.read_parquet(neighbours)
    assert found.columns.tolist() == [
        "kind", "synthetic_index", "real_index", "overlap", "recall", "precision", "f1", "passage_words",
        "passage_start", "passage_training_index", "passage_training_start", "passage_training_notes",
    ]  # fmt: skip
    assert found["real_index"].tolist()[:3] == [0, 1, 2]
    assert found["recall"].tolist()[:3] == [1, 1, 1]
    quoted = pd.read_csv(longest).query("kind == 'synthetic'").iloc[:3]
    assert quoted["passage"].tolist() == TRAINING[:3]
    assert quoted["training_note_id"].tolist() == ["l0", "l1", "l2"]
    assert json.loads(public[0].read_text())["rouge"]["recall"]["synthetic"]["all"]["max"] == 1
    assert not any(word in path.read_text() for path in public for word in TRAINING[0].split())


def test_control_whose_texts_all_stand_in_training_leaves_nothing_to_compare_with(tmp_path):
    summary, (_, _, results, *_) = run_stage(tmp_path, TRAINING[:8])
    assert "rouge recall none (control none): copies found" in summary
    found = json.loads(results.read_text())
    assert found["notes"]["matched"] == 0
    assert found["rouge"]["recall"]["control"]["all"]["mean"] is None
    assert found["rouge"]["recall"]["difference"]["all"] == {"mean": None, "median": None}
    assert found["measures"]["rouge_recall"]["difference"] is None
