"""Tiny models with random weights and tokenizers of their own: a generator, and encoders of two kinds."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
WORDS = [
    *("patient", "admitted", "with", "acute", "chest", "pain", "fever", "stable"),
    *("discharged", "home", "cough", "pneumonia", "treated", "antibiotics"),
]


SYMPTOMS = {"I10": "pressure", "E11.9": "sugar", "J18.9": "cough", "0DTJ4ZZ": "appendix"}
FILLERS = ["the", "patient", "came", "with", "and", "stayed", "for", "two", "days", "then", "went", "home"]


def make_generator(folder: Path, bos: bool = True, positions: int = 512, tied: bool = True) -> Path:
    """Saves a LLaMA of two layers with a byte-level BPE in Hugging Face's layout."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from synthnotes.machinery.language import read_language

    prompts = [read_language(ROOT / f"languages/{name}.yaml").render_prompt([]) for name in ("en", "sv")]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([*prompts, " ".join(WORDS)], trainer)
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
        max_position_embeddings=positions,
        tie_word_embeddings=tied,
        bos_token_id=0,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def save_tokenizer(folder: Path, special_tokens: bool = True) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(special_tokens=["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.train_from_iterator([*FILLERS, *SYMPTOMS.values()], trainer)
    if special_tokens:
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)


def save_encoder(folder: Path, kind: str = "roberta", positions: int = 40) -> Path:
    import torch
    from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    torch.manual_seed(3)
    if kind == "roberta":
        model = RobertaModel(RobertaConfig(vocab_size=40, max_position_embeddings=positions, pad_token_id=1, **sizes))
    else:
        model = BertModel(BertConfig(vocab_size=40, max_position_embeddings=positions, pad_token_id=1, **sizes))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return folder
