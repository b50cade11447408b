"""What is odd, broken or too large: inputs, budgets, and a search that was killed."""

import os
import random
import signal
from itertools import count

import numpy as np
import pandas as pd
import pytest

from synthnotes.machinery.files import UserError
from synthnotes.privacy.overlap import inverted_index, memory, passages, unique_ngrams
from synthnotes.privacy.overlap.inverted_index import nearest_neighbours
from synthnotes.privacy.overlap.memory import Checkpoint, blocks
from synthnotes.privacy.overlap.passages import longest_passages
from synthnotes.privacy.overlap.unique_ngrams import count_by_corpora
from synthnotes.privacy.overlap.vocabulary import Encoder


def encoded(*corpora, tokenizer="ascii"):
    encode = Encoder(tokenizer)
    return [encode(corpus) for corpus in corpora]


def unique(real, synthetic, n, **options):
    return count_by_corpora([real, synthetic], n, **options)[:4].tolist()


SEARCHES = [nearest_neighbours, unique]


def corpus(seed, size, words=60):
    chance = random.Random(seed)
    return [" ".join(chance.choices([f"w{number}" for number in range(9)], k=words)) for _ in range(size)]


@pytest.mark.parametrize("value", [None, 3, float("nan"), b"bytes"])
def test_what_is_not_text_is_refused(value):
    with pytest.raises(UserError, match=r"synthetic notes: number 1 is not text but"):
        Encoder("ascii")(["a", value], "synthetic notes")


def test_empty_corpora_and_short_notes():
    for first, second in [([], []), ([], ["a b"]), (["a b"], []), (["a"], ["a b c"])]:
        notes = encoded(first, second)
        assert nearest_neighbours(*notes, 5)["real_index"].tolist() == [-1] * len(first)
        assert unique(*notes, 5)[3] == 0
        assert len(longest_passages(*notes)) == len(first)


def test_null_bytes_part_words_for_rouge_and_belong_to_words_elsewhere():
    assert nearest_neighbours(*encoded(["a\x00b"], ["x", "a b"]), 2)["real_index"].tolist() == [1]
    assert unique(*encoded(["a\x00 b"], ["a b"], tokenizer="white-space"), 1) == [0, 1, 1, 1]


def test_a_note_of_200_000_words():
    chance = random.Random(1)
    long = " ".join(chance.choices(["no", "acute", "distress", "pain", "fever"], k=200_000))
    found = nearest_neighbours(*encoded([long, "no acute distress"], [long[:50_000], long]), 3)
    assert found["real_index"].tolist() == [1, 0]
    assert found["overlap"].tolist() == [199_998, 1]
    assert found["f1"][0] == 1
    assert longest_passages(*encoded([long], ["x", "y " + long]))["words"].tolist() == [200_000]
    assert unique(*encoded([long], [long]), 8)[:3] == [0, 0, 0]


def test_of_duplicate_notes_the_first_is_the_neighbour():
    notes = corpus(2, 4)
    found = nearest_neighbours(*encoded(notes * 2, notes * 3), 5)
    assert found["real_index"].tolist() == [0, 1, 2, 3] * 2


def test_small_budgets_change_nothing():
    notes = encoded(corpus(3, 30), corpus(4, 50))
    expected = nearest_neighbours(*notes, 4)
    pd.testing.assert_frame_equal(nearest_neighbours(*notes, 4, budget=40_000), expected)
    assert unique(*notes, 5, budget=20_000) == unique(*notes, 5)


@pytest.mark.parametrize("search_of", SEARCHES)
def test_a_budget_too_small_for_anything_is_told(search_of):
    with pytest.raises(UserError, match=r"privacy\.memory_gib leaves .* Raise privacy\.memory_gib"):
        search_of(*encoded(corpus(5, 3), corpus(6, 3)), 5, budget=1)


def test_blocks_hold_what_fits():
    assert list(blocks(np.array([3, 3, 4, 10, 1]), 10, "it")) == [(0, 3), (3, 4), (4, 5)]
    assert list(blocks(np.array([], dtype=int), 10, "it")) == []


RESUMABLE = {
    "rouge": lambda ours, theirs, work: nearest_neighbours(ours, theirs, 3, work=work),
    "overlap": lambda ours, theirs, work: pd.DataFrame(count_by_corpora([ours, theirs], 3, work=work)),
    "passages": lambda ours, theirs, work: longest_passages(ours, theirs, work=work),
}


@pytest.mark.parametrize("search_of", RESUMABLE.values(), ids=RESUMABLE)
def test_a_killed_search_goes_on_where_it_was(search_of, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "SECONDS_BETWEEN", 0)
    monkeypatch.setattr(inverted_index, "WORDS_AT_ONCE", 300)
    monkeypatch.setattr(unique_ngrams, "NGRAMS_PER_PART", 300)
    monkeypatch.setattr(passages, "WORDS_PER_BLOCK", 100)
    synthetic, real = encoded(corpus(7, 8), corpus(8, 40))
    expected = search_of(synthetic, real, None)

    child = os.fork()
    if child == 0:
        honest, saved = Checkpoint.save, count(1)

        def save(self, *given):
            honest(self, *given)
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
    synthetic, real = encoded(corpus(9, 3), corpus(10, 6))
    kept = Checkpoint(tmp_path, "rouge-3", [*synthetic, *real])
    kept._folder.mkdir()
    (kept._folder / "0-3.npz").write_bytes(content)
    pd.testing.assert_frame_equal(*(nearest_neighbours(synthetic, real, 3, work=work) for work in (tmp_path, None)))


def test_checkpoints_of_other_notes_are_not_taken_over(tmp_path):
    state = [np.arange(3)]
    first = Checkpoint(tmp_path, "a", [np.arange(4)])
    first._saved = -1e9
    first.save("all", state, 2)
    same, other = (Checkpoint(tmp_path, "a", [np.arange(size)]) for size in (4, 5))
    loaded = [np.zeros(3, int)]
    assert (same.load("all", loaded), loaded[0].tolist()) == (2, [0, 1, 2])
    assert other.load("all", loaded) == 0
