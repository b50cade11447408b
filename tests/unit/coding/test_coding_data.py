import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from synthnotes.coding.labels import label_matrix, read_code_set, taught_by
from synthnotes.coding.plm_icd.data import batches, encode, first_words, pack
from synthnotes.coding.plm_icd.model import load_tokenizer
from synthnotes.machinery.files import UserError

CODES = ["I10", "E11.9", "0DTJ4ZZ"]


def table(*rows: tuple[str, list[str]]) -> pd.DataFrame:
    return pd.DataFrame([(f"n{i}", *row) for i, row in enumerate(rows)], columns=["note_id", "text", "codes"])


def test_words_are_cut_and_white_space_is_joined_or_kept():
    for text in ("one  two\n\nthree four \n", "one  two\n\nthree \n"):
        assert first_words(text, 3) == "one two three"
        assert first_words(text, 3, joined=False) == "one  two\n\nthree"


@given(st.text(alphabet="ab \n\t\u00a0"), st.integers(1, 9))
def test_joined_words_are_the_published_ones(text, count):
    assert first_words(text, count) == " ".join(text.split()[:count])


def test_a_byte_level_tokenizer_reads_joined_words_as_published(tmp_path):
    """A line break is a token of its own there, and a word after it has another id than one after a space."""
    letters = {symbol: number for number, symbol in enumerate(["<pad>", *pre_tokenizers.ByteLevel.alphabet()])}
    tokenizer = Tokenizer(models.BPE(letters, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>")
    text = "the patient\ncame\n\n  home and left"
    joined, kept = (encode(table((text, ["I10"])), fast, CODES, 4, lines).tokens[0].tolist() for lines in (True, False))
    assert joined == fast("the patient came home")["input_ids"]
    assert kept == fast("the patient\ncame\n\n  home")["input_ids"] != joined


def test_all_of_one_table_teaches_where_another_chooses():
    first, second = (table(("a", ["I10"]), ("b", ["I10"])).assign(fold=["train", "validation"]) for _ in range(2))
    taught = taught_by(first, second.assign(note_id=["s0", "s1"]))
    assert taught[taught["fold"] == "train"]["note_id"].tolist() == ["n0", "n1"]
    assert taught[taught["fold"] == "validation"]["note_id"].tolist() == ["s0", "s1"]
    assert taught_by(first) is first


def test_a_note_longer_than_the_limit_is_cut(encoder_folder):
    notes = table(("the patient came home", ["I10"]), ("the patient \n", ["I10"]), ("the", ["I10"]))
    encoded = encode(notes, load_tokenizer(encoder_folder), CODES, max_words=2)
    assert encoded.tokens[0].tolist() == encoded.tokens[1].tolist()
    assert encoded.lengths.tolist() == [4, 4, 3]


def test_special_tokens_stand_around_the_note(encoder_folder):
    tokenizer = load_tokenizer(encoder_folder)
    encoded = encode(table(("the patient " * 10, ["I10"])), tokenizer, CODES, max_words=100)
    assert encoded.tokens[0][[0, -1]].tolist() == [tokenizer.bos_token_id, tokenizer.eos_token_id]
    assert not set(encoded.tokens[0][1:-1]) & set(tokenizer.all_special_ids)


def test_a_note_without_tokens_stands_as_one_padding_token(tmp_path, save_tokenizer):
    save_tokenizer(tmp_path, special_tokens=False)
    tokenizer = load_tokenizer(tmp_path)
    encoded = encode(table(("\u200b \n", ["I10"]), ("", ["I10"])), tokenizer, CODES, max_words=10)
    assert encoded.tokens[1].tolist() == [tokenizer.pad_token_id]


def test_labels_follow_the_code_set():
    labels = label_matrix(table(("a", ["E11.9", "I10", "I10"]), ("b", ["0DTJ4ZZ"])), CODES).toarray()
    np.testing.assert_array_equal(labels, [[True, True, False], [False, False, True]])


def test_a_code_outside_the_code_set_is_named():
    with pytest.raises(UserError, match=r"note n1: code Z99 .* 3 codes"):
        label_matrix(table(("a", ["I10"]), ("b", ["Z99"])), CODES)


def test_the_code_set_is_read_as_text(tmp_path):
    (tmp_path / "codes.csv").write_text("code,title,kind\n0010,,diagnosis\nNA,x,diagnosis\n", encoding="utf-8")
    assert read_code_set(tmp_path / "codes.csv") == ["0010", "NA"]


@pytest.mark.parametrize("content", ["title\nx\n", "code,title\n", "code\nI10\nI10\n"])
def test_a_broken_code_set_is_named(tmp_path, content):
    (tmp_path / "codes.csv").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"codes\.csv: expected a column `code`"):
        read_code_set(tmp_path / "codes.csv")


def test_chunks_of_a_batch_hold_no_row_of_padding():
    chunks = pack([np.arange(2, 7), np.array([9])], chunk_tokens=4, padding_id=1)
    np.testing.assert_array_equal(chunks.input_ids, [[2, 3, 4, 5], [6, 1, 1, 1], [9, 1, 1, 1]])
    np.testing.assert_array_equal(chunks.attention_mask, chunks.input_ids != 1)
    assert chunks.lengths == [5, 1]


def test_short_notes_need_no_full_chunks():
    chunks = pack([np.array([5, 6]), np.array([7])], chunk_tokens=128, padding_id=1)
    np.testing.assert_array_equal(chunks.input_ids, [[5, 6], [7, 1]])


def test_the_published_collation_pads_each_note_by_itself_and_attends_to_the_padding():
    """Published were batches of one note: what a note is padded to does not depend on its neighbours."""
    chunks = pack([np.arange(2, 7), np.array([9])], chunk_tokens=4, padding_id=1, attend_to_padding=True)
    np.testing.assert_array_equal(chunks.input_ids, [[2, 3, 4, 5], [6, 1, 1, 1], [9, 1, 1, 1]])
    assert chunks.attention_mask.all()
    assert chunks.lengths == [8, 4]


@given(
    lengths=st.lists(st.integers(1, 500), min_size=1, max_size=300),
    size=st.integers(1, 20),
    seed=st.integers(0, 1000),
)
def test_batches_hold_every_note_once_in_an_order_from_the_seed(lengths, size, seed):
    def drawn() -> list[list[int]]:
        return [batch.tolist() for batch in batches(np.array(lengths), size, np.random.default_rng(seed))]

    assert sorted(index for batch in drawn() for index in batch) == list(range(len(lengths)))
    assert max(map(len, drawn())) <= size
    assert drawn() == drawn()


def test_batches_have_similar_lengths_and_differ_between_epochs():
    lengths = np.random.default_rng(0).integers(1, 1000, size=320)
    rng = np.random.default_rng(1)
    first, second = ([lengths[batch] for batch in batches(lengths, 16, rng)] for _ in range(2))
    assert np.mean([np.ptp(batch) for batch in first]) < 150
    assert [batch.tolist() for batch in first] != [batch.tolist() for batch in second]
