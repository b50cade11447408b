import json
import random

import pandas as pd
import pytest

from synthnotes import notes, params
from synthnotes.privacy.control import compare
from synthnotes.privacy.summaries import recall_distribution, recall_summary, summarise
from synthnotes.stages import privacy

SETTINGS = params.read().privacy.model_copy(update={"top_recall": 3, "top_passages": 2})


def corpus(seed, size):
    chance = random.Random(seed)
    vocabulary = [f"word{number}" for number in range(40)]
    return [" ".join(chance.choices(vocabulary, k=30)) for _ in range(size)]


TRAINING = corpus(1, 30)


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
    table = recall_distribution({"synthetic": pd.Series([0.0, 0.02, 0.03, 1.0]), "control": pd.Series([0.5])})
    synthetic = table[table["kind"] == "synthetic"].set_index("recall")
    assert synthetic["notes"].sum() == 4
    assert synthetic["notes"].loc[[0.02, 0.04, 1.0]].tolist() == [2, 1, 1]
    assert synthetic["cumulative_share"].iloc[-1] == pytest.approx(1)
    assert table[table["kind"] == "control"].set_index("recall").loc[0.5, "share"] == 1


def test_copies_lie_nearer_than_the_control():
    copies = [note.rsplit(" ", 5)[0] + " a b c d e" for note in TRAINING[:12]]
    results = compare(TRAINING, copies, corpus(2, 9), SETTINGS, "ascii").results
    recall = results["rouge"]["recall"]
    assert recall["synthetic"]["all"]["mean"] == pytest.approx(21 / 26)  # 25 of 30 words: 21 of 26 5-grams
    assert recall["control"]["all"]["max"] < 0.1
    assert recall["difference"]["all"]["mean"] > 0.7
    assert results["rouge"]["passages"]["synthetic"]["longest_run_words"] == dict.fromkeys(
        ("mean", "median", "min", "max"), 25.0
    )
    assert results["overlap"]["synthetic_matched_share"] > 0.7 > 0.1 > results["overlap"]["control_share"]


@pytest.mark.parametrize(("synthetic", "control"), [(12, 5), (5, 12), (6, 6)])
def test_both_sides_have_the_same_number(synthetic, control):
    comparison = compare(TRAINING, corpus(3, synthetic), corpus(4, control), SETTINGS, "unicode")
    matched = min(synthetic, control)
    recall = comparison.results["rouge"]["recall"]
    assert comparison.results["notes"]["matched"] == matched
    assert recall["synthetic"]["notes"] == synthetic
    assert recall["synthetic_matched"]["notes"] == recall["control"]["notes"] == matched
    assert comparison.distribution.groupby("kind")["notes"].sum().to_dict() == {
        "control": matched,
        "synthetic": matched,
    }
    rows = comparison.neighbours.groupby("kind")["synthetic_index"]
    assert rows.count().to_dict() == {"control": matched, "synthetic": synthetic}
    assert rows.get_group("control").max() < control


def test_the_seed_decides_the_sample():
    def sampled(seed):
        settings = SETTINGS.model_copy(update={"seed": seed})
        neighbours = compare(TRAINING, corpus(3, 4), corpus(4, 40), settings, "ascii").neighbours
        return neighbours.query("kind == 'control'")["synthetic_index"].tolist()

    assert sampled(1) == sampled(1) != sampled(2)


def test_stage_writes_aggregates_and_a_patient_file(tmp_path):
    def table(name, texts):
        path = tmp_path / f"{name}.parquet"
        frame = pd.DataFrame({"note_id": [f"{name}{index}" for index in range(len(texts))], "text": texts})
        frame = frame.assign(patient_id=frame["note_id"], fold="train")
        frame["codes"] = frame["descriptions"] = [["I10"]] * len(texts)
        notes.write(path, frame)
        return path

    paths = [table("l", TRAINING), table("synthetic", TRAINING[:3] + corpus(5, 3)), table("e", corpus(6, 8))]
    outputs = [tmp_path / name for name in ("neighbours.parquet", "results.json", "recall.csv")]
    summary = privacy.main("mimic", *paths, *outputs)
    assert "6 synthetic against 30 training notes" in summary
    neighbours = pd.read_parquet(outputs[0])
    assert neighbours.columns.tolist() == [
        "kind", "synthetic_index", "real_index", "overlap", "recall", "precision", "f1",
    ]  # fmt: skip
    assert neighbours["real_index"].tolist()[:3] == [0, 1, 2]
    assert neighbours["recall"].tolist()[:3] == [1, 1, 1]
    assert json.loads(outputs[1].read_text())["rouge"]["recall"]["synthetic"]["all"]["max"] == 1
    assert not any(word in path.read_text() for path in outputs[1:] for word in TRAINING[0].split())
