"""The demo's tiny base models: what LLaMA-3.1-8B and RoBERTa-PM are to the paper, made in minutes on one core.

Each language gets two folders in Hugging Face's layout, which the pipeline loads as it would load the large ones:

    generator/  a causal model of LLaMA's architecture, some two million parameters; its tokenizer opens a text with <s>
    encoder/    a masked-language model of RoBERTa's architecture, under a million parameters; <s> … </s>

Both learn the language of notes from cases of *other* patients than the corpus has, and neither ever sees an
instruction prompt; the generator also reads what titles mean, as a large model has from textbooks. Both share one
vocabulary, a byte-level BPE trained on the same notes and on the words of prompts and code titles, so that prompts are
short.

Tiny models have minutes where large ones have months, so the order of what they see matters. The generator first learns
what a title means from glossary entries, then from problem lists, then from whole notes. The encoder first predicts the
next token, which every position teaches, then restores masked tokens; the latter alone would not leave the frequencies
of tokens behind in the time. A fixed number of steps, not a time, ends the training, so that the seed alone determines
the weights.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pad_sequence
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm, trange
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)

from synthnotes.demo.clinic import PretrainingCase, prompts_of
from synthnotes.demo.scale import Network, Scale

START, PADDING, END, UNKNOWN, MASK = SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")  # RoBERTa's, by id
GENERATOR_POSITIONS = 1024  # tokens of prompt and note together
ENCODER_POSITIONS = 512  # tokens of a chunk
TITLE_FORMS = (("", ", ", ".\n\n"), ("", "; ", "\n"), ("- ", "\n- ", "\n\n"), ("", " / ", "\n\n"))
GENERATOR_TOKENS = 1000  # per step, about
POOL = 512  # texts from which batches of similar length are filled
ENCODER_LENGTH = 64  # tokens per sequence; the coder's chunks are as long
ENCODER_RATE, GENERATOR_RATE = 2e-3, 3e-3  # the highest of the schedule
CAUSAL_SHARE = 0.5  # of the encoder's steps
MASKED_SHARE = 0.2
IGNORED = -100  # the label that cross-entropy leaves out
WEIGHT_DECAY = 0.01
WARMUP_SHARE = 0.1
CLIPPED_NORM = 1.0
BETAS = (0.9, 0.98)


def write_models(
    folder: Path, corpus: str, cases: Sequence[PretrainingCase], scale: Scale, seed: int, line: int = 0
) -> None:
    """Trains the base models of a language and writes them to `generator/` and `encoder/` below a folder.

    Runs on one thread, so that the weights do not depend on the number of cores. The random state and the number of
    threads of the process are changed. The progress bars stand in the `line` counted from where the cursor stands.
    """
    torch.set_num_threads(1)
    notes = [case.note for case in cases]
    vocabulary = train_vocabulary([*notes, *prompts_of(corpus)], scale.vocabulary)  # no model is trained on prompts

    torch.manual_seed(seed)
    tokenizer = build_generator_tokenizer(vocabulary)
    texts = [
        (until, [[*ids, tokenizer.eos_token_id] for ids in tokenizer(lesson)["input_ids"]])
        for until, lesson in write_lessons(cases, random.Random(seed))
    ]
    generator = build_generator(scale.generator, tokenizer)
    train_generator(generator, texts, _steps(scale.generator, f"{corpus} generator", line))
    generator.save_pretrained(folder / "generator")
    tokenizer.save_pretrained(folder / "generator")

    torch.manual_seed(seed)
    tokenizer = build_encoder_tokenizer(vocabulary)
    tokens = torch.tensor([*chain.from_iterable(tokenizer(notes)["input_ids"])])
    encoder = build_encoder(scale.encoder, tokenizer)
    runs = batch_runs(tokens, ENCODER_LENGTH, scale.encoder_batch)
    train_encoder(encoder, runs, tokenizer.mask_token_id, _steps(scale.encoder, f"{corpus} encoder", line))
    encoder.save_pretrained(folder / "encoder")
    tokenizer.save_pretrained(folder / "encoder")


def _steps(network: Network, name: str, line: int) -> "tqdm[int]":
    """The steps of a training, with their progress bar."""
    return trange(network.steps, desc=name, unit="step", position=line, disable=None)


def write_lessons(cases: Sequence[PretrainingCase], rng: random.Random) -> list[tuple[float, list[str]]]:
    """The generator's lessons, each with the share of the training at which it ends.

    First glossary entries (a title and what a note says of it), then problem lists (the same of a whole case), then
    case reports (the titles and the note), the titles in one of several plain forms.
    """

    def titled(titles: Sequence[str], text: str) -> str:
        opening, separator, closing = rng.choice(TITLE_FORMS)
        return f"{opening}{separator.join(titles)}{closing}{text}"

    glossary = [titled([t], problem) for case in cases for t, problem in zip(case.titles, case.problems, strict=True)]
    lists = [titled(case.titles, " ".join(case.problems)) for case in cases]
    reports = [titled(case.titles, case.note) for case in cases]
    return [(0.2, glossary), (0.4, lists), (1.0, reports)]


def train_vocabulary(texts: Sequence[str], size: int) -> Tokenizer:
    """Trains a byte-level BPE (Sennrich et al. 2016, as in GPT-2), from which every text comes back as it was."""
    vocabulary = Tokenizer(models.BPE())
    vocabulary.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    vocabulary.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    vocabulary.train_from_iterator(texts, trainer)
    return vocabulary


def build_generator_tokenizer(vocabulary: Tokenizer) -> PreTrainedTokenizerFast:
    """A tokenizer in the manner of LLaMA: a text opens with the start token, and whoever wants an end adds it."""
    opening = processors.TemplateProcessing(
        single=f"{START} $A",
        pair=f"{START} $A {START} $B",
        special_tokens=[(START, vocabulary.token_to_id(START))],
    )
    return _tokenizer(vocabulary, opening, GENERATOR_POSITIONS, bos_token=START, eos_token=END, pad_token=PADDING)


def build_encoder_tokenizer(vocabulary: Tokenizer) -> PreTrainedTokenizerFast:
    """A tokenizer in the manner of RoBERTa: a text stands between start and end token."""
    ids = vocabulary.get_vocab()
    ends = processors.RobertaProcessing((END, ids[END]), (START, ids[START]), add_prefix_space=False)
    roles = {"bos_token": START, "cls_token": START, "eos_token": END, "sep_token": END, "pad_token": PADDING}
    return _tokenizer(vocabulary, ends, ENCODER_POSITIONS, **roles, unk_token=UNKNOWN, mask_token=MASK)


def _tokenizer(
    vocabulary: Tokenizer, special: processors.PostProcessor, positions: int, **roles: str
) -> PreTrainedTokenizerFast:
    """A copy of the vocabulary that sets the special tokens where `special` says, with the tokens in their roles."""
    vocabulary = Tokenizer.from_str(vocabulary.to_str())
    vocabulary.post_processor = special
    return PreTrainedTokenizerFast(
        tokenizer_object=vocabulary, model_max_length=positions, clean_up_tokenization_spaces=False, **roles
    )


def build_generator(network: Network, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A causal model of LLaMA's architecture (Touvron et al. 2023) with random weights."""
    return LlamaForCausalLM(
        LlamaConfig(
            **_shape(network, tokenizer),
            intermediate_size=network.hidden_size * 8 // 3 // 32 * 32,
            num_key_value_heads=network.heads,
            max_position_embeddings=GENERATOR_POSITIONS,
            tie_word_embeddings=True,
        )
    )


