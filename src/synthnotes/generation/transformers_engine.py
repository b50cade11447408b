"""The transformers engine: the same samples' distribution as vLLM's, where vLLM cannot be installed.

`generate` draws a whole batch with one generator, which would tie a sample to its neighbours. Here each sample adds
noise of its own to its logits (Gumbel's trick: the highest noisy logit is a draw from the softmax), so that greedy
search samples, and a sample depends on its own seed alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList, TopPLogitsWarper

from synthnotes.generation.generators import decode, load_generator, load_tokenizer
from synthnotes.generation.sampling import COLUMNS, Prompt, Sampler, new_token_limit, seed_of
from synthnotes.machinery.params import GenerateParams
from synthnotes.machinery.progress import Bar
from synthnotes.machinery.resources import GenerateMachine

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class SeededSampling(LogitsProcessor):
    """Turns greedy search into sampling, row by row with seeds of their own, in vLLM's order of operations.

    That is: repetition penalty over the tokens of prompt and note (Keskar et al. 2019), temperature, top_p, draw. At
    temperature 0 nothing is drawn. Keeps the log-probabilities that the model itself gives to what is chosen.
    """

    def __init__(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], settings: GenerateParams, device: torch.device
    ) -> None:
        """Takes the token ids of each row's prompt, without padding, and each row's seed."""
        self.prompts, self.settings, self.device = prompts, settings, device
        self.generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]
        self.top_p = TopPLogitsWarper(settings.top_p) if settings.top_p < 1 else None
        self.seen: torch.Tensor | None = None
        self.log_probabilities: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Gives the scores [rows, vocabulary] whose highest is the row's next token."""
        raw = scores.float()
        noisy = self._penalised(input_ids, raw)
        if self.settings.temperature > 0:
            noisy = noisy / self.settings.temperature
            if self.top_p:
                noisy = self.top_p(input_ids, noisy)
            exponential = torch.empty_like(noisy)
            for row, generator in zip(exponential, self.generators, strict=True):
                row.exponential_(generator=generator)
            noisy = noisy - exponential.log()
        chosen = noisy.argmax(-1, keepdim=True)
        self.log_probabilities.append(raw.log_softmax(-1).gather(-1, chosen).squeeze(-1))
        return noisy

    def _penalised(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        penalty = self.settings.repetition_penalty
        if penalty == 1:
            return scores
        if self.seen is None:  # from the prompts themselves: what pads a batch was not read by anyone
            self.seen = torch.zeros_like(scores, dtype=torch.bool)
            for row, prompt in zip(self.seen, self.prompts, strict=True):
                row[torch.tensor(prompt, device=self.device)] = True
        else:
            self.seen.scatter_(1, input_ids[:, -1:], True)
        return torch.where(self.seen, torch.where(scores > 0, scores / penalty, scores * penalty), scores)


def start(settings: GenerateParams, resources: GenerateMachine, model: Path) -> Sampler:
    """Loads a merged model and gives the function that samples from it."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = load_tokenizer(model)
    loaded = load_generator(model, settings.precision).to(device).eval()

    def sample(prompts: Sequence[Prompt], settings: GenerateParams) -> pd.DataFrame:
        pieces = [(prompt, number) for prompt in prompts for number in range(settings.samples)]
        size = resources.concurrent_sequences
        rows = []
        for first in Bar(range(0, len(pieces), size), desc="batches", unit="batch", leave=False):
            rows += _sample_batch(loaded, tokenizer, pieces[first : first + size], settings)
        return pd.DataFrame(rows, columns=COLUMNS)

    return sample


@torch.inference_mode()
def _sample_batch(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    batch: Sequence[tuple[Prompt, int]],
    settings: GenerateParams,
) -> list[tuple]:
    prompts = [prompt.tokens for prompt, _ in batch]
    limits = [new_token_limit(settings, prompt) for prompt, _ in batch]
    end_token = tokenizer.eos_token_id
    width = max(map(len, prompts))
    padded = [[tokenizer.pad_token_id] * (width - len(tokens)) + tokens for tokens in prompts]
    mask = [[0] * (width - len(tokens)) + [1] * len(tokens) for tokens in prompts]
    seeds = [seed_of(settings, prompt) + number for prompt, number in batch]
    sampling = SeededSampling(prompts, seeds, settings, model.device)
    output = model.generate(
        input_ids=torch.tensor(padded, device=model.device),
        attention_mask=torch.tensor(mask, device=model.device),
        generation_config=GenerationConfig(
            do_sample=False,
            max_new_tokens=max(limits),
            eos_token_id=end_token,
            pad_token_id=tokenizer.pad_token_id,
        ),
        logits_processor=LogitsProcessorList([sampling]),
    )[:, width:].tolist()
    log_probabilities = torch.stack(sampling.log_probabilities, dim=1).tolist()
    rows = []
    for (prompt, number), limit, tokens, chosen in zip(batch, limits, output, log_probabilities, strict=True):
        ended = end_token in tokens[:limit]
        count = tokens.index(end_token) + 1 if ended else limit
        text, reason = decode(tokenizer, tokens[:count]), "stop" if ended else "length"
        rows.append((prompt.note_id, number, text, reason, len(prompt.tokens), count, sum(chosen[:count]) / count))
    return rows
