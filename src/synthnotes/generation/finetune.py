"""Fine-tuning: LoRA instruction tuning on the records of L with TRL and PEFT (paper, section 4.1; Hu et al. 2022)."""

import json
import math
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from synthnotes.generation.encoding import TrainingTexts
from synthnotes.generation.models import ADAPTER_CONFIG, ADAPTER_WEIGHTS, load_generator
from synthnotes.generation.trainer import lengths
from synthnotes.machinery.files import UserError
from synthnotes.machinery.sections import FinetuneParams

if TYPE_CHECKING:
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer


def lora_config(settings: FinetuneParams) -> "LoraConfig":
    """Gives PEFT the adapters' shape."""
    from peft import LoraConfig

    lora = settings.lora
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules,
        task_type="CAUSAL_LM",
    )


def training_arguments(settings: FinetuneParams, epochs: float, output: Path, gpu: bool) -> "SFTConfig":
    """Gives TRL the training's settings.

    Args:
        settings: the section `finetune`.
        epochs: the corpus's number of epochs.
        output: the folder of the checkpoints.
        gpu: whether there is one; without, training runs on the CPU.
    """
    from trl import SFTConfig

    bfloat16 = settings.precision == "bfloat16"
    return SFTConfig(
        output_dir=str(output),
        max_length=settings.max_length,
        packing=settings.packing,
        packing_strategy="bfd",  # best fit: no text is split, and attention stays within a text
        num_train_epochs=epochs,
        per_device_train_batch_size=settings.micro_batch,
        per_device_eval_batch_size=settings.micro_batch,
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.scheduler,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        optim="adamw_torch",
        bf16=bfloat16,
        gradient_checkpointing=settings.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},  # the other kind loses the adapters' gradients in DDP
        ddp_find_unused_parameters=False,
        use_liger_kernel=gpu and find_spec("liger_kernel") is not None,
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        save_strategy="steps",
        save_steps=settings.checkpoint_steps,
        save_total_limit=2,  # the one before survives a kill in mid-checkpoint
        logging_steps=settings.log_steps,
        eval_packing=False,
        report_to="none",
        disable_tqdm=False,
        seed=settings.seed,
        data_seed=settings.seed,
    )


def load_base(folder: Path, settings: FinetuneParams, gpu: bool) -> torch.nn.Module:
    """Loads the base model, with flash attention where it is installed: packed texts cost it nothing extra.

    Without, PyTorch's own attention keeps packed texts apart by a mask.
    """
    flash = gpu and settings.precision == "bfloat16" and find_spec("flash_attn") is not None
    return load_generator(folder, settings.precision, attn_implementation="flash_attention_2" if flash else "sdpa")


def last_checkpoint(output: Path) -> str | None:
    """Finds the newest complete checkpoint: the trainer writes its state last, so a killed one lacks it."""
    complete = [state.parent for state in output.glob("checkpoint-*/trainer_state.json")]
    return str(max(complete, key=lambda folder: int(folder.name.rpartition("-")[2]))) if complete else None


def train(trainer: "SFTTrainer") -> list[dict[str, float]]:
    """Trains, from the last checkpoint if the output folder holds one, and saves the adapter as `adapter` beside it.

    Returns:
        The loss curve: `step` and `loss`, the mean training loss per response token since the entry before.

    Raises:
        UserError: the loss is no number any more.
    """
    output = Path(trainer.args.output_dir)
    trainer.train(resume_from_checkpoint=last_checkpoint(output))
    curve = [{"step": log["step"], "loss": float(log["loss"])} for log in trainer.state.log_history if "loss" in log]
    if not all(math.isfinite(entry["loss"]) for entry in curve):
        raise UserError("finetune: the loss became infinite or not a number. Lower finetune.learning_rate.")
    saved = output / "saved"
    trainer.save_model(str(saved))
    if trainer.is_world_process_zero():
        _copy_adapter(saved, output / "adapter")
    return curve


def summarise(texts: TrainingTexts, curve: list[dict[str, float]], trainer: "SFTTrainer") -> dict[str, Any]:
    """Describes a finished training, with the loss on the validation texts (per response token, mean over batches).

    A sequence is what the model reads at once: a text, or with packing as many texts as fit into `max_length`, of which
    `share_of_sequences_filled` is used.

    Raises:
        RuntimeError: packing lost tokens.
    """
    sequences = lengths(trainer.train_dataset)
    if sum(sequences) != texts.tokens:
        raise RuntimeError(f"{texts.tokens} tokens went into packing, {sum(sequences)} came out.")
    validation = trainer.evaluate()["eval_loss"]
    filled = texts.tokens / (len(sequences) * trainer.args.max_length) if trainer.args.packing else None
    return {
        "records": len(texts.input_ids) + texts.dropped,
        "records_truncated": texts.truncated,
        "records_dropped": texts.dropped,
        "share_of_tokens_cut": round(texts.tokens_cut, 6),
        "tokens_per_epoch": texts.tokens,
        "response_tokens_per_epoch": texts.response_tokens,
        "sequences_per_epoch": len(sequences),
        "share_of_sequences_filled": filled if filled is None else round(filled, 4),
        "steps": trainer.state.global_step,
        "first_loss": round(curve[0]["loss"], 4),
        "last_loss": round(curve[-1]["loss"], 4),
        "mean_loss": round(sum(entry["loss"] for entry in curve) / len(curve), 4),
        "validation_loss": round(float(validation), 4),
    }


def _copy_adapter(saved: Path, adapter: Path) -> None:
    """Copies what makes the adapter and is the same in every run: no pickled arguments, names in alphabetical order."""
    adapter.mkdir(exist_ok=True)
    shutil.copyfile(saved / ADAPTER_WEIGHTS, adapter / ADAPTER_WEIGHTS)
    config = json.loads((saved / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()
    (adapter / ADAPTER_CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
