"""The demo's tiny base models: what LLaMA-3.1-8B and RoBERTa-PM are to the paper, made in minutes on one core.

Each language gets two folders in Hugging Face's layout, which the pipeline loads as it would load the large ones:

    generator/  a causal model of LLaMA's architecture, some two million parameters; its tokenizer opens a text with <s>
    encoder/    a masked-language model of RoBERTa's architecture, under a million parameters; <s> … </s>

Both learn the language of notes from cases of *other* patients than the corpus has (`pretraining_cases`), and neither
ever sees an instruction prompt; the generator also reads what titles mean, as a large model has from textbooks. Both
share one vocabulary, a byte-level BPE trained on the same notes and on the words of prompts and code titles, so that
prompts are short.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)

from synthnotes.demo import pretraining
from synthnotes.demo.clinic import PretrainingCase, load_clinic
from synthnotes.demo.scale import Network, Scale
from synthnotes.generation.records import render_prompt

LANGUAGE = {"mimic": "english", "sepr": "swedish"}
START, PADDING, END, UNKNOWN, MASK = SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")  # RoBERTa's, by id
GENERATOR_POSITIONS = 1024  # tokens of prompt and note together
ENCODER_POSITIONS = 512  # tokens of a chunk
TITLE_FORMS = (("", ", ", ".\n\n"), ("", "; ", "\n"), ("- ", "\n- ", "\n\n"), ("", " / ", "\n\n"))


def write_models(
    folder: Path, corpus: str, cases: Sequence[PretrainingCase], scale: Scale, seed: int, line: int = 0
) -> None:
    """Trains and writes the base models of one language.

    Runs on one thread, so that the weights do not depend on the number of cores. The random state and the number of
    threads of the process are changed.

    Args:
        folder: receives `generator/` and `encoder/`.
        corpus: `mimic` (English) or `sepr` (Swedish).
        cases: what to learn from.
        scale: sizes and steps.
        seed: of weights, order of texts, masks and dropout.
        line: the screen line of the progress bars, counted from where the cursor stands.
    """
    torch.set_num_threads(1)
    notes = [case.note for case in cases]
    vocabulary = train_vocabulary([*notes, *prompt_words(corpus)], scale.vocabulary)

    torch.manual_seed(seed)
    tokenizer = generator_tokenizer(vocabulary)
    texts = [(share, _closed(tokenizer, lesson)) for share, lesson in lessons(cases, random.Random(seed))]
    generator = build_generator(scale.generator, tokenizer)
    pretraining.train_generator(generator, texts, scale.generator, f"{corpus} generator", line)
    _save(folder / "generator", generator, tokenizer)

    torch.manual_seed(seed)
    tokenizer = encoder_tokenizer(vocabulary)
    tokens = pretraining.join(tokenizer(notes)["input_ids"])
    encoder = build_encoder(scale.encoder, tokenizer)
    pretraining.train_encoder(encoder, tokens, tokenizer.mask_token_id, scale.encoder, f"{corpus} encoder", line)
    _save(folder / "encoder", encoder, tokenizer)


def lessons(cases: Sequence[PretrainingCase], rng: random.Random) -> list[tuple[float, list[str]]]:
    """The generator's lessons, each with its share of the training.

    First glossary entries (a title and what a note says of it), then problem lists (the same of a whole case), then
    case reports (the titles and the note), the titles in one of several plain forms.
    """

    def titled(titles: Sequence[str], text: str) -> str:
        opening, separator, closing = rng.choice(TITLE_FORMS)
        return f"{opening}{separator.join(titles)}{closing}{text}"

    glossary = [titled([t], problem) for case in cases for t, problem in zip(case.titles, case.problems, strict=True)]
    lists = [titled(case.titles, " ".join(case.problems)) for case in cases]
    reports = [titled(case.titles, case.note) for case in cases]
    return [(0.2, glossary), (0.2, lists), (0.6, reports)]


def prompt_words(corpus: str) -> list[str]:
    """One prompt per code of the clinic: for the vocabulary only, no model is trained on them."""
    clinic = load_clinic(LANGUAGE[corpus])
    return [render_prompt(corpus, [code.title]) for code in (*clinic.procedures, *clinic.diagnoses)]


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


def generator_tokenizer(vocabulary: Tokenizer) -> PreTrainedTokenizerFast:
    """A tokenizer in the manner of LLaMA: a text opens with the start token, and whoever wants an end adds it."""
    opening = processors.TemplateProcessing(
        single=f"{START} $A",
        pair=f"{START} $A {START} $B",
        special_tokens=[(START, vocabulary.token_to_id(START))],
    )
    return _tokenizer(vocabulary, opening, GENERATOR_POSITIONS, bos_token=START, eos_token=END, pad_token=PADDING)


def encoder_tokenizer(vocabulary: Tokenizer) -> PreTrainedTokenizerFast:
    """A tokenizer in the manner of RoBERTa: a text stands between start and end token."""
    ends = processors.RobertaProcessing(
        (END, vocabulary.token_to_id(END)), (START, vocabulary.token_to_id(START)), add_prefix_space=False
    )
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
            vocab_size=len(tokenizer),
            hidden_size=network.hidden_size,
            intermediate_size=network.hidden_size * 8 // 3 // 32 * 32,
            num_hidden_layers=network.layers,
            num_attention_heads=network.heads,
            num_key_value_heads=network.heads,
            max_position_embeddings=GENERATOR_POSITIONS,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def build_encoder(network: Network, tokenizer: PreTrainedTokenizerFast) -> RobertaForMaskedLM:
    """A masked-language model of RoBERTa's architecture (Liu et al. 2019) with random weights."""
    return RobertaForMaskedLM(
        RobertaConfig(
            vocab_size=len(tokenizer),
            hidden_size=network.hidden_size,
            intermediate_size=network.hidden_size * 4,
            num_hidden_layers=network.layers,
            num_attention_heads=network.heads,
            # RoBERTa counts positions from the padding token's id + 1 on.
            max_position_embeddings=ENCODER_POSITIONS + tokenizer.pad_token_id + 1,
            type_vocab_size=1,
            hidden_dropout_prob=0.0,  # so small a network learns from a few hundred notes better without
            attention_probs_dropout_prob=0.0,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _closed(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[list[int]]:
    """Tokenised texts, each closed by the end token."""
    return [[*ids, tokenizer.eos_token_id] for ids in tokenizer(list(texts))["input_ids"]]


def _save(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
