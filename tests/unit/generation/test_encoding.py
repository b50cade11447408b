import pytest

from synthnotes.generation.encoding import NO_LOSS, encode_prompts, encode_records
from synthnotes.generation.generators import load_tokenizer
from synthnotes.generation.prompts import render_prompt
from synthnotes.generation.records import Record


@pytest.fixture(scope="module")
def tokenizer(generator):
    return load_tokenizer(generator)


@pytest.mark.parametrize("corpus", ["mimic", "sepr"])
def test_the_sampled_prompt_is_the_training_texts_exact_prefix_and_only_the_note_is_learnt(tokenizer, records, corpus):
    # Notes whose first characters would merge with the prompt's last line break if both were tokenised together.
    awkward = [Record("x", "", [], "\n\nspace"), Record("y", "", ["Å"], " blank"), Record("z", "", ["a'b"], "###")]
    texts = encode_records(tokenizer, corpus, records + awkward, 512)
    prompts = encode_prompts(tokenizer, corpus, [record.input for record in records + awkward])
    for record, prompt, ids, labels in zip(records + awkward, prompts, texts.input_ids, texts.labels, strict=True):
        ids, labels = ids.tolist(), labels.tolist()
        assert ids[: len(prompt)] == prompt
        assert tokenizer.decode(prompt) == "<s>" + render_prompt(corpus, record.input)
        assert labels[: len(prompt)] == [NO_LOSS] * len(prompt)
        assert labels[len(prompt) :] == ids[len(prompt) :]
        assert tokenizer.decode(labels[len(prompt) :]) == record.output + "</s>"


def test_what_is_cut_and_dropped_is_counted(tokenizer):
    (prompt,) = encode_prompts(tokenizer, "mimic", [[]])
    long_input = ["Disease " * 30]
    kept, cut, dropped = Record("a", "", [], "x"), Record("b", "", [], "x" * 40), Record("c", "", long_input, "x")
    note_tokens = len(tokenizer("x" * 40, add_special_tokens=False)["input_ids"])
    length = len(prompt) + 5
    (long_prompt,) = encode_prompts(tokenizer, "mimic", [long_input])
    texts = encode_records(tokenizer, "mimic", [kept, cut, dropped], length)
    assert [len(ids) for ids in texts.input_ids] == [len(prompt) + 2, length]
    assert texts.input_ids[1][-1] != tokenizer.eos_token_id
    assert (texts.truncated, texts.dropped) == (1, 1)
    total = len(prompt) + 2 + len(prompt) + note_tokens + 1 + len(long_prompt) + 2
    assert texts.tokens_cut == pytest.approx((note_tokens + 1 - 5 + len(long_prompt) + 2) / total)
    assert (texts.tokens, texts.response_tokens) == (2 * len(prompt) + 7, 7)


def test_records_encoded_in_slices_are_those_encoded_at_once(tokenizer, records, monkeypatch):
    whole = encode_records(tokenizer, "mimic", records, 512)
    monkeypatch.setattr("synthnotes.generation.encoding.ENCODED_AT_ONCE", 5)
    sliced = encode_records(tokenizer, "mimic", records, 512)
    assert [ids.tolist() for ids in sliced.input_ids] == [ids.tolist() for ids in whole.input_ids]
    assert len(sliced.labels) == len(records)


def test_no_records_are_no_texts(tokenizer):
    assert encode_records(tokenizer, "mimic", [], 512).tokens_cut == 0
