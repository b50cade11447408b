"""The vLLM engine: samples with vLLM's offline engine, on GPUs or a CPU (Kwon et al. 2023)."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from synthnotes.generation.generators import decode
from synthnotes.generation.sampling import COLUMNS, Prompt, Sampler, new_token_limit, seed_of
from synthnotes.machinery.params import GenerateParams
from synthnotes.machinery.progress import Bar
from synthnotes.machinery.resources import GenerateMachine

if TYPE_CHECKING:
    from vllm import LLM

# Read by vLLM when it is imported. Requests stay in this process, since only then does a seed make a run repeatable.
# Only errors are logged, since other messages may quote prompts.
ENVIRONMENT = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_LOGGING_LEVEL": "ERROR"}


def engine_arguments(settings: GenerateParams, resources: GenerateMachine, model: Path, gpu: bool) -> dict[str, Any]:
    """Gives the arguments of `vllm.LLM` for a merged model's folder, on GPUs or, without any, on the CPU."""
    length = settings.model_length
    arguments: dict[str, Any] = {
        "model": str(model),
        "load_format": "safetensors",
        "trust_remote_code": False,
        "generation_config": "vllm",  # what params.yaml says, and not what a file of the model does
        "dtype": settings.precision,
        "max_model_len": length,
        "max_num_seqs": resources.concurrent_sequences,
        "enable_prefix_caching": True,  # the samples of one prompt share its keys and values
        "seed": settings.seed,
    }
    if gpu:
        return arguments | {
            "tensor_parallel_size": resources.tensor_parallel,
            "gpu_memory_utilization": resources.gpu_memory_share,
        }
    return arguments | {
        "kv_cache_memory_bytes": resources.cpu_cache_gib * 2**30,
        "enforce_eager": True,
        # Tokens, the fewest that the kernels take: samples share whole blocks of their prompt only, and attention reads
        # whole blocks.
        "block_size": 32,
        # Seeds per request need every prompt to be read in one go on the CPU.
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": max(2 * length, 2048),
    }


def sampling_parameters(settings: GenerateParams, prompt: Prompt) -> dict[str, Any]:
    """Gives the arguments of `vllm.SamplingParams` for one prompt; to its seed vLLM adds the sample's number."""
    return {
        "n": settings.samples,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "repetition_penalty": settings.repetition_penalty,
        "max_tokens": new_token_limit(settings, prompt),
        "seed": seed_of(settings, prompt),
        "logprobs": 0,  # of the sampled tokens, and of no others
        "flat_logprobs": True,
        "detokenize": False,  # a finished sample is decoded in one go, not token by token
    }


def start_engine(settings: GenerateParams, resources: GenerateMachine, model: Path) -> "LLM":
    """Starts vLLM on a merged model."""
    os.environ.update(ENVIRONMENT)
    import torch
    from vllm import LLM

    gpu = torch.cuda.is_available()
    if not gpu:
        # vLLM compiles the counting of ranks, which nothing here reads: seconds for nothing, and a C++ compiler needed.
        torch.compiler.set_stance("force_eager")
    return LLM(**engine_arguments(settings, resources, model, gpu))


def start(settings: GenerateParams, resources: GenerateMachine, model: Path) -> Sampler:
    """Starts vLLM on a merged model and gives the function that samples from it."""
    engine = start_engine(settings, resources, model)
    from vllm import SamplingParams

    tokenizer = engine.get_tokenizer()

    def sample(prompts: Sequence[Prompt], settings: GenerateParams) -> pd.DataFrame:
        engine.reset_prefix_cache()  # a shard's samples do not depend on the shards before it
        outputs = engine.generate(
            [{"prompt_token_ids": prompt.tokens} for prompt in prompts],
            [SamplingParams(**sampling_parameters(settings, prompt)) for prompt in prompts],
            use_tqdm=Bar,
        )
        rows = [
            (
                *(prompt.note_id, sample.index),
                *(decode(tokenizer, sample.token_ids), sample.finish_reason),
                *(len(prompt.tokens), len(sample.token_ids), sample.cumulative_logprob / len(sample.token_ids)),
            )
            for prompt, output in zip(prompts, outputs, strict=True)
            for sample in sorted(output.outputs, key=lambda sample: sample.index)
        ]
        return pd.DataFrame(rows, columns=COLUMNS)

    return sample
