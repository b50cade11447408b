"""Encoding: prompts and training texts as tokens.

A training text is the tokens of the prompt, then those of the note, then the end token. Prompt and note are tokenised
apart, so that no token spans their border: what is sampled from is exactly the beginning of what was trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthnotes.generation.prompts import render_prompt
from synthnotes.generation.records import Record

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NO_LOSS = -100  # the label that PyTorch's cross-entropy ignores


@dataclass(frozen=True)
class TrainingTexts:
    """Records as a causal language model trains on them.

    Attributes:
        input_ids: one list of token ids per record, at most `max_length` long.
        labels: the same with `NO_LOSS` in place of the prompt.
        truncated: number of records that lost their end.
        dropped: number of records whose prompt alone fills `max_length`; not among `input_ids`.
        tokens_cut: share of all records' tokens that were cut or dropped.
    """

    input_ids: list[list[int]]
    labels: list[list[int]]
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
        return sum(label != NO_LOSS for labels in self.labels for label in labels)


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
    prompts = encode_prompts(tokenizer, corpus, [record.input for record in records])
    notes = tokenizer([record.output for record in records], add_special_tokens=False)["input_ids"]
    input_ids: list[list[int]] = []
    labels: list[list[int]] = []
    truncated = dropped = total = 0
    for prompt, note in zip(prompts, notes, strict=True):
        text = [*prompt, *note, tokenizer.eos_token_id]
        total += len(text)
        if len(prompt) >= max_length:
            dropped += 1
            continue
        truncated += len(text) > max_length
        input_ids.append(text[:max_length])
        labels.append(([NO_LOSS] * len(prompt) + text[len(prompt) :])[:max_length])
    kept = sum(map(len, input_ids))
    return TrainingTexts(input_ids, labels, truncated, dropped, (total - kept) / total)
