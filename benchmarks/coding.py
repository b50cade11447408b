"""The coder's speed and memory against a straightforward implementation of the published method.

Published: the batch padded to its longest note, every chunk of it through the encoder, and label-wise attention with
its matrix of codes by tokens. Here: `synthnotes.coding.plm_icd.model`. Both have the same weights and read the same
notes; the shape is the paper's (width 768, notes of up to 4,000 tokens, 7,942 codes) but for the encoder, which has 2
layers of 12 so that a step takes seconds on two cores. Where there is a GPU, both run on it in mixed precision, as in
training, with all 12 layers.
"""

import time
from typing import Any

import machine
import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import RobertaConfig, RobertaModel

from synthnotes.coding.plm_icd.data import pack
from synthnotes.coding.plm_icd.model import PlmIcd

CODES, CHUNK, LONGEST, PADDING = 7_942, 128, 4_000, 1
NOTES = 8
GPU = torch.cuda.is_available()
DEVICE, LAYERS = ("cuda", 12) if GPU else ("cpu", 2)
# Words per discharge summary are near a log-normal distribution; eight quantiles of one make a batch that is neither
# lucky nor unlucky. Its longest note is cut at the limit, as the coder does it.
MEDIAN, SPREAD = 2_000, 0.5
QUANTILES_OF_NORMAL = (-1.53, -0.89, -0.49, -0.16, 0.16, 0.49, 0.89, 1.53)


class Published(nn.Module):
    """The published method: padded batch, attention of every code to every token held as a matrix."""

    def __init__(self, model: PlmIcd) -> None:
        super().__init__()
        self.encoder, self.attention = model.encoder, model.attention

    def forward(self, tokens: list[np.ndarray]) -> torch.Tensor:
        """Logits, [notes, codes]."""
        longest = -(-max(map(len, tokens)) // CHUNK) * CHUNK
        ids = torch.full((len(tokens), longest), PADDING)
        for row, note in enumerate(tokens):
            ids[row, : len(note)] = torch.from_numpy(note)
        ids = ids.to(DEVICE)
        mask = ids != PADDING
        chunks = ids.view(-1, CHUNK)
        hidden = self.encoder(input_ids=chunks, attention_mask=mask.view(-1, CHUNK).long()).last_hidden_state
        hidden = hidden.view(len(tokens), longest, -1)
        scores = torch.tanh(self.attention.project(hidden)) @ self.attention.queries.T
        weights = scores.masked_fill(~mask[:, :, None], -torch.inf).softmax(dim=1).transpose(1, 2)
        return (weights @ hidden * self.attention.output).sum(dim=2) + self.attention.bias


class Ours(nn.Module):
    """What the coder's training and prediction call."""

    def __init__(self, model: PlmIcd) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: list[np.ndarray]) -> torch.Tensor:
        """Logits, [notes, codes]."""
        return self.model(pack(tokens, CHUNK, PADDING).to(DEVICE))


def lengths(workload: str) -> list[int]:
    """Tokens of each note: `mixed` as discharge summaries have them, or `full`, all of them at the limit."""
    if workload == "full":
        return [LONGEST] * (NOTES // 4)
    return [min(LONGEST, round(MEDIAN * np.exp(SPREAD * z))) for z in QUANTILES_OF_NORMAL]


def child(which: str, phase: str, workload: str) -> dict[str, Any]:
    """Times one implementation on one batch, after a short one to warm up.

    Returns:
        seconds; cpu_seconds, of all threads, which are steadier on a busy machine; and for comparison the checksum, of
        the logits (inference) or the loss (training).
    """
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    tokens = [rng.integers(4, 50_000, size=length) for length in lengths(workload)]
    config = RobertaConfig(vocab_size=50_001, num_hidden_layers=LAYERS, max_position_embeddings=514)
    coder = PlmIcd(RobertaModel(config, False), CODES).to(DEVICE)
    model = (Ours if which == "ours" else Published)(coder)
    optimizer = torch.optim.AdamW(model.parameters(), 5e-5, weight_decay=0, fused=True)
    targets = torch.from_numpy((rng.random((len(tokens), CODES)) < 0.002).astype(np.float32)).to(DEVICE)

    def train(batch: list[np.ndarray]) -> float:
        with torch.autocast(DEVICE, torch.bfloat16, enabled=GPU):
            logits = model(batch)
        loss = binary_cross_entropy_with_logits(logits.float(), targets[: len(batch)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    @torch.inference_mode()
    def predict(batch: list[np.ndarray]) -> float:
        with torch.autocast(DEVICE, torch.bfloat16, enabled=GPU):
            return model(batch).float().abs().sum().item()

    model.train(phase == "training")
    run = train if phase == "training" else predict
    run([tokens[0][:CHUNK]])
    started, computed = time.perf_counter(), time.process_time()
    found = run(tokens)
    seconds, computed = time.perf_counter() - started, time.process_time() - computed
    on_gpu = {"peak_gib": torch.cuda.max_memory_allocated() / 2**30} if GPU else {}
    return {"seconds": seconds, "cpu_seconds": computed, "checksum": found} | on_gpu


def parent() -> dict[str, Any]:
    """Both implementations side by side, in training and inference, on mixed and on full notes."""
    results: dict[str, Any] = {}
    head = f"{'':22}{'notes/s':>10}{'published':>11}{'times':>8}{'CPU':>8}{'GiB':>8}{'published':>11}{'share':>8}"
    print(head)
    for workload in ("mixed", "full"):
        for phase in ("training", "inference"):
            ours, published = (machine.in_child(__file__, which, phase, workload) for which in ("ours", "published"))
            if phase == "inference":
                tolerance = 1e-2 if GPU else 1e-4
                assert np.isclose(ours["checksum"], published["checksum"], rtol=tolerance), "the logits differ"
            notes = len(lengths(workload))
            entry = {
                "notes_per_second": notes / ours["seconds"],
                "published_notes_per_second": notes / published["seconds"],
                "times_faster": published["seconds"] / ours["seconds"],
                "times_less_cpu": published["cpu_seconds"] / ours["cpu_seconds"],
                "peak_gib": ours["peak_gib"],
                "published_peak_gib": published["peak_gib"],
                "share_of_memory": ours["peak_gib"] / published["peak_gib"],
            }
            results.setdefault(workload, {})[phase] = {name: round(value, 3) for name, value in entry.items()}
            print(f"{workload + ' notes, ' + phase:22}" + "".join(
                f"{value:{width}.2f}" for value, width in zip(entry.values(), (10, 11, 8, 8, 8, 11, 8), strict=True)
            ), flush=True)  # fmt: skip
    tokens = {workload: lengths(workload) for workload in results}
    return {"device": DEVICE, "codes": CODES, "width": 768, "layers": LAYERS, "tokens": tokens, **results}


if __name__ == "__main__":
    machine.main("coding", child, parent)
