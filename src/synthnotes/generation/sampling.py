"""Sampling: notes from prompts with vLLM's offline engine (paper, section 4.1; Kwon et al. 2023)."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.sections import GenerateParams

COLUMNS = ["note_id", "sample", "text", "finish_reason", "prompt_tokens", "new_tokens"]
TOO_LONG = "prompt_too_long"  # the finish reason of samples that were never drawn

# Read by vLLM when it is imported. Requests stay in this process, since only then does a seed make a run repeatable.
# Only errors are logged, since other messages may quote prompts.
ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
}


@dataclass(frozen=True)
class Prompt:
    """A prompt to sample from: the note_id of the real note that it comes from, and its token ids."""

    note_id: str
    tokens: list[int]


Sampler = Callable[[Sequence[Prompt]], pd.DataFrame]


def engine_arguments(settings: GenerateParams, corpus: str, model: Path, gpu: bool) -> dict[str, Any]:
    """Gives the arguments of `vllm.LLM`.

    Args:
        settings: the section `generate`.
        corpus: `mimic` or `sepr`.
        model: the merged model's folder.
        gpu: whether there is one.
    """
    length = settings.model_length[corpus]
    arguments: dict[str, Any] = {
        "model": str(model),
        "dtype": settings.precision,
        "max_model_len": length,
        "max_num_seqs": settings.concurrent_sequences,
        "enable_prefix_caching": True,  # the samples of one prompt share its keys and values
        "seed": settings.seed,
    }
    if gpu:
        return arguments | {
            "tensor_parallel_size": settings.tensor_parallel,
            "gpu_memory_utilization": settings.gpu_memory_share,
        }
    return arguments | {
        "kv_cache_memory_bytes": settings.cpu_cache_gib * 2**30,
        "enforce_eager": True,
        # Seeds per request need every prompt to be read in one go on the CPU.
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": max(2 * length, 2048),
    }


def sampling_parameters(settings: GenerateParams, corpus: str, prompt: Prompt) -> dict[str, Any]:
    """Gives the arguments of `vllm.SamplingParams` for one prompt.

    New tokens are bounded by what the model's length leaves after the prompt (repair g). The seed follows from the
    run's seed and the prompt's note_id, so that it does not depend on order or shard; vLLM adds the sample's number.
    """
    left = settings.model_length[corpus] - len(prompt.tokens)
    digest = hashlib.sha256(f"{settings.seed} {prompt.note_id}".encode()).digest()
    return {
        "n": settings.samples,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "repetition_penalty": settings.repetition_penalty,
        "max_tokens": min(settings.max_new_tokens[corpus], left),
        "seed": int.from_bytes(digest[:7], "big"),
    }


def split_by_length(
    prompts: Sequence[Prompt], settings: GenerateParams, corpus: str
) -> tuple[list[Prompt], list[Prompt]]:
    """Splits prompts into those that leave room for a note within the model's length, and those that do not."""
    length = settings.model_length[corpus]
    fitting = [prompt for prompt in prompts if len(prompt.tokens) < length]
    return fitting, [prompt for prompt in prompts if len(prompt.tokens) >= length]


def unsampled(prompts: Sequence[Prompt], samples: int) -> pd.DataFrame:
    """Gives the rows of prompts that are too long: empty samples, with a reason that says so."""
    rows = [(p.note_id, sample, "", TOO_LONG, len(p.tokens), 0) for p in prompts for sample in range(samples)]
    return pd.DataFrame(rows, columns=COLUMNS)


def start_vllm(settings: GenerateParams, corpus: str, model: Path) -> Sampler:
    """Starts vLLM on a merged model and gives a function that samples from it.

    The function takes prompts that leave room for a note, and returns a table with a row per prompt and sample:
    note_id, sample (from 0), text, finish_reason (`stop`: the note ended by itself, `length`: it was cut; repair h),
    prompt_tokens, new_tokens (with the end token).
    """
    os.environ.update(ENVIRONMENT)
    import torch
    from vllm import LLM, SamplingParams

    engine = LLM(**engine_arguments(settings, corpus, model, gpu=torch.cuda.is_available()))

    def sample(prompts: Sequence[Prompt]) -> pd.DataFrame:
        engine.reset_prefix_cache()  # a shard's samples do not depend on the shards before it
        outputs = engine.generate(
            [{"prompt_token_ids": prompt.tokens} for prompt in prompts],
            [SamplingParams(**sampling_parameters(settings, corpus, prompt)) for prompt in prompts],
        )
        rows = [
            (prompt.note_id, s.index, s.text.strip(), s.finish_reason, len(prompt.tokens), len(s.token_ids))
            for prompt, output in zip(prompts, outputs, strict=True)
            for s in sorted(output.outputs, key=lambda s: s.index)
        ]
        return pd.DataFrame(rows, columns=COLUMNS)

    return sample
