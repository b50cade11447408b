import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from synthnotes.coding.labels import label_matrix, read_code_set
from synthnotes.coding.plm_icd.data import batches, encode, first_words, pack
from synthnotes.coding.plm_icd.model import load_tokenizer
from synthnotes.machinery.files import UserError

CODES = ["I10", "E11.9", "0DTJ4ZZ"]


def table(*rows: tuple[str, list[str]]) -> pd.DataFrame:
    return pd.DataFrame([(f"n{i}", *row) for i, row in enumerate(rows)], columns=["note_id", "text", "codes"])


def test_words_are_cut_and_white_space_is_kept():
    assert first_words("one  two\n\nthree four \n", 3, join_lines=False) == "one  two\n\nthree"
    assert first_words("one  two\n\nthree \n", 3, join_lines=False) == "one  two\n\nthree"


@given(st.text(alphabet="ab \n\t\r\u00a0\u2028é"), st.integers(1, 6))
def test_words_are_joined_by_single_spaces_as_published(text, words):
    assert first_words(text, words) == " ".join(text.split()[:words])


def test_a_byte_level_tokenizer_reads_joined_words_as_published_and_line_breaks_otherwise(tmp_path):
    """RoBERTa's kind of tokenizer: a line break, or a second space, is a token or part of one."""
    texts = ["Chief  Complaint:\nchest pain\r\n\n\tsince two days ", "\n no pain\u00a0at all"]
    byte_level = Tokenizer(models.BPE())
    byte_level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    byte_level.train_from_iterator(texts, trainers.BpeTrainer(special_tokens=["<pad>"], initial_alphabet=alphabet))
    PreTrainedTokenizerFast(tokenizer_object=byte_level, pad_token="<pad>").save_pretrained(tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    notes = table(*((text, ["I10"]) for text in texts))
    published = [tokenizer(" ".join(text.split()[:5]))["input_ids"] for text in texts]
    joined, as_written = (encode(notes, tokenizer, CODES, 5, join_lines=joins).tokens for joins in (True, False))
    assert [ids.tolist() for ids in joined] == published
    assert all(ids.tolist() != expected for ids, expected in zip(as_written, published, strict=True))


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
    np.testing.assert_array_equal(chunks.read, chunks.attention_mask)
    assert chunks.lengths == [5, 1]


def test_short_notes_need_no_full_chunks():
    chunks = pack([np.array([5, 6]), np.array([7])], chunk_tokens=128, padding_id=1)
    np.testing.assert_array_equal(chunks.input_ids, [[5, 6], [7, 1]])


def test_the_published_collation_pads_each_note_by_itself_and_attends_to_the_padding():
    """Published were batches of one note: what a note is padded to does not depend on its neighbours."""
    chunks = pack([np.arange(2, 7), np.array([9])], chunk_tokens=4, padding_id=1, attend_to_padding=True)
    np.testing.assert_array_equal(chunks.input_ids, [[2, 3, 4, 5], [6, 1, 1, 1], [9, 1, 1, 1]])
    assert chunks.attention_mask.all()
    assert chunks.read.all()
    assert chunks.lengths == [8, 4]


def test_the_published_mask_of_bert_is_zeros_where_its_label_attention_reads_the_padding():
    chunks = pack([np.arange(2, 7), np.array([9])], 4, padding_id=0, attend_to_padding=True, encoder="bert")
    np.testing.assert_array_equal(chunks.input_ids, [[2, 3, 4, 5], [6, 0, 0, 0], [9, 0, 0, 0]])
    np.testing.assert_array_equal(chunks.attention_mask, chunks.input_ids != 0)
    assert chunks.read.all()
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
