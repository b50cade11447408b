"""Generators: a causal language model in a folder, checked before it is loaded."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthnotes.machinery import tokenizer_checks
from synthnotes.machinery.files import UserError
from synthnotes.machinery.model_folders import require_positions, sizes_of, skeleton

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

ADAPTER_WEIGHTS, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"


def check_generator(
    folder: Path, needed_length: int | None = None, parameter: str = "finetune.max_length"
) -> dict[str, Any]:
    """Checks that a folder holds a whole causal language model in Hugging Face's layout, and no weight is made up.

    It must be able to read `needed_length` tokens at once, if any are given, for which `parameter` of params.yaml asks.
    Gives the model's sizes (`model_folders.sizes_of`).

    Raises:
        UserError: as `model_folders.skeleton` says, there is no tokenizer, or the model reads less than `needed_length`
            tokens.
    """
    found = skeleton(folder, "generator")
    tokenizer_checks.require_files(folder)
    if needed_length:
        require_positions(found.model, needed_length, parameter, folder)
    return sizes_of(found.model.config)


def check_adapter(folder: Path) -> None:
    """Checks that a folder holds a LoRA adapter as safetensors; PEFT would fall back to a pickled one.

    Raises:
        UserError: the folder, its configuration or its weights are missing.
    """
    for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name}: missing. Delete the folder and run `dvc repro`, which makes it.")


def load_generator(folder: Path, precision: str, **options: Any) -> "PreTrainedModel":
    """Loads a generator's weights: from safetensors alone, and never with code of the folder's own.

    Its generation_config.json is not read: params.yaml decides how it samples. What the folder holds has been checked
    before (`check_generator`, `load_tokenizer`).

    Raises:
        UserError: transformers cannot make the model from the folder.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, GenerationConfig

    try:
        return AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(torch, precision),
            use_safetensors=True,
            trust_remote_code=False,
            generation_config=GenerationConfig(),
            **options,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"{folder}: transformers cannot load the model ({type(error).__name__}). Expected whole *.safetensors of a "
            "model that needs no code of its own. Copy the folder again."
        ) from error


def load_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """Loads a generator's tokenizer; where it has no padding token, the end token pads (labels never hold padding).

    Raises:
        UserError: the model is not whole, the tokenizer cannot be read, loses text, has no end token, or gives ids that
            the model does not know.
    """
    tokenizer = tokenizer_checks.load(folder, "generator", skeleton(folder, "generator").rows)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def bare_generation(tokenizer: "PreTrainedTokenizerBase") -> "GenerationConfig":
    """Settings of generation that hold nothing but the start, the end and padding: params.yaml decides the others."""
    from transformers import GenerationConfig

    return GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )


def decode(tokenizer: "PreTrainedTokenizerBase", tokens: Sequence[int]) -> str:
    """Gives a sample's text as the tokens spell it, whatever tokenizer_config.json says of spaces before full stops."""
    return tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False).strip()


def silence_libraries() -> None:
    """Has transformers, datasets, PEFT and TRL report errors only: their warnings may quote notes.

    Their progress bars for small steps go too; our own stay.
    """
    import logging
    import warnings

    import datasets
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    for library in ("accelerate", "peft", "trl"):
        logging.getLogger(library).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
