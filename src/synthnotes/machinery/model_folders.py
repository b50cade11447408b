"""Model folders: what Hugging Face's layout must hold, told from headers and names, before any weight is read.

Transformers goes on where a folder lacks something: it makes up weights, invents a tokenizer, attaches an adapter that
lies there. So the folder of every model, generator, encoder or merged, comes through here first: when a stage loads it,
and in `make check`.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from synthnotes.machinery import kinds
from synthnotes.machinery.files import UserError, is_dropping

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel

Role = Literal["generator", "encoder"]

CONFIG = "config.json"
SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"  # or an index of several, each
CAUSAL = ("ForCausalLM", "LMHeadModel")
PICKLES = (".bin", ".pt", ".pth", ".ckpt")
ADAPTER = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")
QUANTISED = ("quantization_config", "compression_config")  # keys of config.json
KERNELS = ("attn_implementation", "_attn_implementation")  # keys of config.json that name one
EVERYWHERE = (None, "eager", "sdpa")  # kernels that need no package or GPU of their own
FEW_BITS = re.compile(r"[IU][48]\b|F[468](_|\b)")  # safetensors' names of types that weights are quantised to
LAYER = re.compile(r"(.*?\.)(\d+)\.")  # of a weight's name: the list of layers, and which of them
# What LLaMA calls a size, and what others do where their configuration does not translate it.
SIZES = {
    "hidden_size": ("n_embd", "d_model", "dim"),
    "num_hidden_layers": ("n_layer", "n_layers", "num_layers"),
    "num_attention_heads": ("n_head", "n_heads", "num_heads"),
    "vocab_size": (),
    "num_key_value_heads": ("num_kv_heads",),
    "head_dim": (),
    "intermediate_size": ("n_inner", "ffn_dim", "ffn_hidden_size", "inner_dim"),
    "max_position_embeddings": ("n_positions", "max_seq_len", "n_ctx", "seq_length"),
}
NEEDED = tuple(SIZES)[:4]
MOST_LAYERS = 1000  # a damaged number would take hours to build


@dataclass(frozen=True)
class Skeleton:
    """A model on the meta device, whose weights have shapes only; `parameters` counts the values in the files."""

    folder: Path
    model: "PreTrainedModel"
    parameters: int

    @property
    def rows(self) -> int:
        """Token ids that have an embedding: 0 to below this."""
        return self.model.get_input_embeddings().weight.shape[0]


def skeleton(folder: Path, role: Role) -> Skeleton:
    """Checks a model's folder but for its tokenizer, and gives the model without its values.

    Args:
        folder: in Hugging Face's layout.
        role: a generator needs safetensors, since pickled weights can run code when they are loaded; encoders are
            published as PyTorch's .bin files, too, which are read as bare tensors.

    Raises:
        UserError: what the folder holds is no model of that role, or not all of it.
    """
    import torch
    from transformers import AutoModel, AutoModelForCausalLM

    config = read_config(folder, role)
    files = weight_files(folder, role)
    headers = {name: weight for file in files for name, weight in _header(file)}
    kind = AutoModelForCausalLM if role == "generator" else AutoModel
    try:
        with quiet(), torch.device("meta"):
            empty = kind.from_config(config, trust_remote_code=False)
        expected = list(empty.state_dict())
        with quiet():
            # Transformers itself says what is missing: it knows which weights are tied, renamed or joined.
            model, found = type(empty).from_pretrained(
                None,
                config=config,
                state_dict=dict(headers),
                device_map="meta",
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                trust_remote_code=False,
            )
    except Exception as error:  # sizes that contradict each other raise whatever they happen to mean
        raise UserError(
            f"{folder / CONFIG}: transformers cannot make the model that it describes ({type(error).__name__}). "
            "Copy the model's folder again."
        ) from error
    _require_all(folder, found, expected)
    return Skeleton(folder, model, sum(weight.numel() for weight in headers.values()))


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps transformers from telling what it misses, which is told here, and from showing its progress."""
    from transformers import logging

    before, shown = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if shown:
            logging.enable_progress_bar()


