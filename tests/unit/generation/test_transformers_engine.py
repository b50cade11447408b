import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from transformers import AutoModelForCausalLM, RepetitionPenaltyLogitsProcessor

from synthnotes.generation.generators import load_tokenizer
from synthnotes.generation.records import encode_prompts
from synthnotes.generation.sampling import Prompt
from synthnotes.generation.shards import starter
from synthnotes.generation.transformers_engine import SeededSampling, start
from synthnotes.machinery import params
from synthnotes.machinery.language import LANGUAGES, read_language
from synthnotes.machinery.params import GenerateParams
from synthnotes.machinery.resources import GenerateMachine, load_resources


def toy(**changes):
    values = {
        "engine": "transformers",
        "samples": 2,
        "max_new_tokens": 16,
        "model_length": 160,
    }
    return params.load("generate", GenerateParams).model_copy(update=values | changes)


ENGLISH = read_language(LANGUAGES / "en.yaml")
RESOURCES = load_resources("generate", GenerateMachine).model_copy(
    update={"concurrent_sequences": 3, "cpu_cache_gib": 1}
)


@pytest.fixture(scope="module")
def prompts(generator):
    lists = [["fever"], ["cough", "pain"], [], ["acute chest pain", "pneumonia"]]
    tokens = encode_prompts(load_tokenizer(generator), list(map(ENGLISH.render_prompt, lists)))
    return [Prompt(f"n{number}", ids) for number, ids in enumerate(tokens)]


@pytest.fixture(scope="module")
def sample(generator):
    return start(toy(), RESOURCES, generator)


def test_a_sample_depends_on_its_seed_and_not_on_its_neighbours(sample, prompts):
    whole = sample(prompts, toy(repetition_penalty=1.3, top_p=0.9))
    alone = pd.concat([sample([prompt], toy(repetition_penalty=1.3, top_p=0.9)) for prompt in prompts])
    columns = ["note_id", "sample", "text", "finish_reason", "prompt_tokens", "new_tokens"]
    pd.testing.assert_frame_equal(whole[columns], alone[columns].reset_index(drop=True))
    np.testing.assert_allclose(whole["mean_log_probability"], alone["mean_log_probability"], rtol=1e-4)
    assert whole["text"].nunique() == 8
    other = sample(prompts, toy(seed=1))
    assert not set(other["text"]) & set(whole["text"])


def test_new_tokens_are_bounded_and_their_log_probabilities_are_the_models_own(sample, prompts, generator):
    tight = toy(samples=1, model_length=max(len(p.tokens) for p in prompts) + 5, temperature=0.5)
    found = sample(prompts, tight)
    assert found["finish_reason"].tolist() == ["length"] * 4
    assert found["new_tokens"].tolist() == [min(16, tight.model_length - len(prompt.tokens)) for prompt in prompts]
    # The text of a note without special tokens leads back to its tokens only where it is greedy, so look there.
    greedy = sample(prompts[:1], toy(samples=1, temperature=0.0))
    model = AutoModelForCausalLM.from_pretrained(generator).eval()
    ids, total = list(prompts[0].tokens), 0.0
    with torch.inference_mode():
        for _ in range(int(greedy["new_tokens"].iloc[0])):
            expected = model(input_ids=torch.tensor([ids])).logits[0, -1].log_softmax(-1)
            total += float(expected.max())
            ids.append(int(expected.argmax()))
    assert greedy["text"].iloc[0] == load_tokenizer(generator).decode(ids[len(prompts[0].tokens) :]).strip()
    assert greedy["mean_log_probability"].iloc[0] == pytest.approx(total / greedy["new_tokens"].iloc[0], rel=1e-4)


def sampling(prompts, **changes):
    return SeededSampling(prompts, range(len(prompts)), toy(**changes), torch.device("cpu"))


def test_the_penalty_is_that_of_transformers_and_knows_no_padding():
    chance = torch.Generator().manual_seed(5)
    scores = torch.randn(2, 12, generator=chance)
    prompts = [[3, 4, 5, 6], [3, 9]]
    drawn = sampling(prompts, temperature=0.0, repetition_penalty=1.5)
    oracle = RepetitionPenaltyLogitsProcessor(1.5)
    padded = torch.tensor([[3, 4, 5, 6], [0, 0, 3, 9]])
    found = drawn(padded, scores)
    for row, prompt in enumerate(prompts):
        torch.testing.assert_close(found[row], oracle(torch.tensor([prompt]), scores[[row]])[0])
    found = drawn(torch.cat([padded, torch.tensor([[7], [1]])], dim=1), scores)  # the token that came after
    for row, prompt in enumerate([[*prompts[0], 7], [*prompts[1], 1]]):
        torch.testing.assert_close(found[row], oracle(torch.tensor([prompt]), scores[[row]])[0])


def test_draws_follow_the_softmax_at_the_temperature():
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0, -9.0])
    rows = 20000
    drawn = sampling([[0]] * rows, temperature=0.7)(torch.zeros(rows, 1, dtype=torch.long), logits.repeat(rows, 1))
    counts = torch.bincount(drawn.argmax(-1), minlength=5).numpy()
    expected = (logits / 0.7).softmax(-1).double().numpy() * rows
    assert stats.chisquare(counts[:4], expected[:4] * counts[:4].sum() / expected[:4].sum()).pvalue > 0.001
    nucleus = sampling([[0]] * rows, temperature=0.7, top_p=0.5)
    kept = nucleus(torch.zeros(rows, 1, dtype=torch.long), logits.repeat(rows, 1)).argmax(-1)
    assert kept.unique().tolist() == [0]


@pytest.mark.slow
@pytest.mark.parametrize("penalty", [1.0, 1.5])
def test_at_temperature_0_both_engines_write_the_same_notes(generator, prompts, penalty):
    settings = toy(temperature=0.0, samples=1, repetition_penalty=penalty)
    tables = [
        starter(settings.model_copy(update={"engine": engine}), RESOURCES, generator)()(prompts, settings)
        for engine in ("vllm", "transformers")
    ]
    columns = ["note_id", "sample", "text", "finish_reason", "prompt_tokens", "new_tokens"]
    pd.testing.assert_frame_equal(*[table[columns] for table in tables])
    np.testing.assert_allclose(*[table["mean_log_probability"] for table in tables], rtol=1e-3)
