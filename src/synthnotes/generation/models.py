"""Generator folders: what a causal language model must bring, checked before anything is loaded."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthnotes.machinery.files import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

CAUSAL = ("ForCausalLM", "LMHeadModel")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
ADAPTER_WEIGHTS, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def check_generator(folder: Path, needed_length: int | None = None) -> dict[str, Any]:
    """Checks that a folder holds a causal language model in Hugging Face's layout.

    Args:
        folder: the model's folder.
        needed_length: tokens that the model must be able to read at once; not checked if None.

    Returns:
        The model's configuration.

    Raises:
        UserError: the folder is missing, holds no causal language model, lacks weights as safetensors (pickled weights
            can run code when they are loaded) or a tokenizer, or reads less than `needed_length` tokens.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder. Put a causal language model there (Hugging Face layout).")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        architectures = [str(name) for name in config.get("architectures") or []]
        longest, vocabulary = config.get("max_position_embeddings"), config.get("vocab_size")
        if not all(number is None or isinstance(number, int) for number in (longest, vocabulary)):
            raise TypeError
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        raise UserError(
            f"{folder}/config.json: missing or not valid for a model. Copy the model's folder again."
        ) from None
    if not any(name.endswith(CAUSAL) for name in architectures):
        found = ", ".join(architectures) or "none"
        raise UserError(f"{folder}: not a causal language model (architecture: {found}). Expected one like LLaMA.")
    if not any(folder.glob("*.safetensors")):
        pickled = any(next(folder.glob(pattern), None) for pattern in PICKLES)
        reason = "only pickled weights, which can run code when loaded" if pickled else "no weights"
        raise UserError(f"{folder}: {reason}. Put the model's *.safetensors files there.")
    _require_all_shards(folder)
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise UserError(f"{folder}: no tokenizer (one of {', '.join(TOKENIZERS)}). Save it into the same folder.")
    if needed_length and longest and needed_length > longest:
        raise UserError(f"{folder}: the model reads {longest} tokens, params.yaml asks for {needed_length}. Lower it.")
    return config


def check_adapter(folder: Path) -> None:
    """Checks that a folder holds a LoRA adapter as safetensors; PEFT would fall back to a pickled one.

    Raises:
        UserError: the folder, its configuration or its weights are missing.
    """
    for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name}: missing. Delete the folder and run `dvc repro`, which makes it.")


def _require_all_shards(folder: Path) -> None:
    """Large models come in several files, which an index names: a download that broke off lacks some of them."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    try:
        needed = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        missing = [name for name in needed if not (folder / name).is_file()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(f"{index}: not a valid index of weights. Copy the model's folder again.") from None
    if missing:
        raise UserError(
            f"{folder}: {len(missing)} of {len(needed)} files of weights are missing, the first is "
            f"{missing[0]}. Copy them again."
        )


def load_generator(folder: Path, precision: str, **options: Any) -> "PreTrainedModel":
    """Loads a generator's weights: from safetensors alone, and never with code of the folder's own.

    Args:
        folder: the model's folder.
        precision: `float32` or `bfloat16`.
        options: further ones of `from_pretrained`.

    Raises:
        UserError: transformers cannot make the model from the folder.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, precision), use_safetensors=True, trust_remote_code=False, **options
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"{folder}: transformers cannot load the model ({type(error).__name__}). Expected whole *.safetensors of a "
            "model that needs no code of its own. Copy the folder again."
        ) from error


def load_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """Loads a generator's tokenizer; where it has no padding token, the end token pads (labels never hold padding).

    Raises:
        UserError: the tokenizer cannot be read, has no end token, or knows more tokens than the model.
    """
    from transformers import AutoTokenizer

    config = check_generator(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: the tokenizer cannot be loaded ({type(error).__name__}). Save it again.") from error
    if tokenizer.eos_token_id is None:
        raise UserError(f"{folder}: the tokenizer has no end token (eos_token), so that no note could ever end.")
    if len(tokenizer) > (config.get("vocab_size") or len(tokenizer)):
        raise UserError(f"{folder}: the tokenizer has {len(tokenizer)} tokens, the model only {config['vocab_size']}.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer
