"""Instruction records (paper, section 4.1): notes as Alpaca records, their prompts, and both as tokens.

The wordings are experimental constants, which stand in the file of the language. A generator understands only the
prompt that it was trained on, so fine-tuning and sampling both read it from the record (repair d: the published Swedish
templates of the two differed).

A training text is the tokens of the prompt, then those of the note, then the end token. Prompt and note are tokenised
apart, so that no token spans their border: what is sampled from is exactly the beginning of what was trained on.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import ConfigDict, TypeAdapter

from synthnotes.machinery import kinds
from synthnotes.machinery.files import UserError, replacing, require, unreadable
from synthnotes.machinery.language import Language

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

RECORDS = {"training": "L", "prompts": "S"}  # the files of a corpus's records, and the subset of each
NO_LOSS = -100  # the label that PyTorch's cross-entropy ignores
ENCODED_AT_ONCE = 2000  # records


@dataclass(frozen=True)
class Record:
    """One Alpaca record, with the keys that Axolotl and Alpaca-style trainers expect, and the prompt that they make.

    The instruction is the language's, the input are the descriptions of the note's codes, possibly none, and the output
    is the note.
    """

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")

    id: str
    instruction: str
    input: list[str]
    output: str
    prompt: str


@dataclass(frozen=True)
class TrainingTexts:
    """Records as a causal language model trains on them.

    Attributes:
        input_ids: int32 [tokens] per record, at most `max_length` long.
        labels: the same with `NO_LOSS` in place of the prompt.
        truncated: number of records that lost their end.
        dropped: number of records whose prompt alone fills `max_length`; not among `input_ids`.
        tokens_cut: share of all records' tokens that were cut or dropped.
    """

    input_ids: list[np.ndarray]
    labels: list[np.ndarray]
    truncated: int
    dropped: int
    tokens_cut: float

    @property
    def tokens(self) -> int:
        """Tokens that one epoch reads."""
        return sum(map(len, self.input_ids))

    @property
    def response_tokens(self) -> int:
        """Tokens that one epoch learns from: those of notes, and the end tokens."""
        return sum(int((labels != NO_LOSS).sum()) for labels in self.labels)


def build_records(language: Language, notes: pd.DataFrame) -> list[Record]:
    """Turns a note table into records, in its order."""
    columns = zip(notes["note_id"], notes["descriptions"], notes["text"], strict=True)
    return [
        Record(note_id, language.instruction, list(titles), text, language.render_prompt(titles))
        for note_id, titles, text in columns
    ]


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Writes records as JSON lines, atomically."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as lines:
        for record in records:
            lines.write(json.dumps(asdict(record), ensure_ascii=False) + "\n")


def read_records(path: Path) -> list[Record]:
    """Reads records written by `write_records`, or by hand in the same form.

    Raises:
        UserError: the file is missing or empty, or a line is no record or has no output; names the line.
    """
    require(path)
    reader = TypeAdapter(Record)
    records = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                record = reader.validate_json(line)
            except ValueError:
                # Neither the line nor the parser's message, which quotes it: both hold parts of a note.
                expected = (
                    f"line {number} is no record with id, instruction, input, output and prompt. Delete the folder and "
                    "run `dvc repro`."
                )
                raise unreadable(path, kinds.TEXT, expected) from None
            if not record.output.strip():
                raise UserError(f"{path}: line {number}, record {record.id}: the output is empty. Remove the record.")
            records.append(record)
    return records


def encode_prompts(tokenizer: "PreTrainedTokenizerBase", prompts: Sequence[str]) -> list[list[int]]:
    """Gives the tokens of prompts, with the tokenizer's start token if it has one."""
    if not prompts:
        return []
    ids = tokenizer(list(prompts))["input_ids"]
    # Some tokenizers close every text with the end token, after which a generator would have nothing left to say.
    return [prompt[:-1] if prompt[-1] == tokenizer.eos_token_id else prompt for prompt in ids]


def encode_records(tokenizer: "PreTrainedTokenizerBase", records: Sequence[Record], max_length: int) -> TrainingTexts:
    """Encodes records for training with the loss on the response only, cut to `max_length` tokens."""
    input_ids: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    truncated = dropped = total = 0
    for prompt, note in _encode(tokenizer, records):
        text = [*prompt, *note, tokenizer.eos_token_id]
        total += len(text)
        if len(prompt) >= max_length:
            dropped += 1
            continue
        truncated += len(text) > max_length
        input_ids.append(np.array(text[:max_length], dtype=np.int32))
        labels.append(input_ids[-1].copy())
        labels[-1][: len(prompt)] = NO_LOSS
    kept = sum(map(len, input_ids))
    return TrainingTexts(input_ids, labels, truncated, dropped, (total - kept) / total if total else 0.0)


def _encode(tokenizer: "PreTrainedTokenizerBase", records: Sequence[Record]) -> Iterator[tuple[list[int], list[int]]]:
    """Yields the tokens of each record's prompt and note; a slice at a time, since Python's integers are large."""
    for start in range(0, len(records), ENCODED_AT_ONCE):
        some = records[start : start + ENCODED_AT_ONCE]
        prompts = encode_prompts(tokenizer, [record.prompt for record in some])
        notes = tokenizer([record.output for record in some], add_special_tokens=False)["input_ids"]
        yield from zip(prompts, notes, strict=True)