def build_encoder(network: Network, tokenizer: PreTrainedTokenizerFast) -> RobertaForMaskedLM:
    """A masked-language model of RoBERTa's architecture (Liu et al. 2019) with random weights."""
    return RobertaForMaskedLM(
        RobertaConfig(
            **_shape(network, tokenizer),
            intermediate_size=network.hidden_size * 4,
            # RoBERTa counts positions from the padding token's id + 1 on.
            max_position_embeddings=ENCODER_POSITIONS + tokenizer.pad_token_id + 1,
            type_vocab_size=1,
            hidden_dropout_prob=0.0,  # so small a network learns from a few hundred notes better without
            attention_probs_dropout_prob=0.0,
        )
    )


def _shape(network: Network, tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": network.hidden_size,
        "num_hidden_layers": network.layers,
        "num_attention_heads": network.heads,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


class Lesson(NamedTuple):
    """A part of a training: the share of the steps at which it ends, batches without end, and the loss of a batch."""

    until: float
    batches: Iterator[torch.Tensor]
    loss_of: Callable[[torch.Tensor], torch.Tensor]


def train_generator(
    model: LlamaForCausalLM, texts: Sequence[tuple[float, Sequence[Sequence[int]]]], steps: "tqdm[int]"
) -> None:
    """Teaches a causal model, in place, to predict each next token of tokenised texts, lesson after lesson."""
    padding = model.config.pad_token_id

    def next_token_loss(batch: torch.Tensor) -> torch.Tensor:
        logits, targets = model(input_ids=batch[:, :-1], use_cache=False).logits, batch[:, 1:]
        targets = targets.masked_fill(targets == padding, IGNORED)
        return cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)

    parts = [Lesson(until, batch_texts(lesson, padding), next_token_loss) for until, lesson in texts]
    _train(model, parts, GENERATOR_RATE, steps)


