"""Merging: LoRA adapters added into the base model's weights, so that sampling needs neither (paper, section 4.1)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from synthnotes.generation.models import bare_generation, check_generator, load_generator


def merge(
    base: Path,
    adapter: Path,
    merged: Path,
    tokenizer: PreTrainedTokenizerBase,
    precision: str,
    prompts: Sequence[Sequence[int]],
) -> dict[str, Any]:
    """Merges an adapter into its base model, saves the result with the tokenizer, and checks what was saved.

    Args:
        base: the base model's folder.
        adapter: the adapter's folder, as fine-tuning saved it.
        merged: where to save the merged model (safetensors).
        tokenizer: the generator's tokenizer.
        precision: `float32` or `bfloat16`, of the merged weights.
        prompts: token ids of prompts on which the saved model must predict what base and adapter predict.

    Returns:
        Over all positions of the prompts: the largest absolute difference between the two models' logits, the largest
        absolute logit to compare it with, and the share of positions at which both expect the same next token.
    """
    adapted = PeftModel.from_pretrained(load_generator(base, precision), adapter).eval()
    expected = _logits(adapted, prompts)
    model = adapted.merge_and_unload(safe_merge=True)
    model.generation_config = bare_generation(tokenizer)  # the base model's may hold settings of its own
    model.save_pretrained(merged)
    tokenizer.save_pretrained(merged)
    del adapted, model
    check_generator(merged)
    found = _logits(load_generator(merged, precision).eval(), prompts)
    pairs = list(zip(expected, found, strict=True))
    same = torch.cat([a.argmax(-1) == b.argmax(-1) for a, b in pairs])
    return {
        "prompts": len(prompts),
        "positions": len(same),
        "largest_logit": max(float(a.abs().max()) for a, _ in pairs),
        "largest_logit_difference": max(float((a - b).abs().max()) for a, b in pairs),
        "share_same_next_token": float(same.float().mean()),
    }


@torch.inference_mode()
def _logits(model: torch.nn.Module, prompts: Sequence[Sequence[int]]) -> list[torch.Tensor]:
    """Gives a (tokens, vocabulary) matrix per prompt; one prompt at a time, so that no padding comes in."""
    return [model(input_ids=torch.tensor([list(prompt)])).logits[0].float() for prompt in prompts]
