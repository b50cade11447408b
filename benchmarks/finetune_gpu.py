"""Fine-tuning on one GPU: LoRA on a randomly initialised LLaMA of 1.2 billion weights, by the project's own path.

Sequence length 4096 with packing, batch, rank and precision as in configs/paper.yaml, micro-batch and gradient
checkpointing as in configs/machine/two-gpus.yaml.
Prints tokens per second, peak memory and model FLOP utilisation: the operations that the model needs per token, without
those that gradient checkpointing repeats, over what the GPU's data sheet promises. LoRA needs 4 operations per frozen
weight and token, not the 6 of full training, since frozen weights get no gradient (see synthnotes.preflight.estimates).
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import machine
import numpy as np
import yaml

# The shape of LLaMA-3.2-1B.
SHAPE = {
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 64,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
}
STEPS, WARM_UP_STEPS, PROMPT_TOKENS = 24, 6, 300
# bfloat16 TFLOP/s without sparsity, by what stands in the device's name.
PROMISED = {"H100": 989, "H200": 989, "H800": 989, "A100": 312, "L40S": 362, "A6000": 155, "4090": 165}


def texts(count: int, longest: int, vocabulary: int) -> Any:
    """Random training texts, of lengths like those of discharge notes: most well below the sequence length."""
    from synthnotes.generation.records import NO_LOSS, TrainingTexts

    chance = np.random.default_rng(1)
    lengths = np.clip(chance.lognormal(7.4, 0.5, count), PROMPT_TOKENS + 50, longest).astype(int)
    ids = [chance.integers(10, vocabulary, length, dtype=np.int32) for length in lengths]
    labels = [np.where(np.arange(len(each)) < PROMPT_TOKENS, NO_LOSS, each).astype(np.int32) for each in ids]
    return TrainingTexts(ids, labels, 0, 0, 0.0)


def configured(file: str, configuration: str, kind: type) -> Any:
    """A parameter file with a configuration merged into it."""
    from synthnotes.machinery import configure, params

    values = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    configure.overlay(values, yaml.safe_load(Path(configuration).read_text(encoding="utf-8")))
    return params.validate(values, configuration, kind)


def main() -> int:
    """Trains some steps and prints what they took."""
    import torch

    if not torch.cuda.is_available():
        print("bench-finetune: no GPU here, nothing to measure.")
        return 1
    from tokenizers import Tokenizer, models
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, TrainerCallback

    from synthnotes.generation.fine_tuning import build_trainer, lengths, load_base, lora_config, training_arguments
    from synthnotes.generation.generators import silence_libraries
    from synthnotes.machinery.params import Params
    from synthnotes.machinery.resources import Machine
    from synthnotes.preflight.estimates import Architecture, training_flops

    class Clock(TrainerCallback):
        """The time of each step, once the GPU has finished it."""

        def __init__(self) -> None:
            self.times: list[float] = []

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            torch.cuda.synchronize()
            self.times.append(time.perf_counter())

    silence_libraries()
    settings = configured("params.yaml", "configs/paper.yaml", Params).finetune
    resources = configured("machine.yaml", "configs/machine/two-gpus.yaml", Machine).finetune
    resources = resources.model_copy(update={"processes": 1, "accelerate": None})
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1, "<unk>": 2}, unk_token="<unk>")),
        bos_token="<s>", eos_token="</s>", pad_token="</s>", unk_token="<unk>",
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        with torch.device("cuda"):
            LlamaForCausalLM(LlamaConfig(**SHAPE)).to(torch.bfloat16).save_pretrained(base)
        torch.cuda.empty_cache()
        arguments = training_arguments(settings, resources, Path(folder) / "run", gpu=True)
        arguments.max_steps, arguments.save_strategy, arguments.logging_steps = STEPS, "no", STEPS
        learned = texts(3 * STEPS * settings.batch, settings.max_length, SHAPE["vocab_size"])
        model = load_base(base, settings, gpu=True)
        trainer = build_trainer(model, tokenizer, learned, lora_config(settings), arguments)
        trainer.add_callback(clock := Clock())
        filled = np.mean(lengths(trainer.train_dataset)) / settings.max_length
        torch.cuda.reset_peak_memory_stats()
        trainer.train()
    seconds = (clock.times[-1] - clock.times[WARM_UP_STEPS - 1]) / (STEPS - WARM_UP_STEPS)
    tokens = settings.batch * settings.max_length * filled
    each = np.array([len(ids) for ids in learned.input_ids], dtype=float)
    attended = (each**2).sum() / each.sum()
    flops = training_flops(Architecture.of(LlamaConfig(**SHAPE), 0), settings.lora.r, attended)
    name = torch.cuda.get_device_name()
    promised = next((tflops for part, tflops in PROMISED.items() if part in name), None)
    achieved = tokens / seconds * flops / 1e12
    result = {
        "gpu": name,
        "torch": torch.__version__,
        "attention": trainer.model.config._attn_implementation,
        "liger_kernel": trainer.args.use_liger_kernel,
        "gradient_checkpointing": resources.gradient_checkpointing,
        "sequences_filled": round(float(filled), 4),
        "tokens_per_second": round(tokens / seconds),
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2),
        "achieved_tflops": round(achieved, 1),
        "model_flop_utilisation": round(achieved / promised, 4) if promised else None,
    }
    for key, value in result.items():
        print(f"{key:26}{value}")
    machine.save("finetune_gpu", result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