def read_config(folder: Path, role: Role) -> "PreTrainedConfig":
    """Reads config.json, and refuses what would make transformers do something else than load a plain model."""
    from transformers import AutoConfig

    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder. Put the {role}'s whole folder there (Hugging Face layout).")
    _refuse_adapter(folder)
    path = folder / CONFIG
    if not path.is_file():
        # An unpacked archive has a folder within, and so has the hub's cache.
        within = min(folder.rglob(CONFIG), key=lambda found: (len(found.parts), found), default=None)
        names = sorted(found.name for found in folder.iterdir() if not is_dropping(Path(found.name)))
        raise UserError(
            f"{path}: missing, but {within} is there. Move what lies beside it up into {folder}."
            if within
            else f"{path}: missing (found: {', '.join(names[:5]) or 'nothing'}). Copy the {role}'s whole folder, as "
            "save_pretrained writes it (Hugging Face layout)."
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        architectures = [str(name) for name in values.get("architectures") or []]
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        line = f" (line {error.lineno}: {error.msg})" if isinstance(error, json.JSONDecodeError) else ""
        raise UserError(
            instead(path, "a model's configuration")
            or f"{path}: not valid for a model{line}. Copy it again, or save it as UTF-8 that is valid JSON."
        ) from None
    for key in QUANTISED:
        if values.get(key) is not None:
            raise UserError(
                f"{path}: {key} says that the weights are quantised, which can be neither trained nor merged here. "
                "Take the model's plain weights (float32, bfloat16 or float16); if these are plain, remove the key."
            )
    asked = [key for key in KERNELS if values.get(key) not in EVERYWHERE]
    if asked or values.get("return_dict") is False:
        key = asked[0] if asked else "return_dict"
        raise UserError(f"{path}: {key} is set to what cannot be used here: transformers chooses it. Remove the key.")
    _require_role(folder, role, architectures, values)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        sizes_of(config)
    except UserError:
        raise
    except Exception as error:  # values of the wrong type raise whatever they happen to mean
        named = str(values.get("model_type"))[:40]
        raise UserError(
            f"{path}: describes no model that transformers knows (model_type: {named}; {type(error).__name__}). "
            "Expected one that needs no code of its own. Copy the folder again; in files of before 2020 the key "
            'is missing: add it, as in "model_type": "bert".'
        ) from error
    return config


def _require_role(folder: Path, role: Role, architectures: list[str], values: dict[str, Any]) -> None:
    from transformers.models.auto import modeling_auto as known

    found, kind = ", ".join(architectures) or "none", str(values.get("model_type"))
    masked = kind in known.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    # Without its head, a LLaMA is called LlamaModel; and BERT reads both ways unless is_decoder says otherwise.
    causal = any(name.endswith(CAUSAL) for name in architectures)
    if role == "generator" and (not causal or values.get("is_encoder_decoder")):
        raise UserError(f"{folder}: not a causal language model (architecture: {found}). Expected one like LLaMA.")
    if role == "generator" and masked and not values.get("is_decoder"):
        raise UserError(
            f"{folder}: not a causal language model (architecture: {found}; is_decoder is not true): each token is "
            "read with those after it. Expected one like LLaMA."
        )
    causal = causal or (kind in known.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not masked)
    if role == "encoder" and (causal or values.get("is_decoder") or values.get("is_encoder_decoder")):
        raise UserError(
            f"{folder}: not an encoder (architecture: {found}; is_decoder: {values.get('is_decoder', False)}): no "
            "token is read with those after it. Expected one like RoBERTa or BERT."
        )


def _refuse_adapter(folder: Path) -> None:
    if found := next((name for name in ADAPTER if (folder / name).is_file()), None):
        raise UserError(
            f"{folder / found}: an adapter lies in the model's folder, and transformers would attach it by itself. "
            "Merge it into the weights first (PEFT's merge_and_unload, then save_pretrained into a new folder); or "
            "move the adapter_* files away, to use the model without it."
        )


def sizes_of(config: "PreTrainedConfig") -> dict[str, Any]:
    """Gives a model's sizes under LLaMA's names, whatever its own configuration calls them.

    `max_position_embeddings` is None where nothing bounds what the model reads.
    """
    text = config.get_text_config()
    values: dict[str, Any] = {
        name: next((size for key in (name, *others) if (size := getattr(text, key, None)) is not None), None)
        for name, others in SIZES.items()
    }
    for name, size in values.items():
        if (size is None and name in NEEDED) or not isinstance(size, int | None) or size is False or (size or 1) < 1:
            others = " or ".join((name, *SIZES[name]))
            raise UserError(f"{CONFIG} of the {config.model_type}: {others} must be a positive whole number.")
    if values["num_hidden_layers"] > MOST_LAYERS:
        raise UserError(
            f"{CONFIG} of the {config.model_type}: {values['num_hidden_layers']} layers, more than any has."
        )
    heads = values["num_attention_heads"]
    one = getattr(text, "multi_query", False) and not getattr(text, "new_decoder_architecture", False)
    values["num_key_value_heads"] = 1 if one else values["num_key_value_heads"] or heads
    values["head_dim"] = values["head_dim"] or values["hidden_size"] // heads
    values["intermediate_size"] = values["intermediate_size"] or 4 * values["hidden_size"]
    return values | {"tie_word_embeddings": bool(getattr(config, "tie_word_embeddings", False))}


def positions(model: "PreTrainedModel") -> int | None:
    """Tokens that a model can read at once; None where nothing bounds them. RoBERTa's first positions are padding's."""
    table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    if table is not None and hasattr(table, "num_embeddings"):
        return table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
    return sizes_of(model.config)["max_position_embeddings"]


def require_positions(model: "PreTrainedModel", needed: int, parameter: str, folder: Path) -> None:
    """Raises a `UserError` if a parameter asks the model to read more tokens at once than it has positions for."""
    longest = positions(model)
    if longest is not None and needed > longest:
        raise UserError(
            f"{parameter}: {needed} in params.yaml, but the model {folder} has {longest} positions. Set it to "
            f"{longest} or less."
        )


def weight_files(folder: Path, role: Role) -> list[Path]:
    """Gives the files of weights that transformers would read, in its order."""
    for single in (SAFE,) if role == "generator" else (SAFE, PICKLED):
        if (folder / single).is_file():
            return [folder / single]
        index = folder / f"{single}.index.json"
        if index.is_file():
            return _of_index(index)
    names = sorted(path.name for path in folder.iterdir() if not is_dropping(Path(path.name)))
    if stray := [name for name in names if name.endswith(".safetensors")]:
        raise UserError(
            f"{folder}: {stray[0]} is there, but neither {SAFE} nor {SAFE}.index.json, which says what the files "
            "hold. Copy the model's whole folder."
        )
    pickled = any(name.endswith(PICKLES) for name in names)
    other = next((name for name in names if name.endswith((".gguf", ".h5", ".msgpack", ".onnx"))), "")
    reason = "only pickled weights, which can run code when loaded" if pickled and role == "generator" else "no weights"
    raise UserError(f"{folder}: {reason}{f' but {other}' * bool(other)}. Put the model's *.safetensors files there.")


def _of_index(index: Path) -> list[Path]:
    """Large models come in several files, which an index names: a download that broke off lacks some of them."""
    try:
        needed = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        missing = [name for name in needed if not (index.parent / name).is_file()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        other = instead(index, "an index of weights")
        raise UserError(other or f"{index}: not a valid index of weights. Copy the model's folder again.") from None
    if missing or not needed:
        raise UserError(
            f"{index.parent}: {len(missing)} of {len(needed)} files of weights are missing, the first is "
            f"{(missing or ['that of any weight'])[0]}. Copy them again."
        )
    return [index.parent / name for name in needed]


def instead(path: Path, expected: str, binary: bool = False) -> str | None:
    """Says what lies in the place of a model's file, and what to do; None where that can be the file.

    Args:
        path: the file.
        expected: what it should be, with an article.
        binary: whether it cannot be text.
    """
    with path.open("rb") as file:
        kind = kinds.kind_of(file.read(kinds.START))
    if (kind == kinds.ZIP and path.suffix == ".bin") or not (kind in kinds.REMEDIES or (binary and kind == kinds.TEXT)):
        return None
    remedy = kinds.REMEDIES.get(kind, "Copy it again from its source.")
    return f"{path}: it is {kind}, where {expected} is expected. {remedy}"


def _header(path: Path) -> Iterator[tuple[str, "torch.Tensor"]]:
    """Yields the name of each weight of a file, and a tensor of its shape on the meta device."""
    import torch
    from safetensors import safe_open

    try:
        if path.suffix != ".safetensors":
            found = torch.load(path, map_location="meta", weights_only=True)
            yield from ((str(name), tensor) for name, tensor in found.items() if isinstance(tensor, torch.Tensor))
            return
        with safe_open(path, framework="pt") as file:
            shapes = [(name, file.get_slice(name)) for name in file.keys()]  # noqa: SIM118  (it is no dict)
            types = {name: piece.get_dtype() for name, piece in shapes}
            weights = [(name, torch.empty(piece.get_shape(), device="meta")) for name, piece in shapes]
            matrices = [name for name, weight in weights if weight.ndim > 1 and name.endswith("weight")]
            quantised = next((name for name in matrices if FEW_BITS.match(types[name])), None)
            looked_at = [] if quantised else matrices
            empty = next((name for name, piece in shapes if name in looked_at and _void(piece)), None)
    except Exception as error:  # damaged bytes raise whatever they happen to mean
        other = instead(path, "a file of weights", binary=True)
        raise UserError(
            other or f"{path}: damaged or cut off ({type(error).__name__}): no whole file of weights. Copy it again."
        ) from error
    if quantised:
        raise UserError(
            f"{path}: {quantised} is of type {types[quantised]}: the weights are quantised, which can be neither "
            "trained nor merged here. Take the model's plain weights (float32, bfloat16 or float16)."
        )
    if empty:
        raise UserError(
            f"{path}: {empty} holds nothing but zeros, or what is no number. A download broke off in a file that "
            "had its whole size from the start, or a training diverged. Copy it again from its source."
        )
    yield from weights


def _void(piece: Any) -> bool:
    """Whether a matrix of a file, by its middle and its last row, holds no values. RoBERTa's only type may be zeros."""
    rows = piece.get_shape()[0]
    some = [piece[row : row + 1] for row in (rows // 2, rows - 1)] if rows > 2 else []
    return bool(some) and (not any(row.any() for row in some) or not all(row.isfinite().all() for row in some))


def _require_all(folder: Path, found: dict[str, Any], expected: list[str]) -> None:
    """Every weight comes from the files, but the pooler, which the coder has no use for; and every layer is read."""
    shapes = [key for key, *_ in found["mismatched_keys"] if not key.startswith("pooler.")]
    if shapes:
        raise UserError(
            f"{folder}: {len(shapes)} of the weights have another shape than {CONFIG} says, the first is "
            f"{min(shapes)}. They are not of one model: copy both from the same source."
        )
    missing = sorted(key for key in found["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise UserError(
            f"{folder}: {len(missing)} of the model's weights are not in its files, the first is {missing[0]}; they "
            "would be random. Use a complete model, saved with save_pretrained."
        )
    layers: dict[str, set[str]] = {}
    for numbered in filter(None, map(LAYER.match, expected)):
        layers.setdefault(numbered[1], set()).add(numbered[2])
    for key in sorted(found["unexpected_keys"]):
        match = LAYER.match(key)
        if not match:
            continue
        known = next((ids for name, ids in layers.items() if match[1].endswith(name)), None)
        if known and match[2] not in known:
            raise UserError(
                f"{folder}: the files hold {key}, but {CONFIG} describes {len(known)} layers, so that the others would "
                "not be read. They are not of one model: copy both from the same source."
            )
