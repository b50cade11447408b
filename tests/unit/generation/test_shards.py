import dataclasses
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pandas as pd
import pytest

from synthnotes.generation.sampling import COLUMNS, Prompt
from synthnotes.generation.shards import Work, cut, devices_of, sample_shards, starter
from synthnotes.machinery import params
from synthnotes.machinery.files import UserError
from synthnotes.machinery.params import GenerateParams
from synthnotes.machinery.resources import GenerateMachine, load_resources

PROMPTS = [Prompt(f"n{number}", [1] * number) for number in range(1, 8)]


SETTINGS = params.load("generate", GenerateParams).model_copy(update={"samples": 2})


class FakeSampler:
    """Samples the number of prompt tokens; counts its shards, and dies before the shard `dies_at`."""

    def __init__(self, dies_at=None):
        self.shards, self.dies_at = 0, dies_at

    def start(self):
        return self

    def __call__(self, prompts, settings):
        if self.shards == self.dies_at:
            raise KeyboardInterrupt
        self.shards += 1
        rows = [
            (p.note_id, sample, f"{len(p.tokens)} tokens", "stop", len(p.tokens), 2, -1.0)
            for p in prompts
            for sample in range(settings.samples)
        ]
        return pd.DataFrame(rows, columns=COLUMNS)


def start_fake():
    return FakeSampler()


def sample(folder, start=start_fake, prompts_per_shard=2, **engines):
    return pd.concat(sample_shards(cut(PROMPTS, SETTINGS, folder, prompts_per_shard), start, **engines))


def test_a_stopped_run_goes_on_where_it_was_and_gives_the_same_table(tmp_path):
    whole = sample(tmp_path / "whole")
    assert whole["note_id"].tolist() == [prompt.note_id for prompt in PROMPTS for _ in range(2)]
    with pytest.raises(KeyboardInterrupt):
        sample(tmp_path / "stopped", FakeSampler(dies_at=2).start)
    second = FakeSampler()
    pd.testing.assert_frame_equal(sample(tmp_path / "stopped", second.start), whole)
    assert second.shards == 2
    pd.testing.assert_frame_equal(sample(tmp_path / "stopped", FakeSampler(dies_at=0).start), whole)


def test_engines_side_by_side_give_the_same_table(tmp_path):
    pd.testing.assert_frame_equal(sample(tmp_path / "two", engines=2), sample(tmp_path / "one"))


KILLED = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    import test_shards

    class Slow(test_shards.FakeSampler):
        def __call__(self, prompts, settings):
            time.sleep(0.2)
            return super().__call__(prompts, settings)

    test_shards.sample(Path(sys.argv[1]), Slow, prompts_per_shard=1)
    """
)


def test_a_run_killed_for_real_goes_on_where_it_was(tmp_path):
    killed = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "killed"), str(Path(__file__).parent)])
    deadline = time.monotonic() + 60
    while not (tmp_path / "killed" / "shard-00002.parquet").exists():
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    again = FakeSampler()
    found = sample(tmp_path / "killed", again.start, prompts_per_shard=1)
    assert 1 <= again.shards <= 4
    pd.testing.assert_frame_equal(found, sample(tmp_path / "whole", prompts_per_shard=1))


@pytest.mark.parametrize("damage", ["truncated", "no parquet", "other prompts", "half of a prompt list", "one sample"])
def test_a_damaged_shard_is_sampled_again_with_a_warning(tmp_path, capfd, damage):
    whole = sample(tmp_path, prompts_per_shard=3)
    shard = tmp_path / "shard-00001.parquet"
    if damage == "truncated":
        shard.write_bytes(shard.read_bytes()[:-30])
    elif damage == "no parquet":
        shard.write_text("x")
    elif damage == "other prompts":
        shard.write_bytes((tmp_path / "shard-00000.parquet").read_bytes())
    elif damage == "half of a prompt list":
        pd.read_parquet(shard).head(2).to_parquet(shard)
    else:
        pd.read_parquet(shard).query("sample == 0").to_parquet(shard)
    again = FakeSampler()
    pd.testing.assert_frame_equal(sample(tmp_path, again.start, prompts_per_shard=3), whole)
    assert again.shards == 1
    warning = capfd.readouterr().err
    assert "is sampled again" in warning
    assert "shard-00001.parquet" in warning


def test_a_full_disk_is_one_clear_error_and_costs_no_finished_shard(tmp_path):
    """The kernel refuses to let any file grow beyond a kilobyte, in the middle of the second shard."""
    sampler = FakeSampler()

    def grow(prompts, settings):
        table = FakeSampler.__call__(sampler, prompts, settings)
        if sampler.shards == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
        return table

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(UserError, match=r"shard-00001\.parquet: no space left to write it"):
            sample(tmp_path, lambda: grow)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["shard-00000.parquet"]
    again = FakeSampler()
    sample(tmp_path, again.start)
    assert again.shards == 3


def test_an_engine_whose_process_is_killed_is_one_clear_error(tmp_path):
    with pytest.raises(UserError, match="the process of an engine was killed"):
        sample(tmp_path, start_and_die, engines=2)


def start_and_die():
    os.kill(os.getpid(), signal.SIGKILL)


class Failing(FakeSampler):
    def __call__(self, prompts, settings):
        if prompts[0].note_id == "n1":
            raise UserError("n1 cannot be sampled")
        time.sleep(0.4)
        return super().__call__(prompts, settings)


def test_where_one_engine_fails_the_others_stop_and_its_error_is_told(tmp_path):
    with pytest.raises(UserError, match="n1 cannot be sampled"):
        sample(tmp_path, Failing, prompts_per_shard=1, engines=2)
    assert len(list(tmp_path.iterdir())) < 3  # of the other engine's n2, n4 and n6


def test_each_engine_gets_gpus_of_its_own(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [devices_of(rank, 2) for rank in range(2)] == ["0,1", "2,3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    assert [devices_of(rank, 2) for rank in range(2)] == ["4,5", "6,7"]
    assert devices_of(1, 0) is None


def test_unfinished_work_is_kept_under_what_decides_the_shards_and_under_nothing_else(tmp_path):
    (tmp_path / "weights").write_text("1")
    work = Work(tmp_path, PROMPTS, {"a": SETTINGS})

    def key(prompts_per_shard=2, **changes):
        return dataclasses.replace(work, **changes).key(prompts_per_shard)

    assert key() == key(values={"a": SETTINGS.model_copy()})
    others = [key(3), key(prompts=PROMPTS[:6])]
    others += [key(values={"a": SETTINGS, "b": SETTINGS}), key(values={"b": SETTINGS})]
    changed = {"engine": "transformers", "precision": "float32", "samples": 7, "seed": 7}
    changed |= {"max_new_tokens": 7, "model_length": 999, "temperature": 0.7, "top_p": 0.7, "repetition_penalty": 0.7}
    assert set(changed) == set(GenerateParams.model_fields)
    others += [key(values={"a": SETTINGS.model_copy(update={name: value})}) for name, value in changed.items()]
    assert len({key(), *others}) == 1 + len(others)


def test_the_settings_name_the_engine(tmp_path):
    from synthnotes.generation import transformers_engine, vllm_engine

    resources = load_resources("generate", GenerateMachine)
    for engine, module in (("vllm", vllm_engine), ("transformers", transformers_engine)):
        settings = SETTINGS.model_copy(update={"engine": engine})
        found = starter(settings, resources, tmp_path)
        assert found.func is module.start
        assert found.args == (settings, resources, tmp_path)