def train_encoder(model: RobertaForMaskedLM, runs: Iterator[torch.Tensor], mask_id: int, steps: "tqdm[int]") -> None:
    """Teaches an encoder, in place, to predict next tokens and then to restore masked ones, from `batch_runs`.

    A fifth of the tokens is chosen; of these, 80 % are masked, 10 % replaced by random ones, 10 % left (BERT's rule).
    """
    ahead = torch.ones(ENCODER_LENGTH, ENCODER_LENGTH, dtype=torch.bool).triu(1)
    causal = torch.zeros(ahead.shape).masked_fill(ahead, torch.finfo(torch.float32).min)

    def next_token_loss(sequences: torch.Tensor) -> torch.Tensor:
        mask = causal.expand(len(sequences), 1, *causal.shape)
        hidden = model.roberta(input_ids=sequences, attention_mask=mask).last_hidden_state
        return cross_entropy(model.lm_head(hidden[:, :-1]).flatten(0, 1), sequences[:, 1:].flatten())

    def masked_loss(sequences: torch.Tensor) -> torch.Tensor:
        chosen = torch.rand(sequences.shape) < MASKED_SHARE
        fate = torch.rand(sequences.shape)
        spoilt = sequences.masked_fill(chosen & (fate < 0.8), mask_id)
        spoilt = torch.where(chosen & (fate >= 0.9), torch.randint_like(sequences, model.config.vocab_size), spoilt)
        hidden = model.roberta(input_ids=spoilt).last_hidden_state
        return cross_entropy(model.lm_head(hidden[chosen]), sequences[chosen])  # the others need no logits

    _train(model, [Lesson(CAUSAL_SHARE, runs, next_token_loss), Lesson(1, runs, masked_loss)], ENCODER_RATE, steps)


def batch_texts(texts: Sequence[Sequence[int]], padding: int) -> Iterator[torch.Tensor]:
    """Yields batches of some `GENERATOR_TOKENS` tokens without end, padded: [texts, tokens of the longest].

    The texts of a batch are drawn at random and are of similar length, which leaves little padding.
    """
    while True:
        for drawn in torch.randperm(len(texts)).split(POOL):
            by_length = sorted(drawn.tolist(), key=lambda index: len(texts[index]))
            filled = _fill([torch.tensor(texts[index]) for index in by_length])
            for index in torch.randperm(len(filled)).tolist():
                yield pad_sequence(filled[index], batch_first=True, padding_value=padding)


def _fill(texts: Sequence[torch.Tensor]) -> list[list[torch.Tensor]]:
    """Cuts a row of texts into batches of some `GENERATOR_TOKENS` tokens; the last may hold fewer."""
    filled: list[list[torch.Tensor]] = [[]]
    for text in texts:
        if sum(map(len, filled[-1])) >= GENERATOR_TOKENS:
            filled.append([])
        filled[-1].append(text)
    return filled


def batch_runs(tokens: torch.Tensor, length: int, size: int) -> Iterator[torch.Tensor]:
    """Yields batches [size, length] without end, epoch after epoch, each epoch cut at another place and shuffled."""
    if len(tokens) < 2 * length * size:
        raise ValueError(f"{len(tokens)} tokens do not fill two batches of {size} sequences of {length}")
    while True:
        start = int(torch.randint(length, ()))
        sequences = tokens[start : start + (len(tokens) - start) // length * length].view(-1, length)
        yield from (batch for batch in sequences[torch.randperm(len(sequences))].split(size) if len(batch) == size)


def _train(model: PreTrainedModel, lessons: Sequence[Lesson], rate: float, steps: "tqdm[int]") -> None:
    """Takes the steps with AdamW under one one-cycle schedule over all lessons, `rate` being its highest."""
    optimizer = AdamW(model.parameters(), lr=rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True)
    schedule = OneCycleLR(optimizer, rate, len(steps), pct_start=WARMUP_SHARE, cycle_momentum=False)
    model.train()
    for step in steps:
        lesson = next(lesson for lesson in lessons if step < lesson.until * len(steps))
        loss = lesson.loss_of(next(lesson.batches))
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(model.parameters(), CLIPPED_NORM)
        optimizer.step()
        schedule.step()
        steps.set_postfix(loss=f"{loss.item():.2f}", refresh=False)
