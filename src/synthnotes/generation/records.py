"""Instruction records (paper, section 4.1): notes as Alpaca records, their prompts, and both as tokens.

The wordings are experimental constants. A generator understands only the prompt that it was trained on, so fine-tuning
and sampling both get theirs from `render_prompt` (repair d: the published Swedish templates of the two differed).

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

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

INSTRUCTION = {
    "mimic": (
        "Given a list of textual descriptions of procedure and diagnosis codes, generate a corresponding clinical "
        "discharge summary that provides comprehensive and relevant details about the patient's medical history, "
        "current condition and treatment received at the hospital."
    ),
    "sepr": (
        "Utifrån en lista med textuella beskrivningar av diagnoskoder, generera en motsvarande klinisk anteckning som "
        "ger omfattande och relevanta detaljer om patientens sjukdomshistoria, nuvarande tillstånd och behandling som "
        "mottagits på sjukhuset."
    ),
}
TEMPLATE = {
    # Stanford Alpaca (Taori et al. 2023).
    "mimic": (
        "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
        "response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
    ),
    "sepr": (
        "Nedan är en instruktion som beskriver en uppgift, parad med en ingång som ger ytterligare sammanhang. Skriv "
        "ett svar som på lämpligt sätt kompletterar begäran.\n\n"
        "### Instruktion:\n{instruction}\n\n### Ingång:\n{input}\n\n### Svar:\n"
    ),
}
NO_LOSS = -100  # the label that PyTorch's cross-entropy ignores
ENCODED_AT_ONCE = 2000  # records


@dataclass(frozen=True)
class Record:
    """One Alpaca record, with the keys that Axolotl and Alpaca-style trainers expect.

    The instruction is the corpus's, the input are the descriptions of the note's codes, possibly none, and the output
    is the note.
    """

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")

    id: str
    instruction: str
    input: list[str]
    output: str


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


def render_prompt(corpus: str, descriptions: Sequence[str]) -> str:
    """Gives the prompt for a note with these code descriptions, which stand there as Python prints a list of strings.

    It ends with the line break after the response's heading, where the note begins.
    """
    return TEMPLATE[corpus].format(instruction=INSTRUCTION[corpus], input=list(map(str, descriptions)))


def build_records(corpus: str, notes: pd.DataFrame) -> list[Record]:
    """Turns a note table into records, in its order."""
    columns = zip(notes["note_id"], notes["descriptions"], notes["text"], strict=True)
    return [Record(note_id, INSTRUCTION[corpus], list(titles), text) for note_id, titles, text in columns]


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
                    f"line {number} is no record with id, instruction, input and output. Delete the folder and run "
                    "`dvc repro`."
                )
                raise unreadable(path, kinds.TEXT, expected) from None
            if not record.output.strip():
                raise UserError(f"{path}: line {number}, record {record.id}: the output is empty. Remove the record.")
            records.append(record)
    return records


def encode_prompts(
    tokenizer: "PreTrainedTokenizerBase", corpus: str, descriptions: Sequence[Sequence[str]]
) -> list[list[int]]:
    """Gives the tokens of prompts for lists of code descriptions, with the tokenizer's start token if it has one."""
    if not descriptions:
        return []
    ids = tokenizer([render_prompt(corpus, titles) for titles in descriptions])["input_ids"]
    # Some tokenizers close every text with the end token, after which a generator would have nothing left to say.
    return [prompt[:-1] if prompt[-1] == tokenizer.eos_token_id else prompt for prompt in ids]


def encode_records(
    tokenizer: "PreTrainedTokenizerBase", corpus: str, records: Sequence[Record], max_length: int
) -> TrainingTexts:
    """Encodes records for training with the loss on the response only, cut to `max_length` tokens."""
    input_ids: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    truncated = dropped = total = 0
    for prompt, note in _encode(tokenizer, corpus, records):
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


def _encode(
    tokenizer: "PreTrainedTokenizerBase", corpus: str, records: Sequence[Record]
) -> Iterator[tuple[list[int], list[int]]]:
    """Yields the tokens of each record's prompt and note; a slice at a time, since Python's integers are large."""
    for start in range(0, len(records), ENCODED_AT_ONCE):
        some = records[start : start + ENCODED_AT_ONCE]
        prompts = encode_prompts(tokenizer, corpus, [record.input for record in some])
        notes = tokenizer([record.output for record in some], add_special_tokens=False)["input_ids"]
        yield from zip(prompts, notes, strict=True)
