"""PLM-ICD (Huang et al. 2022), as Edin et al. (SIGIR 2023) re-implemented it: its layers, and inference with them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoModel, PreTrainedModel, PreTrainedTokenizerBase, logging

from synthnotes.coding.plm_icd.data import Chunks, EncodedNotes, pack
from synthnotes.machinery import tokenizer_checks
from synthnotes.machinery.files import UserError, require
from synthnotes.machinery.model_folders import read_config, require_positions, skeleton
from synthnotes.machinery.params import CodingParams
from synthnotes.machinery.progress import Bar

INITIAL_DEVIATION = 0.03  # of the label attention's weights, as in Edin et al.


class LabelAttention(nn.Module):
    """Label-wise attention (LAAT, Vu et al. 2020): every code reads the tokens with a query of its own.

    For the hidden states H of a note's tokens, code c has the logit `v_c · softmax(u_c tanh(W H)) H + b_c`. That is
    scaled dot-product attention with queries U, keys tanh(W H), values H and scale 1, so that torch computes it
    without holding the matrix of codes by tokens.
    """

    def __init__(self, width: int, codes: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, width, bias=False)
        self.queries = nn.Parameter(torch.empty(codes, width))
        self.output = nn.Parameter(torch.empty(codes, width))
        self.bias = nn.Parameter(torch.zeros(codes))
        for weight in (self.project.weight, self.queries, self.output):
            nn.init.normal_(weight, std=INITIAL_DEVIATION)

    @torch.no_grad()
    def start_at(self, shares: np.ndarray) -> None:
        """Lets every code's bias start at the log-odds of its share of the training notes, [codes], within (0, 1).

        From a bias of zero, the first hundreds of updates have one aim, to bring down the logits of nearly all codes,
        and at a small model's learning rate they reach it through the encoder: its output becomes the same for every
        token, and stays so. The demo's coders collapse like this without fail (cf. the collapse in Edin et al.).
        """
        self.bias.copy_(torch.logit(torch.from_numpy(shares)))

    def forward(self, hidden: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
        """Logits, float32 [notes, codes], from [tokens of all notes, width], with so many tokens of each note.

        The notes are read one after another: what is not there needs neither padding nor a mask, and attention is
        faster without one.
        """
        keys = torch.tanh(self.project(hidden))
        contexts = [
            scaled_dot_product_attention(self.queries[None, None], key[None, None], value[None, None], scale=1.0)[0, 0]
            for key, value in zip(keys.split(lengths), hidden.split(lengths), strict=True)
        ]
        return torch.stack([(context * self.output).sum(dim=1) for context in contexts]) + self.bias


class PlmIcd(nn.Module):
    """Chunks through a pretrained encoder, the chunks' outputs joined, label-wise attention over all of a note."""

    def __init__(self, encoder: PreTrainedModel, codes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.attention = LabelAttention(encoder.config.hidden_size, codes)

    def forward(self, chunks: Chunks) -> torch.Tensor:
        """Logits, float32 [notes, codes], for the notes of one batch."""
        hidden = self.encoder(input_ids=chunks.input_ids, attention_mask=chunks.attention_mask.long()).last_hidden_state
        # Probabilities of thousands of codes come from small differences: scores and softmax stay in float32.
        with torch.autocast(hidden.device.type, enabled=False):
            return self.attention(hidden[chunks.read].float(), chunks.lengths)


@torch.inference_mode()
def predict(model: PlmIcd, notes: EncodedNotes, settings: CodingParams, micro_batch: int | None = None) -> np.ndarray:
    """The probability of every code for every note: float32 [notes, codes]; `micro_batch` notes are read at once."""
    model.eval()
    size = micro_batch or settings.batch
    probabilities = np.empty(notes.labels.shape, dtype=np.float32)
    by_length = np.argsort(notes.lengths, kind="stable")
    for start in Bar(range(0, len(notes), size), desc="predict", unit="batch", leave=False):
        indices = by_length[start : start + size]
        probabilities[indices] = torch.sigmoid(compute_logits(model, notes, indices, settings)).cpu().numpy()
    return probabilities


def compute_logits(model: PlmIcd, notes: EncodedNotes, indices: np.ndarray, settings: CodingParams) -> torch.Tensor:
    """The logits of some notes, float32 [indices, codes]."""
    device = model.attention.bias.device
    tokens = [notes.tokens[index] for index in indices]
    kind = model.encoder.config.model_type
    chunks = pack(tokens, settings.chunk_tokens, notes.padding_id, settings.attend_to_padding, kind).to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=settings.precision == "bfloat16"):
        return model(chunks)


def at_work(model: PlmIcd) -> PlmIcd:
    """Puts a coder on the GPU; without one it stays on the CPU, where plain attention is faster on chunks so short."""
    if torch.cuda.is_available():
        return model.to("cuda")
    model.encoder.set_attn_implementation("eager")
    return model


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a Hugging Face encoder folder.

    Raises:
        UserError: there is none, it does not fit its vocabulary, or cannot pad.
    """
    require(folder)
    return tokenizer_checks.load(folder, "encoder")


def load_encoder(folder: Path) -> PreTrainedModel:
    """Any Hugging Face encoder, with the weights of its folder (repair j).

    Transformers fills a weight that the file lacks with random values and only warns; Edin et al. trace the collapse of
    published PLM-ICD models to that. So every weight must come from the file, but the pooler, which the coder has no
    use for.

    Raises:
        UserError: the folder is missing, holds no encoder, or lacks weights.
    """
    require(folder)
    logging.set_verbosity_error()  # a language model's head is not missed; what is, is found before
    skeleton(folder, "encoder")
    try:
        # Published encoders come as PyTorch's .bin files too, which are read as bare tensors.
        encoder = AutoModel.from_pretrained(folder, dtype=torch.float32, weights_only=True, trust_remote_code=False)
    except Exception as error:  # weights of other or damaged bytes raise whatever they happen to mean
        raise UserError(
            f"{folder}: no model that transformers can load ({type(error).__name__}). Expected config.json and weights "
            "of tensors alone."
        ) from error
    return without_pooler(encoder)


def encoder_from_config(folder: Path) -> PreTrainedModel:
    """An encoder of the folder's architecture with random weights, to be filled from a trained coder's."""
    config = read_config(folder, "encoder")
    return without_pooler(AutoModel.from_config(config, dtype=torch.float32, trust_remote_code=False))


def require_fit(encoder: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, chunk_tokens: int, where: Path) -> None:
    """Raises a `UserError` if the encoder has no vectors for all positions of a chunk, or tokens of the tokenizer."""
    require_positions(encoder, chunk_tokens, "coding.chunk_tokens", where)
    tokenizer_checks.require_ids(tokenizer, encoder.get_input_embeddings().weight.shape[0], where)


def without_pooler(encoder: PreTrainedModel) -> PreTrainedModel:
    """Takes the pooler away: the coder reads every token, and unused weights would be saved with it."""
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return encoder
