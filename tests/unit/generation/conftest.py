"""A tiny, randomly initialised generator of its own vocabulary, and records to train it on."""

import random
from pathlib import Path

import pytest

import synthnotes  # noqa: F401  (sets the offline environment)
from synthnotes.generation.records import Record

WORDS = [
    *("patient", "admitted", "with", "acute", "chest", "pain", "fever", "stable"),
    *("discharged", "home", "cough", "pneumonia", "treated", "antibiotics"),
]


def make_generator(folder: Path, bos: bool = True) -> Path:
    """Saves a LLaMA of two layers with a byte-level BPE in Hugging Face's layout."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from synthnotes.generation.prompts import INSTRUCTION, TEMPLATE

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([*INSTRUCTION.values(), *TEMPLATE.values(), " ".join(WORDS)], trainer)
    if bos:
        bpe.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<s>", eos_token="</s>")
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def generator(tmp_path_factory) -> Path:
    return make_generator(tmp_path_factory.mktemp("models") / "generator")


@pytest.fixture(scope="session")
def records() -> list[Record]:
    chance = random.Random(7)
    return [
        Record(
            id=f"n{number}",
            instruction="",
            input=[f"Disease {chance.choice(WORDS)}" for _ in range(chance.randint(0, 3))],
            output=" ".join(chance.choices(WORDS, k=chance.randint(3, 25))),
        )
        for number in range(24)
    ]
