"""Merging: LoRA adapters added into the base model's weights, so that sampling needs neither (paper, section 4.1)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from synthnotes.generation.generators import bare_generation, check_generator, load_generator
from synthnotes.machinery.files import UserError

# Positions, of those compared, at which merged and adapted model must expect the same next token. Rounding alone turns
# round but those where two tokens are about as likely: with float32 hardly one, with bfloat16's three digits a few in a
# hundred. A merge that lost something agrees at half of them, or says nothing at all.
LEAST_SAME = {"float32": 0.99, "bfloat16": 0.9}


def merge(
    base: Path,
    adapter: Path,
    merged: Path,
    tokenizer: PreTrainedTokenizerBase,
    precision: str,
    prompts: Sequence[Sequence[int]],
) -> dict[str, Any]:
    """Merges an adapter into its base model, saves the result with the tokenizer, and checks what was saved.

    The prompts, token ids, are those on which the saved model must predict what base and adapter predict. Gives, over
    all of their positions, the largest absolute difference between the two models' logits, the largest absolute logit
    to compare it with, and the share of positions at which both expect the same next token.

    Raises:
        UserError: the adapter holds what is no number, or the saved model does not predict the same.
    """
    adapted = PeftModel.from_pretrained(load_generator(base, precision), adapter).eval()
    expected = _logits(adapted, prompts)
    _require_numbers(expected, adapter, "base model and adapter")
    model = adapted.merge_and_unload(safe_merge=True)
    model.generation_config = bare_generation(tokenizer)  # the base model's may hold settings of its own
    model.save_pretrained(merged)
    tokenizer.save_pretrained(merged)
    del adapted, model
    check_generator(merged)
    given = _logits(load_generator(merged, precision).eval(), prompts)
    pairs = list(zip(expected, given, strict=True))
    _require_numbers(given, base, "the merged model")
    same = torch.cat([a.argmax(-1) == b.argmax(-1) for a, b in pairs])
    share = float(same.float().mean())
    if share < LEAST_SAME[precision]:
        raise UserError(
            f"merge: the merged model expects the same next token as base model and adapter at {share:.1%} of "
            f"{len(same)} positions, expected at least {LEAST_SAME[precision]:.0%} (merge.precision: {precision}); "
            f"nothing was saved. Weights were lost on the way: is {base} a whole model, with all of its layers and its "
            "head, and the one that the adapter was trained on? If it is, try merge.precision: float32."
        )
    return {
        "prompts": len(prompts),
        "positions": len(same),
        "largest_logit": max(float(a.abs().max()) for a, _ in pairs),
        "largest_logit_difference": max(float((a - b).abs().max()) for a, b in pairs),
        "share_same_next_token": share,
    }


def _require_numbers(logits: Sequence[torch.Tensor], folder: Path, which: str) -> None:
    if not all(bool(of_prompt.isfinite().all()) for of_prompt in logits):
        raise UserError(
            f"{folder}: {which} predict what is no number for prompts of S; nothing was saved. Weights that are no "
            "numbers come from a fine-tuning that diverged (lower finetune.learning_rate), or from a damaged file."
        )


@torch.inference_mode()
def _logits(model: torch.nn.Module, prompts: Sequence[Sequence[int]]) -> list[torch.Tensor]:
    """Gives a (tokens, vocabulary) matrix per prompt; one prompt at a time, so that no padding comes in."""
    return [model(input_ids=torch.tensor([list(prompt)])).logits[0].float() for prompt in prompts]
