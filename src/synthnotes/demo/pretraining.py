"""Pretraining of the demo's base models: two plain loops over one long row of tokens.

Matrix products run in bfloat16 where the processor computes with it (otherwise that would be slower, not faster);
weights and optimizer stay in float32. A fixed number of steps, not a time, ends the training, so that the seed alone
determines the weights.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import trange
from transformers import LlamaForCausalLM, PreTrainedModel, RobertaForMaskedLM

from synthnotes.demo.scale import Network

CAUSAL_LENGTH = 256  # tokens per sequence
MASKED_LENGTH = 128  # the coder's chunks are as long
MASKED_SHARE = 0.2
WEIGHT_DECAY = 0.01
WARMUP_SHARE = 0.1
CLIPPED_NORM = 1.0


def join(texts: Sequence[Sequence[int]], separator: int | None = None) -> torch.Tensor:
    """Joins tokenised texts into one row, each followed by the separator if there is one: [tokens]."""
    end = [] if separator is None else [separator]
    return torch.tensor([token for text in texts for token in (*text, *end)])


def train_causal(model: LlamaForCausalLM, tokens: torch.Tensor, network: Network, name: str, line: int = 0) -> float:
    """Teaches a causal model to predict each next token; gives the mean loss of the last tenth of the steps.

    Args:
        model: trained in place.
        tokens: the texts, joined: [tokens].
        network: steps, batch and learning rate.
        name: of the progress bar.
        line: the progress bar's line.
    """

    def loss_of(sequences: torch.Tensor) -> torch.Tensor:
        logits = model(input_ids=sequences[:, :-1], use_cache=False).logits
        return cross_entropy(logits.flatten(0, 1).float(), sequences[:, 1:].flatten())

    sequences = batches(tokens, CAUSAL_LENGTH + 1, network.batch)
    return _train(model, loss_of, sequences, network, name, line)


def train_masked(
    model: RobertaForMaskedLM, tokens: torch.Tensor, mask_id: int, network: Network, name: str, line: int = 0
) -> float:
    """Teaches an encoder to restore masked tokens; arguments and result as in `train_causal`.

    A fifth of the tokens is chosen; of these, 80 % are masked, 10 % replaced by random ones, 10 % left (BERT's rule).
    """

    def loss_of(sequences: torch.Tensor) -> torch.Tensor:
        chosen = torch.rand(sequences.shape) < MASKED_SHARE
        fate = torch.rand(sequences.shape)
        spoilt = sequences.masked_fill(chosen & (fate < 0.8), mask_id)
        spoilt = torch.where(chosen & (fate >= 0.9), torch.randint_like(sequences, model.config.vocab_size), spoilt)
        hidden = model.roberta(input_ids=spoilt).last_hidden_state
        return cross_entropy(model.lm_head(hidden[chosen]).float(), sequences[chosen])  # the others need no logits

    sequences = batches(tokens, MASKED_LENGTH, network.batch)
    return _train(model, loss_of, sequences, network, name, line)


def batches(tokens: torch.Tensor, length: int, size: int) -> Iterator[torch.Tensor]:
    """Yields batches [size, length] without end, epoch after epoch, each epoch cut at another place and shuffled."""
    if len(tokens) < 2 * length * size:
        raise ValueError(f"{len(tokens)} tokens do not fill two batches of {size} sequences of {length}")
    while True:
        start = int(torch.randint(length, ()))
        sequences = tokens[start : start + (len(tokens) - start) // length * length].view(-1, length)
        yield from (batch for batch in sequences[torch.randperm(len(sequences))].split(size) if len(batch) == size)


def computes_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 numbers itself."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _train(
    model: PreTrainedModel,
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    sequences: Iterator[torch.Tensor],
    network: Network,
    name: str,
    line: int,
) -> float:
    """Takes the network's number of steps with AdamW under a one-cycle schedule."""
    optimizer = AdamW(model.parameters(), lr=network.learning_rate, weight_decay=WEIGHT_DECAY)
    schedule = OneCycleLR(optimizer, network.learning_rate, network.steps, pct_start=WARMUP_SHARE)
    bfloat16, losses = computes_bfloat16(), list[float]()
    model.train()
    for _ in (progress := trange(network.steps, desc=name, unit="step", position=line, disable=None)):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = loss_of(next(sequences))
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(model.parameters(), CLIPPED_NORM)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        progress.set_postfix(loss=f"{losses[-1]:.2f}", refresh=False)
    last = losses[-max(1, network.steps // 10) :]
    return sum(last) / len(last)
