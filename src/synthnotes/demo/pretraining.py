"""Pretraining of the demo's base models: plain loops over tokens, lesson by lesson.

Tiny models have minutes where large ones have months, so the order of what they see matters. The generator first learns
what a title means from glossary entries, then from problem lists, then from whole notes. The encoder first predicts the
next token, which every position teaches, then restores masked tokens; the latter alone would not leave the frequencies
of tokens behind in the time.

A fixed number of steps, not a time, ends the training, so that the seed alone determines the weights.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pad_sequence
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import trange
from transformers import LlamaForCausalLM, PreTrainedModel, RobertaForMaskedLM

from synthnotes.demo.scale import Network

GENERATOR_TOKENS = 1000  # per step, about
POOL = 512  # texts from which batches of similar length are filled
ENCODER_LENGTH = 64  # tokens per sequence; the coder's chunks are as long
CAUSAL_SHARE = 0.5  # of the encoder's steps
MASKED_SHARE = 0.2
IGNORED = -100  # the label that cross-entropy leaves out
WEIGHT_DECAY = 0.01
WARMUP_SHARE = 0.1
CLIPPED_NORM = 1.0
BETAS = (0.9, 0.98)


@dataclass(frozen=True)
class Lesson:
    """A part of a training.

    Attributes:
        share: of the training's steps.
        batches: without end.
        loss_of: the loss of a batch.
    """

    share: float
    batches: Iterator[torch.Tensor]
    loss_of: Callable[[torch.Tensor], torch.Tensor]


def join(texts: Sequence[Sequence[int]]) -> torch.Tensor:
    """Joins tokenised texts into one row: [tokens]."""
    return torch.tensor([token for text in texts for token in text])


def train_generator(
    model: LlamaForCausalLM,
    texts: Sequence[tuple[float, Sequence[Sequence[int]]]],
    network: Network,
    name: str,
    line: int = 0,
) -> float:
    """Teaches a causal model to predict each next token; gives the mean loss of the last tenth of the steps.

    Args:
        model: trained in place.
        texts: the lessons in their order: share of the steps and tokenised texts.
        network: steps and learning rate.
        name: of the progress bar.
        line: the progress bar's line.
    """
    padding = model.config.pad_token_id

    def loss_of(batch: torch.Tensor) -> torch.Tensor:
        logits = model(input_ids=batch[:, :-1], use_cache=False).logits
        targets = batch[:, 1:]
        return cross_entropy(
            logits.flatten(0, 1),
            targets.masked_fill(targets == padding, IGNORED).flatten(),
            ignore_index=IGNORED,
        )

    lessons = [Lesson(share, whole_texts(lesson, padding), loss_of) for share, lesson in texts]
    return _train(model, lessons, network, name, line)


def train_encoder(
    model: RobertaForMaskedLM, tokens: torch.Tensor, mask_id: int, network: Network, name: str, line: int = 0
) -> float:
    """Teaches an encoder to predict next tokens and then to restore masked ones.

    A fifth of the tokens is chosen; of these, 80 % are masked, 10 % replaced by random ones, 10 % left (BERT's rule).

    Args:
        model: trained in place.
        tokens: the texts, joined: [tokens].
        mask_id: the token that masks.
        network: steps, batch and learning rate.
        name: of the progress bar.
        line: the progress bar's line.
    """
    ahead = torch.ones(ENCODER_LENGTH, ENCODER_LENGTH, dtype=torch.bool).triu(1)
    causal = torch.zeros(ahead.shape).masked_fill(ahead, torch.finfo(torch.float32).min)

    def next_token_loss(sequences: torch.Tensor) -> torch.Tensor:
        mask = causal.expand(len(sequences), 1, *causal.shape)
        hidden = model.roberta(input_ids=sequences, attention_mask=mask).last_hidden_state
        return cross_entropy(model.lm_head(hidden[:, :-1]).flatten(0, 1), sequences[:, 1:].flatten())

    def masked_loss(sequences: torch.Tensor) -> torch.Tensor:
        chosen = torch.rand(sequences.shape) < MASKED_SHARE
        fate = torch.rand(sequences.shape)
        spoilt = sequences.masked_fill(chosen & (fate < 0.8), mask_id)
        spoilt = torch.where(chosen & (fate >= 0.9), torch.randint_like(sequences, model.config.vocab_size), spoilt)
        hidden = model.roberta(input_ids=spoilt).last_hidden_state
        return cross_entropy(model.lm_head(hidden[chosen]), sequences[chosen])  # the others need no logits

    runs = batches(tokens, ENCODER_LENGTH, network.batch)
    lessons = [Lesson(CAUSAL_SHARE, runs, next_token_loss), Lesson(1 - CAUSAL_SHARE, runs, masked_loss)]
    return _train(model, lessons, network, name, line)


def whole_texts(texts: Sequence[Sequence[int]], padding: int) -> Iterator[torch.Tensor]:
    """Yields batches of some `GENERATOR_TOKENS` tokens without end, padded: [texts, tokens of the longest].

    The texts of a batch are drawn at random and are of similar length, which leaves little padding.
    """
    while True:
        for drawn in torch.randperm(len(texts)).split(POOL):
            by_length = sorted(drawn.tolist(), key=lambda index: len(texts[index]))
            filled = _fill([torch.tensor(texts[index]) for index in by_length])
            for index in torch.randperm(len(filled)).tolist():
                yield pad_sequence(filled[index], batch_first=True, padding_value=padding)


def _fill(texts: Sequence[torch.Tensor]) -> list[list[torch.Tensor]]:
    """Cuts a row of texts into batches of some `GENERATOR_TOKENS` tokens; the last may hold fewer."""
    filled: list[list[torch.Tensor]] = [[]]
    for text in texts:
        if sum(map(len, filled[-1])) >= GENERATOR_TOKENS:
            filled.append([])
        filled[-1].append(text)
    return filled


def batches(tokens: torch.Tensor, length: int, size: int) -> Iterator[torch.Tensor]:
    """Yields batches [size, length] without end, epoch after epoch, each epoch cut at another place and shuffled."""
    if len(tokens) < 2 * length * size:
        raise ValueError(f"{len(tokens)} tokens do not fill two batches of {size} sequences of {length}")
    while True:
        start = int(torch.randint(length, ()))
        sequences = tokens[start : start + (len(tokens) - start) // length * length].view(-1, length)
        yield from (batch for batch in sequences[torch.randperm(len(sequences))].split(size) if len(batch) == size)


def _train(model: PreTrainedModel, lessons: Sequence[Lesson], network: Network, name: str, line: int) -> float:
    """Takes the network's number of steps with AdamW under one one-cycle schedule over all lessons."""
    optimizer = AdamW(model.parameters(), lr=network.learning_rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True)
    schedule = OneCycleLR(optimizer, network.learning_rate, network.steps, pct_start=WARMUP_SHARE, cycle_momentum=False)
    losses: list[float] = []
    ends = torch.tensor([lesson.share for lesson in lessons]).cumsum(0) * network.steps
    model.train()
    for step in (progress := trange(network.steps, desc=name, unit="step", position=line, disable=None)):
        lesson = lessons[min(int((ends <= step).sum()), len(lessons) - 1)]
        loss = lesson.loss_of(next(lesson.batches))
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(model.parameters(), CLIPPED_NORM)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        progress.set_postfix(loss=f"{losses[-1]:.2f}", refresh=False)
    last = losses[-max(1, network.steps // 10) :]
    return sum(last) / len(last)
