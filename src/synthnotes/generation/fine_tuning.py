"""Fine-tuning: LoRA instruction tuning on the records of L with TRL and PEFT (paper, section 4.1; Hu et al. 2022).

An update reads the same texts and gives the same gradient, rounding aside, however many of its sequences a process
takes at once and however many processes share them: their order follows from the batch of the whole, and the loss is
the mean over the response tokens of the whole batch. So a killed run may go on with smaller steps than it began with.
"""

import json
import math
import re
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import torch
from safetensors.torch import load_file
from torch.nn import Linear
from torch.utils.data import Sampler
from transformers.trainer_callback import PrinterCallback, ProgressCallback, TrainerCallback
from transformers.trainer_pt_utils import get_length_grouped_indices

from synthnotes.generation.generators import ADAPTER_CONFIG, ADAPTER_WEIGHTS, load_generator
from synthnotes.generation.records import NO_LOSS, TrainingTexts
from synthnotes.machinery.files import UserError, read_json
from synthnotes.machinery.model_folders import skeleton
from synthnotes.machinery.packing import require_apart
from synthnotes.machinery.params import FinetuneParams
from synthnotes.machinery.progress import Bar
from synthnotes.machinery.resources import FinetuneMachine, steps_of

if TYPE_CHECKING:
    from datasets import Dataset
    from peft import LoraConfig
    from torch.utils.data import DataLoader
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


def training_arguments(settings: FinetuneParams, resources: FinetuneMachine, output: Path, gpu: bool) -> "SFTConfig":
    """Gives TRL the training's settings; checkpoints go to `output`, and without a GPU it runs on the CPU."""
    from trl import SFTConfig

    sequences, accumulated = steps_of(settings.batch, resources.micro_batch, resources.processes)
    return SFTConfig(
        output_dir=str(output),
        max_length=settings.max_length,
        packing=settings.packing,
        packing_strategy="bfd",  # best fit: no text is split, and attention stays within a text
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=sequences,
        gradient_accumulation_steps=accumulated,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.scheduler,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        optim="adamw_torch",
        bf16=settings.precision == "bfloat16",
        gradient_checkpointing=resources.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},  # the other kind loses the adapters' gradients in DDP
        ddp_find_unused_parameters=False,
        use_liger_kernel=gpu and find_spec("liger_kernel") is not None,
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        save_strategy="steps",
        save_steps=resources.checkpoint_steps,
        save_total_limit=2,  # the one before survives a kill in mid-checkpoint
        logging_steps=1,
        logging_nan_inf_filter=False,  # which would log a loss that is no number as zero
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


class SimilarLengths(Sampler[int]):
    """Shuffles texts so that those of one batch are of similar length, which leaves little padding.

    Unlike the trainer's own option it draws from the seed and the epoch alone, so that a resumed run sees the batches
    that the killed one would have seen. A batch is that of all processes; the last of an epoch may be filled up, with
    the number of the text after the last.
    """

    def __init__(self, lengths: list[int], batch: int, seed: int, fill: bool = False) -> None:
        self.lengths, self.batch, self.seed, self.epoch = lengths, batch, seed, 0
        self.filling = [len(lengths)] * (-len(lengths) % batch if fill else 0)

    def set_epoch(self, epoch: int) -> None:
        """Is called by the data loader before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths) + len(self.filling)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        return iter([*get_length_grouped_indices(self.lengths, self.batch, generator=generator), *self.filling])


class StopAtNoNumber(TrainerCallback):
    """Ends a training whose loss is no number any more: what follows would be hours for nothing."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Looks at the loss; raises a `UserError`."""
        if logs and not math.isfinite(float(logs.get("loss", 0))):
            raise UserError(
                f"finetune: in update {state.global_step} of {state.max_steps}, the loss became infinite or not a "
                "number. Lower finetune.learning_rate or raise finetune.warmup_steps; no adapter was saved."
            )


