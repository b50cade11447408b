"""Notes as the coder sees them: tokens in chunks, batches of similar length, and the matrix of labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from transformers import PreTrainedTokenizerBase

from synthnotes.coding.labels import label_matrix
from synthnotes.machinery.progress import Bar

TOKENIZED_AT_ONCE = 500  # notes
POOLED_BATCHES = 16  # batches that are sorted by length together: little padding, and still a random order


@dataclass(frozen=True)
class EncodedNotes:
    """Notes ready for the coder.

    Attributes:
        note_ids: the id of each note.
        tokens: the token ids of each note, at least one.
        labels: bool [notes, codes], sparse.
        padding_id: the encoder's padding token.
    """

    note_ids: list[str]
    tokens: list[np.ndarray]
    labels: sparse.csr_array
    padding_id: int

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each note: [notes]."""
        return np.array([len(note) for note in self.tokens])


@dataclass(frozen=True)
class Chunks:
    """The notes of one batch, cut into chunks that lie one below the other.

    Attributes:
        input_ids: [chunks, tokens].
        attention_mask: bool [chunks, tokens], what the encoder may attend to.
        read: bool [chunks, tokens], what the codes may attend to.
        lengths: how many tokens of each note that is, in the order of the notes.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    read: torch.Tensor
    lengths: list[int]

    def to(self, device: torch.device) -> "Chunks":
        """The same chunks on another device."""
        return Chunks(self.input_ids.to(device), self.attention_mask.to(device), self.read.to(device), self.lengths)


def encode(
    notes: pd.DataFrame,
    tokenizer: PreTrainedTokenizerBase,
    code_set: Sequence[str],
    max_words: int,
    join_lines: bool = True,
) -> EncodedNotes:
    """Tokenizes notes and lays out their labels.

    The special tokens stand around the note, not around each chunk, as in Edin et al. (2023): a chunk is a window on
    the note, and the label attention reads all windows together.

    Of each note, `max_words` words are kept, counted at white space. They are joined by single spaces, as published, or
    keep the white space between them.
    """
    texts = [first_words(text, max_words, join_lines) for text in notes["text"]]
    slices = range(0, len(texts), TOKENIZED_AT_ONCE)
    tokens: list[np.ndarray] = []
    for start in Bar(slices, desc="tokenize", unit_scale=TOKENIZED_AT_ONCE, unit="note", leave=False):
        encoded = tokenizer(
            texts[start : start + TOKENIZED_AT_ONCE], truncation=False, return_attention_mask=False, verbose=False
        )
        # A note without tokens stands as one padding token: an attention over nothing is not a number.
        tokens += [np.asarray(ids or [tokenizer.pad_token_id], dtype=np.int64) for ids in encoded["input_ids"]]
    return EncodedNotes(notes["note_id"].tolist(), tokens, label_matrix(notes, code_set), tokenizer.pad_token_id)


def first_words(text: str, count: int, joined: bool = True) -> str:
    """The first words of a text, joined by single spaces or with the white space that stands between them."""
    if joined:
        return " ".join(text.split(maxsplit=count)[:count])
    parts = text.split(maxsplit=count)
    return text[: len(text) - len(parts[-1])].rstrip() if len(parts) > count else text.rstrip()


def pack(
    tokens: Sequence[np.ndarray],
    chunk_tokens: int,
    padding_id: int,
    attend_to_padding: bool = False,
    kind: str = "roberta",
) -> Chunks:
    """Cuts the notes of a batch, of at least one token each, into chunks; a note's last chunk is padded.

    `attend_to_padding` repeats the published collation (repair i), which read one note at a time: the codes attend to
    the padding of a note's last chunk like text, and so does the encoder, unless its kind is `bert`.
    """
    per_note = [-(-len(note) // chunk_tokens) for note in tokens]
    # A batch of notes that are all shorter than a chunk needs no chunk of full width.
    width = chunk_tokens if attend_to_padding else min(chunk_tokens, max(map(len, tokens)))
    input_ids = np.full((sum(per_note), width), padding_id, dtype=np.int64)
    text = np.zeros(input_ids.shape, dtype=bool)
    start = 0
    for note, chunks in zip(tokens, per_note, strict=True):
        input_ids.reshape(-1)[start : start + len(note)] = note
        text.reshape(-1)[start : start + len(note)] = True
        start += chunks * width
    lengths = [count * width for count in per_note] if attend_to_padding else [len(note) for note in tokens]
    attended, read = text | (attend_to_padding and kind != "bert"), text | attend_to_padding
    return Chunks(torch.from_numpy(input_ids), torch.from_numpy(attended), torch.from_numpy(read), lengths)


def batches(lengths: np.ndarray, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yields the notes' indices in batches of similar length, in an order that the generator determines."""
    order = rng.permutation(len(lengths))
    pools = [order[start : start + size * POOLED_BATCHES] for start in range(0, len(order), size * POOLED_BATCHES)]
    ordered = [pool[np.argsort(lengths[pool], kind="stable")] for pool in pools]
    cut = [pool[start : start + size] for pool in ordered for start in range(0, len(pool), size)]
    for index in rng.permutation(len(cut)):
        yield cut[index]
