"""A generator that was trained for far too many epochs on a handful of notes must be flagged."""

import numpy as np
import pandas as pd
import pytest

from synthnotes.machinery import params
from synthnotes.privacy.comparison import compare

SETTINGS = params.read().privacy.model_copy(update={"resamples": 500})
WORDS, LENGTH = 200, 64


def clinic(rng, size):
    """Notes of one clinic as word numbers: a template of two phrases that all share, and words of their own between."""
    opening, ending = np.arange(2, 12), np.arange(12, 22)
    own = rng.integers(22, WORDS, (size, LENGTH - 20))
    return np.concatenate([np.tile(opening, (size, 1)), own, np.tile(ending, (size, 1))], axis=1)


def table(notes, name):
    texts = [" ".join(f"w{word}" for word in note) for note in notes]
    frame = pd.DataFrame({"note_id": [f"{name}{number}" for number in range(len(texts))], "text": texts})
    frame["codes"] = [["I10"]] * len(texts)
    return frame.assign(patient_id=frame["note_id"])


def memorise(notes, epochs):
    """Trains a tiny LLaMA on the notes and samples from it: as many notes, from what follows a start token."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=WORDS, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(config)
    records = torch.tensor(np.concatenate([np.zeros((len(notes), 1), np.int64), notes], axis=1))
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(epochs):
        optimiser.zero_grad()
        model(input_ids=records, labels=records).loss.backward()
        optimiser.step()
    model.eval()
    start = torch.zeros((24, 1), dtype=torch.long)
    drawn = model.generate(
        start, attention_mask=torch.ones_like(start), do_sample=True, min_new_tokens=LENGTH, max_new_tokens=LENGTH
    )
    return drawn[:, 1:].numpy()


@pytest.mark.slow
@pytest.mark.parametrize(("epochs", "verdicts"), [(2, {"not shown", "undecided"}), (200, {"copies found"})])
def test_only_a_generator_that_memorises_is_flagged(epochs, verdicts):
    rng = np.random.default_rng(4)
    training, unseen = clinic(rng, 12), clinic(rng, 30)
    written = memorise(training, epochs)
    tables = [table(training, "l"), table(written, "s"), table(unseen, "e"), table(clinic(rng, 60), "r")]
    measures = compare(*tables, SETTINGS, "ascii").results["measures"]
    assert {measure["verdict"] for measure in measures.values()} <= verdicts
