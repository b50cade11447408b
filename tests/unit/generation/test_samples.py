import pandas as pd
import pytest

from synthnotes import params
from synthnotes.generation.samples import first_samples, jaccard, summarise
from synthnotes.generation.sampling import COLUMNS, Prompt, split_by_length, unsampled
from synthnotes.generation.shards import sample_in_shards


def samples_of(*rows):
    return pd.DataFrame(rows, columns=COLUMNS)


SAMPLES = samples_of(
    ("a", 0, "one two three", "stop", 10, 4),
    ("a", 1, "one two four", "length", 10, 3),
    ("b", 0, "five six", "stop", 12, 3),
    ("b", 1, "five six", "stop", 12, 3),
    ("c", 0, "five six", "stop", 9, 3),
    ("c", 1, "", "stop", 9, 1),
    ("d", 0, "", "prompt_too_long", 900, 0),
    ("d", 1, "", "prompt_too_long", 900, 0),
)


def test_summary_of_samples_worked_by_hand():
    found = summarise(SAMPLES, seed=1)
    assert (found["prompts"], found["prompts_too_long"], found["samples"]) == (4, 1, 6)
    assert (found["share_stopped"], found["share_cut"]) == (0.8333, 0.1667)
    assert (found["empty"], found["empty_first"], found["identical_first_pairs"]) == (1, 0, 1)
    assert (found["prompt_tokens"], found["new_tokens"]) == (31, 17)
    assert found["mean_words"] == 2.0
    assert found["similarity"]["within_prompts"] == pytest.approx((2 / 4 + 1 + 0) / 3, abs=1e-4)
    # Of the three pairs of first samples one is identical, two share nothing.
    assert found["similarity"]["between_prompts"] == pytest.approx(1 / 3, abs=0.04)


def test_jaccard_ignores_case_and_order():
    assert jaccard("A b c", "C a d") == 0.5
    assert jaccard("", "") == 1.0


def test_the_synthetic_corpus_copies_all_but_the_text_and_drops_the_empty():
    real = pd.DataFrame({"note_id": ["d", "c", "a"], "codes": [["Z"], ["Y"], ["X"]], "text": ["r1", "r2", "r3"]})
    synthetic = first_samples(SAMPLES, real)
    assert synthetic[["note_id", "codes", "text"]].values.tolist() == [
        ["c", ["Y"], "five six"],
        ["a", ["X"], "one two three"],
    ]


def test_prompts_without_room_for_a_note_are_split_off_and_kept_in_the_table():
    settings = params.load("generate")
    length = settings.model_length["mimic"]
    prompts = [Prompt("fits", [1] * (length - 1)), Prompt("long", [1] * length)]
    fitting, too_long = split_by_length(prompts, settings, "mimic")
    assert ([p.note_id for p in fitting], [p.note_id for p in too_long]) == (["fits"], ["long"])
    assert unsampled(too_long, 2)[["note_id", "sample", "new_tokens"]].values.tolist() == [
        ["long", 0, 0],
        ["long", 1, 0],
    ]


class FakeSampler:
    """Samples the number of prompt tokens; counts its shards, and dies before the shard `dies_at`."""

    def __init__(self, dies_at=None):
        self.shards, self.dies_at = 0, dies_at

    def start(self):
        return self

    def __call__(self, prompts):
        if self.shards == self.dies_at:
            raise KeyboardInterrupt
        self.shards += 1
        return samples_of(*((p.note_id, 0, f"{len(p.tokens)} tokens", "stop", len(p.tokens), 2) for p in prompts))


PROMPTS = [Prompt(f"n{number}", [1] * number) for number in range(1, 8)]


def test_a_killed_run_goes_on_where_it_was_and_gives_the_same_table(tmp_path):
    whole = sample_in_shards(PROMPTS, FakeSampler().start, tmp_path / "whole", 2)
    assert whole["note_id"].tolist() == [prompt.note_id for prompt in PROMPTS]
    with pytest.raises(KeyboardInterrupt):
        sample_in_shards(PROMPTS, FakeSampler(dies_at=2).start, tmp_path / "killed", 2)
    second = FakeSampler()
    pd.testing.assert_frame_equal(sample_in_shards(PROMPTS, second.start, tmp_path / "killed", 2), whole)
    assert second.shards == 2
    third = FakeSampler(dies_at=0)
    pd.testing.assert_frame_equal(sample_in_shards(PROMPTS, third.start, tmp_path / "killed", 2), whole)


@pytest.mark.parametrize("damage", ["truncated", "no parquet", "other prompts", "half of a prompt list"])
def test_a_damaged_shard_is_sampled_again_with_a_warning(tmp_path, capfd, damage):
    whole = sample_in_shards(PROMPTS, FakeSampler().start, tmp_path, 3)
    shard = tmp_path / "shard-00001.parquet"
    if damage == "truncated":
        shard.write_bytes(shard.read_bytes()[:-30])
    elif damage == "no parquet":
        shard.write_text("x")
    elif damage == "other prompts":
        shard.write_bytes((tmp_path / "shard-00000.parquet").read_bytes())
    else:
        pd.read_parquet(shard).head(1).to_parquet(shard)
    again = FakeSampler()
    pd.testing.assert_frame_equal(sample_in_shards(PROMPTS, again.start, tmp_path, 3), whole)
    assert again.shards == 1
    assert "is sampled again" in "".join(capfd.readouterr())