class QuietProgress(ProgressCallback):
    """A progress bar with the loss in it, instead of a line of numbers for every update."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Opens the bar."""
        if state.is_world_process_zero:
            self.training_bar = Bar(total=state.max_steps, desc="train", unit="update", dynamic_ncols=True)
        self.current_step = 0

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Shows the loss in the bar."""
        if state.is_world_process_zero and self.training_bar is not None and logs and "loss" in logs:
            self.training_bar.set_postfix(loss=f"{float(logs['loss']):.3f}")


class PackedApart(TrainerCallback):
    """Tries, before the first update, whether packed texts see each other: the model as it trains, wherever it lies."""

    def on_train_begin(self, args: Any, state: Any, control: Any, model: torch.nn.Module, **kwargs: Any) -> None:
        """Raises a `UserError` if they do."""
        require_apart(model, Path(model.config.name_or_path))


def build_trainer(
    model: torch.nn.Module, tokenizer: Any, texts: TrainingTexts, adapters: "LoraConfig", arguments: "SFTConfig"
) -> "SFTTrainer":
    """Puts model, texts and settings into TRL's trainer. The texts bring labels, so TRL masks nothing by itself."""
    from datasets import Dataset, concatenate_datasets
    from transformers import Trainer as HuggingFaceTrainer
    from trl import SFTTrainer

    class Trainer(SFTTrainer):
        def get_train_dataloader(self) -> "DataLoader":
            # Several processes must have as many texts each. Accelerate would repeat some; a blank one teaches nothing.
            read = self.train_dataset
            if self.args.world_size > 1:
                blank = {"input_ids": [[tokenizer.eos_token_id] * 2], "labels": [[NO_LOSS] * 2], "seq_lengths": [[2]]}
                columns = {name: blank[name] for name in read.column_names}
                read = concatenate_datasets([read, Dataset.from_dict(columns, features=read.features)])
            return self._get_dataloader(
                dataset=read,
                description="Training",
                batch_size=self._train_batch_size,
                sampler_fn=self._get_train_sampler,
                is_training=True,
            )

        def _get_train_sampler(self, train_dataset: "Dataset | None" = None) -> Sampler[int]:
            batch = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
            return SimilarLengths(lengths(self.train_dataset), batch, self.args.seed, fill=self.args.world_size > 1)

        def compute_loss(self, model: torch.nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            # TRL computes the head in tiles, twice, which saves a GPU's memory but costs a CPU a third of its speed.
            # The model's own loss is the same number.
            loss = HuggingFaceTrainer.compute_loss if self.args.use_cpu else SFTTrainer.compute_loss
            return loss(self, model, inputs, *args, **kwargs)

    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict({"input_ids": texts.input_ids, "labels": texts.labels}),
        processing_class=tokenizer,
        peft_config=adapters,
    )
    for callback in (ProgressCallback, PrinterCallback):
        trainer.remove_callback(callback)
    trainer.add_callback(QuietProgress)
    if arguments.packing:
        trainer.add_callback(PackedApart)
    trainer.add_callback(StopAtNoNumber)
    return trainer


def lengths(texts: "Dataset") -> list[int]:
    """Gives the number of tokens of each text, or of each sequence of packed texts."""
    return pc.list_value_length(texts.with_format("arrow")["input_ids"]).to_pylist()


def checkpoint_folder(work: Path, resources: FinetuneMachine) -> Path:
    """Gives the folder of the checkpoints that this way of training can go on from, whoever wrote them.

    How much is read at once is all the same to them, but FSDP and ZeRO-3 keep the optimiser's state in forms of their
    own, ZeRO-3 for its number of processes alone.
    """
    forms = {"fsdp": "fsdp", "zero3": f"zero3-{resources.processes}"}
    return work / forms.get(resources.accelerate or "", "whole")


def last_checkpoint(output: Path) -> str | None:
    """Finds the newest complete checkpoint: the trainer writes its state last, so a killed one lacks it."""
    complete = [state.parent for state in output.glob("checkpoint-*/trainer_state.json")]
    return str(max(complete, key=lambda folder: int(folder.name.rpartition("-")[2]))) if complete else None


