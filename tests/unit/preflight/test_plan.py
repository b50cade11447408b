"""The plan: tokens as a run reads them, the paper's scale by hand, and what does not fit."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from papers_scale import LLAMA_8B, PAPER, TWO_GPUS, changed

from synthnotes.generation.generators import load_tokenizer
from synthnotes.generation.records import encode_records, write_records
from synthnotes.preflight import plan
from synthnotes.preflight.estimates import GPUS, Gpu


def test_tokens_are_those_that_a_run_reads(generator, records, tmp_path):
    write_records(tmp_path / "training.jsonl", records)
    lengths = plan.measure(records, generator)
    texts = encode_records(load_tokenizer(generator), records, 140)
    assert lengths.texts(140).sum() == texts.tokens
    settings = changed(PAPER, "finetune", max_length=140)
    found = plan.estimate_finetuning(LLAMA_8B, lengths, settings, TWO_GPUS, GPUS["h100"])
    assert found.tokens == pytest.approx(4 * texts.tokens)
    assert found.problems[0].startswith(f"{(texts.truncated + texts.dropped) / 24:.1%} of the records are longer")


def lengths(count, prompt, note):
    return plan.Lengths(count, np.full(100, prompt), np.full(100, note))


def test_the_papers_fine_tuning_by_hand():
    texts = lengths(89_099, 400, 2_000)
    found = plan.estimate_finetuning(LLAMA_8B, texts, PAPER, TWO_GPUS, GPUS["h100"])
    assert found.tokens == 89_099 * 2_401 * 4
    # Per token 2 forward, 2 backward and 2 repeated for 7.0 thousand million weights of layers, 4 for the head.
    flops = 6 * 6_979_321_856 + 4 * 4096 * 128256 + (2 + 4 + 2) * 83_886_080 + 16 * 32 * 4096 * 2_401
    hours = found.tokens * flops / (989e12 * 0.35) / 3600
    assert found.gpu_hours == pytest.approx(hours, rel=1e-6)
    # ZeRO-3 on two GPUs: half of 16.06 GB of weights and of 1.34 GB of adapters each, and activations.
    assert 8.1 < found.gpu_gib < 8.1 + 16
    assert found.problems == []


def test_what_does_not_fit_is_said():
    notes, tiny = lengths(100, 400, 2_000), Gpu(12, 100, 500)
    alone = changed(TWO_GPUS, "finetune", processes=1, accelerate=None, micro_batch=16, gradient_checkpointing=False)
    found = plan.estimate_finetuning(LLAMA_8B, notes, PAPER, alone, GPUS["a100-40"])
    assert "GiB on each GPU of 39" in found.problems[0]
    wide, one = changed(PAPER, "generate", precision="float32"), changed(TWO_GPUS, "generate", tensor_parallel=1)
    found = plan.estimate_sampling(LLAMA_8B, notes, wide, one, GPUS["l40s"])
    assert any("of generate.concurrent_sequences fit at once" in problem for problem in found.problems)
    found = plan.estimate_sampling(LLAMA_8B, notes, wide, one, tiny)
    assert any("do not fit into 1 x 12 GiB" in problem for problem in found.problems)
    found = plan.estimate_sampling(LLAMA_8B, lengths(100, 7_000, 10), wide, one, tiny)
    assert found.problems[0].startswith("100.0% of the prompts fill")
    work = {"fine-tuning, mimic": plan.estimate_finetuning(LLAMA_8B, notes, PAPER, TWO_GPUS, tiny)}
    assert plan.show(work, free_gib=0.0)[-1].startswith("disk: ")


def test_the_papers_sampling_by_hand():
    prompts = lengths(13_378, 400, 2_000)
    found = plan.estimate_sampling(LLAMA_8B, prompts, PAPER, TWO_GPUS, GPUS["h100"])
    read, written = 13_378 * 400, 13_378 * 5 * 2_001
    assert found.tokens == pytest.approx(read + written)
    # 45 sequences at once, of 400 + 2,001 / 2 tokens on average; 5.4 million tokens are read in no time.
    step = (8_030_261_248 * 2 + 45 * 1_400.5 * 131_072) / (3350e9 * 0.6)
    assert found.gpu_hours == pytest.approx(written / 45 * step / 3600, rel=0.01)
    assert found.problems == []


def test_a_plan_of_a_whole_run_prints_no_note(generator, records, tmp_path, capsys):
    for corpus in ("mimic", "sepr"):
        (tmp_path / "models" / corpus).mkdir(parents=True)
        (tmp_path / "models" / corpus / "generator").symlink_to(generator)
        for name in ("training", "prompts"):
            write_records(tmp_path / "records" / corpus / f"{name}.jsonl", records)
    values = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    values["finetune"]["max_length"] = 400
    values["generate"] |= {"model_length": 400, "max_new_tokens": 99}
    values["corpora"]["sepr"]["generate"] = {}
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(values))
    resources = Path("machine.yaml")
    assert plan.main(tmp_path / "models", tmp_path / "records", file, resources, "h100") == 0
    shown = capsys.readouterr().out
    assert "fine-tuning, mimic" in shown
    assert "Everything fits." in shown
    assert records[0].output not in shown
    assert plan.main(tmp_path / "nowhere", tmp_path / "records", file, resources, "h100") == 1
    assert "no such folder" in capsys.readouterr().err
