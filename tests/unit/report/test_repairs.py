"""What repairs.yaml says of the code here and of the published one, where that takes a few lines to show."""

import difflib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from transformers import AutoTokenizer

from synthnotes.coding.plm_icd.model import load_tokenizer
from synthnotes.privacy.nearest_pairs import longest_common_runs, shared_ngrams
from synthnotes.privacy.overlap.vocabulary import Encoder


@pytest.fixture(scope="module")
def repairs():
    entries = yaml.safe_load(Path("paper/repairs.yaml").read_text(encoding="utf-8"))
    return {entry["id"]: entry for entry in entries}


def test_w_the_published_longest_run_leaves_out_frequent_words(repairs):
    frequent, rare = ["the", "patient", "was"] * 6, [f"rare{i}" for i in range(5)]
    note = [*frequent, "then", *rare]
    training = [*rare, *(f"word{i}" for i in range(200)), *frequent]
    found = difflib.SequenceMatcher(None, note, training).find_longest_match()
    encode = Encoder("white-space")
    assert found.size == 5
    assert longest_common_runs(encode([" ".join(note)]), encode([" ".join(training)])) == [18]
    assert "18 words" in repairs["w"]["effect"]


def test_u_each_different_ngram_counts_once(repairs):
    note, training = "a b a b c", ["a b a b c", "a b d"]
    in_training = Counter(pair for text in training for pair in pairwise(text.split()))
    published = [in_training[pair] for pair in pairwise(note.split())]
    encode = Encoder("white-space")
    here = shared_ngrams(encode([note]), encode(training[:1]), encode(training), 2, 1.0).occurrences.tolist()
    assert (published, here) == ([3, 1, 3, 1], [1, 1, 3])
    assert repairs["u"]["parameter"] is None


def test_departures_without_a_parameter_say_so(repairs):
    assert all(repairs[letter]["parameter"] is None for letter in "uvwxy")
    assert "not been measured" in repairs["y"]["effect"]


def test_y_a_bert_tokenizer_follows_its_own_files(tmp_path):
    """Told to lower the case, as the published configuration tells it, it knows neither capitals nor accents."""
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "rom", "Röm"]) + "\n")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    published = AutoTokenizer.from_pretrained(tmp_path, do_lower_case=True)
    assert [tokenizer("Röm")["input_ids"][1] for tokenizer in (load_tokenizer(tmp_path), published)] == [6, 5]