def train(trainer: "SFTTrainer") -> list[tuple[int, float]]:
    """Trains, from the last checkpoint if the output folder holds one, and saves the adapter as `adapter` beside it.

    Returns:
        Of every update its number, from 1, and the mean loss per response token of its batch.

    Raises:
        UserError: the loss is no number any more, or a weight of the adapter, which the last update may have ruined.
    """
    output = Path(trainer.args.output_dir)
    trainer.train(resume_from_checkpoint=last_checkpoint(output))
    losses = [(log["step"], float(log["loss"])) for log in trainer.state.log_history if "loss" in log]
    saved = output / "saved"
    trainer.save_model(str(saved))
    if trainer.is_world_process_zero():
        require_finite(saved / ADAPTER_WEIGHTS)
        # What makes the adapter and is the same in every run: no pickled arguments, names in alphabetical order.
        adapter = output / "adapter"
        adapter.mkdir(exist_ok=True)
        shutil.copyfile(saved / ADAPTER_WEIGHTS, adapter / ADAPTER_WEIGHTS)
        config = read_json(saved / ADAPTER_CONFIG)
        if isinstance(config["target_modules"], list):
            config["target_modules"].sort()
        (adapter / ADAPTER_CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return losses


def summarise(texts: TrainingTexts, trainer: "SFTTrainer") -> dict[str, Any]:
    """Counts what a finished training has read.

    A sequence is what the model reads at once: a text, or with packing as many texts as fit into `max_length`, of which
    `share_of_sequences_filled` is used.

    Raises:
        RuntimeError: packing lost tokens.
    """
    sequences = lengths(trainer.train_dataset)
    if sum(sequences) != texts.tokens:
        raise RuntimeError(f"{texts.tokens} tokens went into packing, {sum(sequences)} came out.")
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
    }


def require_finite(weights: Path) -> None:
    """Raises a `UserError` if an adapter holds what is no number; it tells how many of its tensors do."""
    tensors = load_file(weights)
    ruined = [name for name, tensor in tensors.items() if not bool(tensor.isfinite().all())]
    if ruined:
        raise UserError(
            f"finetune: {len(ruined)} of the adapter's {len(tensors)} tensors hold what is no number after the last "
            f"update, the first is {min(ruined)}; no adapter was saved. Lower finetune.learning_rate or raise "
            "finetune.warmup_steps."
        )


def check_target_modules(base: Path, settings: FinetuneParams) -> None:
    """Puts the adapters on a model of the base's shape that has no weights, to see whether PEFT can.

    Raises:
        UserError: `target_modules` does not name linear maps of this model; each name of a list must name some.
    """
    from peft import LoraModel

    targets, model = settings.lora.target_modules, skeleton(base, "generator").model
    head, embeddings = model.get_output_embeddings(), model.get_input_embeddings()
    modules = dict(model.named_modules())
    linear = {name.rpartition(".")[2] for name, m in modules.items() if isinstance(m, Linear) and m is not head}
    listed = [] if isinstance(targets, str) else targets
    lost = [target for target in listed if not any(f".{name}".endswith(f".{target}") for name in modules)]
    try:
        adapted = LoraModel(model, lora_config(settings), "default").targeted_module_names
    except (ValueError, TypeError, re.error) as error:  # no note has been read, so what PEFT says can be shown
        wrong = str(error)
    else:
        wrong = f"the model has no module {', '.join(map(repr, lost))}" if lost else ""
        shared = [name for name in adapted if modules[name] in (head, embeddings)]
        if shared and model.config.tie_word_embeddings:
            wrong = f"{shared[0]} shares its weights with the model's other end, and merging would change both"
    if wrong or not targets:
        wrong = shorten(wrong, 200).rstrip(".") or "names no module"
        raise UserError(
            f"params.yaml: finetune.lora.target_modules: {wrong}. Expected all-linear, or a list of linear maps of "
            f"{base}: {', '.join(sorted(linear))}."
        )
