"""Records: as JSON lines, as prompts and as tokens; and what they lack, counted."""

import json

import pandas as pd
import pytest

from synthnotes.generation.generators import load_tokenizer
from synthnotes.generation.records import (
    NO_LOSS,
    Record,
    build_records,
    encode_prompts,
    encode_records,
    read_records,
    write_records,
)
from synthnotes.generation.sample_measures import summarise_records
from synthnotes.machinery.files import UserError
from synthnotes.machinery.language import LANGUAGES, read_language

ENGLISH, SWEDISH, SPANISH = (read_language(LANGUAGES / f"{name}.yaml") for name in ("en", "sv", "es"))


def notes_of(*rows):
    return pd.DataFrame(rows, columns=["note_id", "text", "codes", "descriptions"])


TABLE = notes_of(
    ("a", "Åtta ord står i den här korta anteckningen", ["I10", "E11.9"], ["Hypertoni", "Diabetes"]),
    ("b", "Two words", ["I10", "Z99"], ["Hypertoni"]),
    ("c", "One two three four", ["Z99"], []),
)


def test_records_are_alpacas_and_survive_the_file(tmp_path):
    records = build_records(SWEDISH, TABLE)
    write_records(tmp_path / "r.jsonl", records)
    assert read_records(tmp_path / "r.jsonl") == records
    first = json.loads((tmp_path / "r.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert set(first) == {"id", "instruction", "input", "output", "prompt"}
    assert first["input"] == ["Hypertoni", "Diabetes"]
    assert first["instruction"].startswith("Utifrån en lista")
    assert first["prompt"] == SWEDISH.render_prompt(["Hypertoni", "Diabetes"])


def test_summary_counts_what_the_prompts_lack():
    counts = summarise_records(build_records(SWEDISH, TABLE), TABLE)
    assert counts["records"] == 3
    assert counts["codes"] == 5
    assert counts["codes_without_description"] == 2
    assert counts["prompts_shortened"] == 1
    assert counts["prompts_without_descriptions"] == 1
    assert counts["mean_descriptions"] == 1.0
    assert counts["mean_note_words"] == pytest.approx((8 + 2 + 4) / 3, abs=0.01)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "x", "instruction": "", "input": [], "output": "secret"', "line 2 is no record"),
        ('{"id": "x", "input": [], "output": "secret"}', "line 2 is no record"),
        (
            '{"id": "x", "instruction": "", "input": ["secret"], "output": " ", "prompt": ""}',
            "record x: the output is empty",
        ),
    ],
)
def test_broken_lines_are_named_but_not_quoted(tmp_path, line, message):
    path = tmp_path / "r.jsonl"
    write_records(path, [Record("ok", "", [], "text", "")])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UserError, match=message) as error:
        read_records(path)
    assert "secret" not in str(error.value)


def test_english_prompt_is_alpacas_with_the_list_as_python_prints_it():
    assert ENGLISH.render_prompt(["Essential hypertension", "Sepsis"]) == (
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        "Write a response that appropriately completes the request.\n\n"
        f"### Instruction:\n{ENGLISH.instruction}\n\n"
        "### Input:\n['Essential hypertension', 'Sepsis']\n\n### Response:\n"
    )


def test_swedish_prompt_has_no_space_before_the_colon_and_keeps_its_letters():
    prompt = SWEDISH.render_prompt(["Förmaksflimmer"])
    assert prompt.startswith("Nedan är en instruktion som beskriver en uppgift, parad med en ingång")
    assert prompt.endswith("\n\n### Ingång:\n['Förmaksflimmer']\n\n### Svar:\n")


def test_a_quote_or_brace_in_a_description_stays_what_it_is():
    assert "[\"Crohn's disease\", '{odd}']" in ENGLISH.render_prompt(["Crohn's disease", "{odd}"])
    assert "### Input:\n[]\n" in ENGLISH.render_prompt([])


@pytest.fixture(scope="module")
def tokenizer(generator):
    return load_tokenizer(generator)


@pytest.mark.parametrize("language", [ENGLISH, SWEDISH, SPANISH])
def test_the_sampled_prompt_is_the_training_texts_exact_prefix_and_only_the_note_is_learnt(
    tokenizer, records, language
):
    # Notes whose first characters would merge with the prompt's last line break if both were tokenised together.
    awkward = [([], "\n\nspace"), (["Å"], " blank"), (["a'b"], "###")]
    every = [(record.input, record.output) for record in records] + awkward
    every = [Record("x", "", titles, note, language.render_prompt(titles)) for titles, note in every]
    texts = encode_records(tokenizer, every, 600)
    prompts = encode_prompts(tokenizer, [record.prompt for record in every])
    for record, prompt, ids, labels in zip(every, prompts, texts.input_ids, texts.labels, strict=True):
        ids, labels = ids.tolist(), labels.tolist()
        assert ids[: len(prompt)] == prompt
        assert tokenizer.decode(prompt) == "<s>" + record.prompt
        assert labels[: len(prompt)] == [NO_LOSS] * len(prompt)
        assert labels[len(prompt) :] == ids[len(prompt) :]
        assert tokenizer.decode(labels[len(prompt) :]) == record.output + "</s>"


def test_what_is_cut_and_dropped_is_counted(tokenizer):
    short, long = ENGLISH.render_prompt([]), ENGLISH.render_prompt(["Disease " * 30])
    (prompt,) = encode_prompts(tokenizer, [short])
    kept, cut = Record("a", "", [], "x", short), Record("b", "", [], "x" * 40, short)
    dropped = Record("c", "", ["Disease " * 30], "x", long)
    note_tokens = len(tokenizer("x" * 40, add_special_tokens=False)["input_ids"])
    length = len(prompt) + 5
    (long_prompt,) = encode_prompts(tokenizer, [long])
    texts = encode_records(tokenizer, [kept, cut, dropped], length)
    assert [len(ids) for ids in texts.input_ids] == [len(prompt) + 2, length]
    assert texts.input_ids[1][-1] != tokenizer.eos_token_id
    assert (texts.truncated, texts.dropped) == (1, 1)
    total = len(prompt) + 2 + len(prompt) + note_tokens + 1 + len(long_prompt) + 2
    assert texts.tokens_cut == pytest.approx((note_tokens + 1 - 5 + len(long_prompt) + 2) / total)
    assert (texts.tokens, texts.response_tokens) == (2 * len(prompt) + 7, 7)


def test_records_encoded_in_slices_are_those_encoded_at_once(tokenizer, records, monkeypatch):
    whole = encode_records(tokenizer, records, 512)
    monkeypatch.setattr("synthnotes.generation.records.ENCODED_AT_ONCE", 5)
    sliced = encode_records(tokenizer, records, 512)
    assert [ids.tolist() for ids in sliced.input_ids] == [ids.tolist() for ids in whole.input_ids]
    assert len(sliced.labels) == len(records)


def test_no_records_are_no_texts(tokenizer):
    assert encode_records(tokenizer, [], 512).tokens_cut == 0
