"""Tokenizers: whether one gives texts to its model, all of them, as the model learnt to read them.

A tokenizer that does not fit its vocabulary fails in silence: it drops spaces, reads å as a, or makes everything the
unknown token.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthnotes.machinery.files import UserError
from synthnotes.machinery.model_folders import Role, instead

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

JSONS = ("tokenizer.json", "vocab.json")
BINARY = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model")
VOCABULARIES = (*JSONS, *BINARY, "vocab.txt")
SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "merges.txt")
USED = ("unk", "pad", "eos", "cls", "sep")  # of the special tokens; a mask is used in pretraining alone
MOST_UNKNOWN = 0.03  # of the tokens of notes: a model that fits has a few per thousand
NOTES = 100  # that are looked at, evenly spread
FEWEST_USED = 0.5  # of the embeddings: some are left over, for round numbers and tokens to come, but not the most
LEAST_MERGES = 0.8  # of the tokens of several letters, among which are special ones
WRONG_CASE = 0.01  # of a vocabulary: single odd tokens occur
TEXTS = (
    "Admitted 2024-03-07 with chest pain,\nBP 118/76 mmHg.\n\n  - aspirin  75 mg (Rx #690345)\nDISCHARGE: stable",
    "Söker för andnöd på natten; hostar, feber 38,9 grader.\n\nÅTER till Ängens vårdcentral: ÖVERSIKT 120  mg x 2",
)
KEPT = {  # what must come back of a text
    "spaces": re.compile(" "),
    "line breaks": re.compile("\n"),
    "digits": re.compile(r"\d"),
    "å, ä and ö": re.compile("[åäöÅÄÖ]"),
    "capitals": re.compile("[A-ZÅÄÖ]"),
}
# Letters that no vocabulary joins: what differs between the two is the space, or the digit.
CONTRASTS = {"spaces": (("q x", "qx"), ("z q", "zq"), ("j x", "jx")), "digits": (("118", "119"), ("37", "73"))}


def load(folder: Path, role: Role, rows: int | None = None) -> "PreTrainedTokenizerBase":
    """Loads a tokenizer, and tries whether it reads texts.

    Args:
        folder: of the model.
        role: a generator's must give every text back as it was; an encoder's may lose case, accents and line breaks.
        rows: token ids that have an embedding, from 0; None does not look (`require_ids`).

    Raises:
        UserError: the vocabulary is missing or another file lies in its place, the tokenizer does not fit it or the
            model, lacks a token that the role needs, or texts are lost in it.
    """
    from transformers import AutoTokenizer

    require_files(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        ordinary = _ordinary(tokenizer)
        capitals = _capitals(tokenizer, ordinary)
        lost = _lost(tokenizer) if role == "generator" else _confused(tokenizer)
    except Exception as error:  # damaged vocabularies raise whatever they happen to mean
        raise UserError(
            f"{folder}: no tokenizer that transformers can load ({type(error).__name__}). Save it into the folder "
            "again."
        ) from error
    if not ordinary:
        raise UserError(
            f"{folder}: the tokenizer knows no words, only special tokens: its vocabulary is missing. Copy one of "
            f"{', '.join(VOCABULARIES)} into the folder."
        )
    if capitals:
        raise UserError(f"{folder}: {capitals}")
    if lost:
        raise UserError(
            f"{folder}: the tokenizer loses {', '.join(lost)} of a text. Its class (tokenizer_class "
            "in tokenizer_config.json) or normalizer does not fit its vocabulary. Copy its files again."
        )
    if role == "generator" and tokenizer.eos_token_id is None:
        raise UserError(f"{folder}: the tokenizer has no end token (eos_token), so that no note could ever end.")
    if role == "encoder" and tokenizer.pad_token_id is None:
        raise UserError(f"{folder}: the tokenizer has no padding token (pad_token), with which chunks are filled.")
    if rows is not None:
        require_ids(tokenizer, rows, folder)
    return tokenizer


def require_ids(tokenizer: "PreTrainedTokenizerBase", rows: int, folder: Path) -> None:
    """Raises a `UserError` if a token that can occur has no embedding, or if many of the `rows` have no token.

    Special tokens count only where they are used: a RoBERTa without `<mask>` is whole.
    """
    used = {name: id for name in USED if (id := getattr(tokenizer, f"{name}_token_id", None)) is not None}
    around = [*tokenizer("")["input_ids"], *tokenizer("a")["input_ids"]]
    everything = tokenizer.get_vocab().values()
    highest = max([*_ordinary(tokenizer).values(), *used.values(), *around])
    if max(everything) + 1 < FEWEST_USED * rows:
        raise UserError(
            f"{folder}: the tokenizer's largest id is {max(everything)}, the model has {rows} embeddings (ids to "
            f"{rows - 1}). They are not of one model, and its ids mean other words here: copy both from the same "
            "source."
        )
    if highest >= rows:
        which = next((f", of the {name} token" for name, id in used.items() if id == highest), "")
        raise UserError(
            f"{folder}: the tokenizer's largest id is {highest}{which}, the model only {rows} embeddings (ids to "
            f"{rows - 1}). They are not of one model: copy both from the same source."
        )


def require_known(tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str], folder: Path) -> str:
    """Tells in a sentence how much of notes, of which some are looked at, the tokenizer does not know.

    Raises:
        UserError: it is too much.
    """
    some = [texts[i] for i in np.linspace(0, len(texts) - 1, min(NOTES, len(texts))).astype(int)]
    share = unknown_share(tokenizer, some)
    if share > MOST_UNKNOWN:
        raise UserError(
            f"{folder}: the tokenizer does not know {share:.1%} of the tokens of {len(some)} notes (at most "
            f"{MOST_UNKNOWN:.0%} is in order). It is of another language, or reads case otherwise than its vocabulary: "
            "look at do_lower_case and strip_accents in tokenizer_config.json, and at tokenizer.json's normalizer."
        )
    return f"{share:.2%} of the tokens of {len(some)} notes are unknown to the tokenizer"


def unknown_share(tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str]) -> float:
    """Gives the share of tokens that stand for something unknown; a character that has no token counts as one."""
    options = {"add_special_tokens": False, "verbose": False, "return_offsets_mapping": tokenizer.is_fast}
    unknown = total = 0
    for text in texts:
        encoded = tokenizer(text, **options)
        ids = encoded["input_ids"]
        dropped = 0
        if tokenizer.is_fast:
            starts, ends = np.array(encoded["offset_mapping"], dtype=int).reshape(-1, 2).T
            size = len(text) + 1
            depth = (np.bincount(starts, minlength=size) - np.bincount(ends, minlength=size)).cumsum()
            left = [text[place] for place in np.flatnonzero(depth[:-1] == 0)]
            dropped = sum(char.isprintable() and not char.isspace() for char in left)
        unknown += dropped + (0 if tokenizer.unk_token_id is None else ids.count(tokenizer.unk_token_id))
        total += dropped + len(ids)
    return unknown / total if total else 0.0


def require_files(folder: Path) -> None:
    """Raises a `UserError` if a folder holds no vocabulary, or something else in the place of a tokenizer's file."""
    there = {name for name in (*VOCABULARIES, *SETTINGS) if (folder / name).is_file()}
    if not there.intersection(VOCABULARIES):
        raise UserError(
            f"{folder}: no tokenizer that transformers can load: none of {', '.join(VOCABULARIES)}. Copy the "
            "tokenizer's files into the folder."
        )
    for name in sorted(there):
        path = folder / name
        with path.open("rb") as file:
            start = file.read(64)
        # SentencePiece's files begin with \n; tiktoken's are text, and are not read where there is a tokenizer.json.
        binary = name in BINARY and start[:1] != b"\n" and "tokenizer.json" not in there
        if message := instead(path, "a file of the tokenizer", binary):
            raise UserError(message)
        if path.suffix == ".json" and start.startswith(b"\xef\xbb\xbf"):
            raise UserError(f"{path}: begins with a byte order mark (BOM). Save it as UTF-8 without one.")
        if path.suffix == ".json" and start.lstrip()[:1] not in (b"{", b"["):
            raise UserError(
                f"{path}: no JSON, where a file of the tokenizer is expected. Copy it again from its source."
            )
    if {"vocab.json", "merges.txt"} <= there and "tokenizer.json" not in there:
        _require_merges(folder)
    if "vocab.json" in there and not there.intersection({"merges.txt", "tokenizer.json", *BINARY}):
        raise UserError(f"{folder}: vocab.json without merges.txt, which says how it joins letters. Copy that, too.")


