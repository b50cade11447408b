"""Encoding: prompts and training texts as tokens.

A training text is the tokens of the prompt, then those of the note, then the end token. Prompt and note are tokenised
apart, so that no token spans their border: what is sampled from is exactly the beginning of what was trained on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthnotes.generation.prompts import render_prompt
from synthnotes.generation.records import Record

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NO_LOSS = -100  # the label that PyTorch's cross-entropy ignores
ENCODED_AT_ONCE = 2000  # records


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
