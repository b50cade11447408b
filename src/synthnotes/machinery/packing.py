"""Packing: whether a model reads several texts in one sequence as if each stood alone.

The premise holds for LLaMA, whose masks follow from the positions that packing gives. Other architectures work out
positions and masks by themselves, and their texts see each other. So it is tried.
"""

import copy
from pathlib import Path
from typing import TYPE_CHECKING

from synthnotes.machinery.files import UserError
from synthnotes.machinery.model_folders import quiet, read_config

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel

TOKENS = 12  # of each of the texts that are packed
VOCABULARY = 64  # of the model that is made to try an architecture
ALIKE = {"float32": 1e-4}  # of the largest logit; kernels of other precisions round
ROUNDED = 0.02


def require_apart(model: "torch.nn.Module", where: Path) -> None:
    """Changes the first of two packed texts, and looks whether the second's logits stay, and are those of it alone.

    Args:
        model: a causal language model, with or without adapters, on any device.
        where: the model's folder, for the `UserError` if they do not, so that packed notes would be read as one.
    """
    import torch
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    parameter = next(model.parameters())
    collate = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)
    second = list(range(8, 8 + TOKENS))

    def logits(*texts: list[int]) -> torch.Tensor:
        joined = [token for text in texts for token in text]
        batch = collate([{"input_ids": joined, "labels": joined, "seq_lengths": [len(text) for text in texts]}])
        batch.pop("labels")
        moved = {k: v.to(parameter.device) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
        return model(**moved, use_cache=False).logits[0, -TOKENS:].float()

    training = model.training
    model.eval()
    with torch.no_grad():
        alone, one, other = (logits(*first, second) for first in ((), ([5] * TOKENS,), ([40, 7, 33] * 4,)))
    model.train(training)
    largest = float(alone.abs().max())
    within = ALIKE.get(str(parameter.dtype).removeprefix("torch."), ROUNDED) * largest
    moved_by, differs = float((one - other).abs().max()), float((one - alone).abs().max())
    if not (moved_by <= within and differs <= 5 * within):
        raise UserError(
            f"finetune.packing: true in params.yaml, but texts that {where} reads in one sequence see each other: the "
            f"logits of a second text move by {max(moved_by, differs):.2g} (the largest is {largest:.2g}) with the "
            "text before it. Set finetune.packing: false."
        )


def require_architecture(folder: Path) -> None:
    """Tries packing (`require_apart`) on a small model of the folder's architecture, one layer with random weights."""
    import torch

    config = copy.deepcopy(read_config(folder, "generator"))
    try:
        with torch.random.fork_rng(devices=[]), quiet():
            torch.manual_seed(0)
            model = _small(config)
    except Exception:  # an architecture that cannot be made smaller so simply; fine-tuning tries the whole one
        return
    require_apart(model, folder)


def _small(config: "PreTrainedConfig") -> "PreTrainedModel":
    from transformers import AutoModelForCausalLM

    text = config.get_text_config()
    text.num_hidden_layers, text.vocab_size = 1, VOCABULARY
    for name in ("pad_token_id", "bos_token_id", "eos_token_id"):
        setattr(text, name, 0)
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[:1]
    model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    for weight in model.parameters():  # far from the tiny ones of a start, so that attention matters
        if weight.ndim > 1:
            weight.data.mul_(5)
    return model
