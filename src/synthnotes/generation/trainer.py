"""TRL's trainer, with batches that a resumed run sees again and without lines that could quote notes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import torch
from torch.utils.data import Sampler
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.trainer_pt_utils import get_length_grouped_indices

from synthnotes.generation.encoding import TrainingTexts

if TYPE_CHECKING:
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer


class SimilarLengths(Sampler[int]):
    """Shuffles texts so that those of one batch are of similar length, which leaves little padding.

    Unlike the trainer's own option it draws from the seed and the epoch alone, so that a resumed run sees the batches
    that the killed one would have seen.
    """

    def __init__(self, lengths: list[int], batch: int, seed: int) -> None:
        self.lengths, self.batch, self.seed, self.epoch = lengths, batch, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Is called by the data loader before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        return iter(get_length_grouped_indices(self.lengths, self.batch, generator=generator))


class QuietProgress(ProgressCallback):
    """The trainer's progress bar with the loss in it, instead of a line of numbers for every log entry."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Shows the loss in the bar."""
        if state.is_world_process_zero and self.training_bar is not None and logs and "loss" in logs:
            self.training_bar.set_postfix(loss=f"{float(logs['loss']):.3f}")


def build_trainer(
    model: torch.nn.Module,
    tokenizer: Any,
    training: TrainingTexts,
    validation: TrainingTexts,
    adapters: "LoraConfig",
    arguments: "SFTConfig",
) -> "SFTTrainer":
    """Puts model, texts and settings into TRL's trainer. The texts bring labels, so TRL masks nothing by itself."""
    from transformers import Trainer as HuggingFaceTrainer
    from trl import SFTTrainer

    class Trainer(SFTTrainer):
        def _get_train_sampler(self, train_dataset: "Dataset | None" = None) -> Sampler[int]:
            texts = self.train_dataset if train_dataset is None else train_dataset
            # Of all processes: the texts of a step are the same however many share them out.
            batch = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
            return SimilarLengths(lengths(texts), batch, self.args.seed)

        def compute_loss(self, model: torch.nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            # TRL computes the head in tiles, twice, which saves a GPU's memory but costs a CPU a third of its speed.
            # The model's own loss is the same number.
            loss = HuggingFaceTrainer.compute_loss if self.args.use_cpu else SFTTrainer.compute_loss
            return loss(self, model, inputs, *args, **kwargs)

    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=_dataset(training),
        eval_dataset=_dataset(validation),
        processing_class=tokenizer,
        peft_config=adapters,
    )
    for callback in (ProgressCallback, PrinterCallback):
        trainer.remove_callback(callback)
    trainer.add_callback(QuietProgress)
    return trainer


def lengths(texts: "Dataset") -> list[int]:
    """Gives the number of tokens of each text, or of each sequence of packed texts."""
    return pc.list_value_length(texts.with_format("arrow")["input_ids"]).to_pylist()


def _dataset(texts: TrainingTexts) -> "Dataset":
    from datasets import Dataset

    return Dataset.from_dict({"input_ids": texts.input_ids, "labels": texts.labels})
