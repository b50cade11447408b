"""What is odd, broken or too large: inputs, budgets, and a search that was killed."""

import os
import random
import signal
from itertools import count

import numpy as np
import pandas as pd
import pytest

from synthnotes.machinery.files import UserError
from synthnotes.privacy import checkpoint, overlap, passages, rouge
from synthnotes.privacy.overlap.memory import blocks
from synthnotes.privacy.overlap.checkpoint import Checkpoint
from synthnotes.privacy.overlap.unique_ngrams import count_by_holders, ngram_overlap
from synthnotes.privacy.overlap.passages import longest_passages
from synthnotes.privacy.overlap.rouge import nearest_neighbours, search
from synthnotes.privacy.overlap.vocabulary import Encoder

SEARCHES = [nearest_neighbours, ngram_overlap]


def corpus(seed, size, words=60):
    chance = random.Random(seed)
    return [" ".join(chance.choices([f"w{number}" for number in range(9)], k=words)) for _ in range(size)]


@pytest.mark.parametrize("search_of", SEARCHES)
@pytest.mark.parametrize("value", [None, 3, float("nan"), b"bytes"])
def test_what_is_not_text_is_refused(search_of, value):
    with pytest.raises(UserError, match=r"number 1 is not text but"):
        search_of(["a", value], ["b"])


def test_empty_corpora_and_short_notes():
    encode = Encoder("white-space")
    for first, second in [([], []), ([], ["a b"]), (["a b"], []), (["a"], ["a b c"])]:
        assert nearest_neighbours(first, second)["real_index"].tolist() == [-1] * len(first)
        assert ngram_overlap(first, second)["common"] == 0
        assert len(longest_passages(encode(first), encode(second))) == len(first)


def test_null_bytes_part_words_for_rouge_and_belong_to_words_elsewhere():
    assert nearest_neighbours(["a\x00b"], ["x", "a b"], n=2)["real_index"].tolist() == [1]
    assert ngram_overlap(["a\x00 b"], ["a b"], n=1)["common"] == 1


def test_a_note_of_200_000_words():
    chance = random.Random(1)
    long = " ".join(chance.choices(["no", "acute", "distress", "pain", "fever"], k=200_000))
    found = nearest_neighbours([long, "no acute distress"], [long[:50_000], long], n=3)
    assert found["real_index"].tolist() == [1, 0]
    assert found["overlap"].tolist() == [199_998, 1]
    assert found["f1"][0] == 1
    encode = Encoder("white-space")
    assert longest_passages(encode([long]), encode(["x", "y " + long]))["words"].tolist() == [200_000]
    assert ngram_overlap([long], [long])["jaccard"] == 1


def test_of_duplicate_notes_the_first_is_the_neighbour():
    notes = corpus(2, 4)
    found = nearest_neighbours(notes * 2, notes * 3)
    assert found["real_index"].tolist() == [0, 1, 2, 3] * 2


def test_small_budgets_change_nothing():
    synthetic, real = corpus(3, 30), corpus(4, 50)
    expected = nearest_neighbours(synthetic, real, 4)
    pd.testing.assert_frame_equal(nearest_neighbours(synthetic, real, 4, budget=40_000), expected)
    assert ngram_overlap(real, synthetic, 5, budget=20_000) == ngram_overlap(real, synthetic, 5)


@pytest.mark.parametrize("search_of", SEARCHES)
def test_a_budget_too_small_for_anything_is_told(search_of):
    with pytest.raises(UserError, match=r"privacy\.memory_gib leaves .* Raise privacy\.memory_gib"):
        search_of(corpus(5, 3), corpus(6, 3), budget=1)


def test_blocks_hold_what_fits():
    assert list(blocks(np.array([3, 3, 4, 10, 1]), 10, "it")) == [(0, 3), (3, 4), (4, 5)]
    assert list(blocks(np.array([], dtype=int), 10, "it")) == []


RESUMABLE = {
    "rouge": lambda ours, theirs, work: search(ours, theirs, 3, work=work),
    "overlap": lambda ours, theirs, work: pd.DataFrame(count_by_holders([ours, theirs], 3, work=work)),
    "passages": lambda ours, theirs, work: longest_passages(ours, theirs, work=work),
}


@pytest.mark.parametrize("search_of", RESUMABLE.values(), ids=RESUMABLE)
def test_a_killed_search_goes_on_where_it_was(search_of, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0)
    monkeypatch.setattr(rouge, "WORDS_AT_ONCE", 300)
    monkeypatch.setattr(overlap, "NGRAMS_PER_PART", 300)
    monkeypatch.setattr(passages, "WORDS_PER_BLOCK", 100)
    encode = Encoder("ascii")
    synthetic, real = encode(corpus(7, 8)), encode(corpus(8, 40))
    expected = search_of(synthetic, real, None)

    child = os.fork()
    if child == 0:
        honest, saved = Checkpoint.save, count(1)

        def save(self, done, state):
            honest(self, done, state)
            if next(saved) == 3:
                os.kill(os.getpid(), signal.SIGKILL)

        Checkpoint.save = save
        search_of(synthetic, real, tmp_path)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL

    loaded, honest = [], Checkpoint.load
    monkeypatch.setattr(Checkpoint, "load", lambda *given: loaded.append(honest(*given)) or loaded[-1])
    pd.testing.assert_frame_equal(search_of(synthetic, real, tmp_path), expected)
    assert loaded[0] > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 broken"])
def test_a_damaged_checkpoint_starts_anew(tmp_path, content):
    encode = Encoder("ascii")
    synthetic, real = encode(corpus(9, 3)), encode(corpus(10, 6))
    kept = Checkpoint(tmp_path, "rouge-3", [synthetic.ids, synthetic.starts, real.ids, real.starts])
    kept._folder.mkdir()
    (kept._folder / "part-0-3.npz").write_bytes(content)
    pd.testing.assert_frame_equal(search(synthetic, real, 3, work=tmp_path), search(synthetic, real, 3))


def test_checkpoints_of_other_notes_are_not_taken_over(tmp_path):
    state = [np.arange(3)]
    first = Checkpoint(tmp_path, "a", [np.arange(4)])
    first._saved = -1e9
    first.save(2, state)
    same, other = (Checkpoint(tmp_path, "a", [np.arange(size)]) for size in (4, 5))
    loaded = [np.zeros(3, int)]
    assert (same.load(loaded), loaded[0].tolist()) == (2, [0, 1, 2])
    assert other.load(loaded) == 0
