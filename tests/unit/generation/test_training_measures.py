"""The curve's points and the loss on unseen notes, against the model's own loss and by hand."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from synthnotes.generation.generators import load_tokenizer
from synthnotes.generation.records import NO_LOSS, TrainingTexts, encode_records
from synthnotes.generation.training_measures import average_losses, mean_loss


def test_points_are_means_of_as_many_updates_and_what_is_left_over_makes_none():
    losses = [(step, float(step)) for step in range(1, 8)]
    assert average_losses(losses, 3).values.tolist() == [[3, 2.0], [6, 5.0]]
    assert average_losses(losses, 7).values.tolist() == [[7, 4.0]]
    assert average_losses(losses, 1)["step"].tolist() == list(range(1, 8))
    assert average_losses(losses, 9).values.tolist() == [[7, 4.0]]  # fewer than a point's worth
    assert average_losses([], 3).empty
    assert average_losses(losses, 3).columns.tolist() == ["step", "loss"]


def test_the_loss_is_the_mean_over_the_response_tokens_of_all_notes(generator, records):
    texts = encode_records(load_tokenizer(generator), records[:4], 512)
    model = AutoModelForCausalLM.from_pretrained(generator)
    summed = counted = 0
    for ids, labels in zip(texts.input_ids, texts.labels, strict=True):
        with torch.inference_mode():
            found = model(input_ids=torch.tensor(ids[None].astype(int)), labels=torch.tensor(labels[None].astype(int)))
        count = int((labels != NO_LOSS).sum())
        summed, counted = summed + float(found.loss) * count, counted + count
    assert len({int((labels != NO_LOSS).sum()) for labels in texts.labels}) > 1  # a mean of means would be another
    assert mean_loss(generator, texts, "float32") == pytest.approx(summed / counted, rel=1e-5)
    assert mean_loss(generator, texts, "bfloat16") == pytest.approx(summed / counted, rel=0.01)


def test_no_text_has_no_loss(generator):
    assert mean_loss(generator, TrainingTexts([], [], 0, 3, 1.0), "float32") is None
    only_prompts = TrainingTexts(
        [np.array([1, 2], dtype=np.int32)], [np.array([NO_LOSS] * 2, dtype=np.int32)], 0, 0, 0.0
    )
    assert mean_loss(generator, only_prompts, "float32") is None