def _require_merges(folder: Path) -> None:
    """Every token of several letters is the result of a merge: a file that is cut off leaves letters alone."""
    try:
        tokens = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        with (folder / "merges.txt").open(encoding="utf-8") as file:
            merges = sum(not line.startswith("#version") for line in file)
    except (ValueError, RecursionError):
        return  # which loading tells
    joined = sum(len(token) > 1 for token in tokens)
    if merges < LEAST_MERGES * joined:
        raise UserError(
            f"{folder / 'merges.txt'}: {merges} merges, where {folder / 'vocab.json'} has {joined} tokens of several "
            "letters: it is cut off, or another model's. Copy both again from their source."
        )


def _ordinary(tokenizer: "PreTrainedTokenizerBase") -> dict[str, int]:
    """Tokens that stand for text, with their ids."""
    special = {*tokenizer.all_special_ids}
    special |= {id for id, token in getattr(tokenizer, "added_tokens_decoder", {}).items() if token.special}
    return {token: id for token, id in tokenizer.get_vocab().items() if id not in special}


def _capitals(tokenizer: "PreTrainedTokenizerBase", ordinary: dict[str, int]) -> str | None:
    """Says that a vocabulary was made for text of another case than the tokenizer gives it."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or not ordinary:
        return None
    normalise: Callable[[str], str] = backend.normalizer.normalize_str if backend.normalizer else str
    where = "in tokenizer_config.json (where there is a tokenizer.json, in its normalizer, too)"
    if backend.normalizer:
        spelled = "ByteLevel" in str(backend.pre_tokenizer)  # such a vocabulary is written in bytes, not in letters
        tokens = [tokenizer.convert_tokens_to_string([token]) if spelled else token for token in ordinary]
        gone = {c for c in set("".join(tokens)) if (c.isupper() or c in "åäöÅÄÖ") and c not in normalise(c)}
        share = sum(not gone.isdisjoint(token) for token in tokens) / len(tokens)
        if share > WRONG_CASE:
            wrong = {}
            if normalise("A") != "A" and any(c.isupper() for c in gone):
                wrong["capitals"] = "do_lower_case: false"
            if normalise("å") != "å" and not gone.isdisjoint("åäöÅÄÖ"):
                wrong["å, ä or ö"] = "strip_accents: false"
            return (
                f"{share:.0%} of the vocabulary has {' or '.join(wrong)}, which the tokenizer never makes: such words "
                f"would be read as others. Set {' and '.join(wrong.values())} {where}."
            )
    letters = set("".join(ordinary))
    cased = type(backend.model).__name__ == "WordPiece" and normalise("A") == "A"
    if cased and any(c.islower() for c in letters) and not any(c.isupper() for c in letters):
        return (
            "the vocabulary has no capitals, but the tokenizer keeps them: every word with one would be unknown. Set "
            f"do_lower_case: true {where}."
        )
    return None


def _lost(tokenizer: "PreTrainedTokenizerBase") -> list[str]:
    """What does not come back of texts in both languages."""
    lost: set[str] = set()
    for text in TEXTS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        back = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False).strip()
        if back != text.strip():
            lost |= {what for what, kept in KEPT.items() if kept.findall(back) != kept.findall(text)} or {"characters"}
    return sorted(lost)


def _confused(tokenizer: "PreTrainedTokenizerBase") -> list[str]:
    """What an encoder would not see the difference of; words that the vocabulary does not know say nothing."""

    def same(*texts: str) -> bool:
        first, second = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts)
        return first == second and tokenizer.unk_token_id not in first

    return [what for what, pairs in CONTRASTS.items() if any(same(*pair) for pair in pairs)]
