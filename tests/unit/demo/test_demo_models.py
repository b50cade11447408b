"""The demo kit: tiny base models that load as large ones would, and a command that never overwrites anyone's data."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tqdm import trange
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer, LlamaForCausalLM

from synthnotes.demo import kit, models, sepr
from synthnotes.demo.clinic import PretrainingCase
from synthnotes.demo.scale import DEMO, TOY, Network
from synthnotes.generation.generators import check_generator
from synthnotes.generation.records import encode_prompts
from synthnotes.machinery.files import UserError
from synthnotes.machinery.language import LANGUAGES, read_language

NETWORK = Network(hidden_size=32, layers=1, heads=1, steps=3)
TINY = replace(TOY, pretraining_notes=20, sepr_notes=30, mimic_admissions=30, mimic_patients=25, vocabulary=600)
TINY = replace(TINY, generator=NETWORK, encoder=NETWORK, encoder_batch=2)


@pytest.fixture(scope="module")
def cases() -> list[PretrainingCase]:
    return sepr.sample_pretraining_cases(20, seed=7)


@pytest.fixture(scope="module")
def folder(cases, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("models")
    threads = torch.get_num_threads()
    models.write_models(path, "sepr", cases, TINY, seed=7)
    torch.set_num_threads(threads)
    return path


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_generator_loads_and_speaks(folder):
    check_generator(folder / "generator", needed_length=1024)
    model = AutoModelForCausalLM.from_pretrained(folder / "generator")
    tokenizer = AutoTokenizer.from_pretrained(folder / "generator")
    assert isinstance(model, LlamaForCausalLM)
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    [prompt] = encode_prompts(tokenizer, [read_language(LANGUAGES / "sv.yaml").render_prompt(["Essentiell hypertoni"])])
    sample = model.generate(torch.tensor([prompt]), max_new_tokens=5, do_sample=False)
    assert sample.shape[1] > len(prompt)


def test_encoder_loads_with_every_weight_but_the_pooler(folder):
    encoder, found = AutoModel.from_pretrained(folder / "encoder", output_loading_info=True)
    assert all(key.startswith("pooler.") for key in found["missing_keys"])
    masked = AutoModelForMaskedLM.from_pretrained(folder / "encoder")
    assert torch.equal(encoder.embeddings.word_embeddings.weight, masked.lm_head.decoder.weight)
    tokens = torch.full((1, 512), 9)
    assert encoder(input_ids=tokens).last_hidden_state.shape == (1, 512, 32)


@pytest.mark.parametrize("text", ["Försämrad njurfunktion, åter 2 v. ÅÄÖ é µg/L", "  two  spaces\n\tand ☃ "])
@pytest.mark.parametrize("name", ["generator", "encoder"])
def test_text_comes_back_from_tokens_as_it_was(folder, name, text):
    tokenizer = AutoTokenizer.from_pretrained(folder / name)
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_special_tokens_stand_where_llama_and_roberta_have_them(folder):
    generator, encoder = (AutoTokenizer.from_pretrained(folder / name) for name in ("generator", "encoder"))
    inner = generator("njure", add_special_tokens=False)["input_ids"]
    assert generator("njure")["input_ids"] == [generator.bos_token_id, *inner]
    assert encoder("njure")["input_ids"] == [0, *inner, 2]  # RoBERTa's ids of <s> and </s>
    assert (encoder.pad_token_id, encoder.mask_token) == (1, "<mask>")
    assert generator.pad_token_id not in {generator.eos_token_id, None}


def test_vocabulary_makes_prompts_short(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder / "generator")
    prompt = read_language(LANGUAGES / "sv.yaml").render_prompt(["Essentiell hypertoni"])
    assert len(tokenizer(prompt)["input_ids"]) < 2.5 * len(prompt.split())
    assert len(tokenizer) == TINY.vocabulary
    assert isinstance(tokenizer.backend_tokenizer, Tokenizer)


def test_same_seed_same_bytes_other_seed_other_weights(folder, cases, tmp_path):
    models.write_models(tmp_path / "again", "sepr", cases, TINY, seed=7)
    assert hashes(tmp_path / "again") == hashes(folder)
    models.write_models(tmp_path / "other", "sepr", cases, TINY, seed=8)
    for name in ("generator", "encoder"):
        weights = f"{name}/model.safetensors"
        assert hashes(tmp_path / "other")[weights] != hashes(folder)[weights]


def test_weights_leave_no_trace_of_this_machine(folder):
    for path in folder.rglob("*.json"):
        assert str(folder) not in path.read_text(encoding="utf-8")
    assert json.loads((folder / "generator" / "config.json").read_text())["architectures"] == ["LlamaForCausalLM"]


def test_pretraining_learns_a_text_by_heart():
    text = list(range(5, 15)) * 5  # each token tells the next
    tokenizer = models.build_generator_tokenizer(models.train_vocabulary(["a"], 300))
    torch.manual_seed(0)
    model = models.build_generator(NETWORK, tokenizer)
    models.train_generator(model, [(1.0, [text] * 20)], trange(120, disable=True))
    tokens = torch.tensor([text])
    loss = model(input_ids=tokens, labels=tokens).loss
    assert loss < 0.5  # chance is log 261 = 5.6, knowing the ten tokens but not their order log 10 = 2.3


def test_batches_hold_runs_of_the_text_and_all_of_an_epoch():
    torch.manual_seed(0)
    stream = models.batch_runs(torch.arange(100), length=10, size=3)
    epoch = torch.cat([next(stream) for _ in range(3)])
    assert (epoch.diff(dim=1) == 1).all()  # sequences are runs of the text
    assert len(epoch.unique()) == 90  # and none comes twice
    with pytest.raises(ValueError, match="do not fill two batches"):
        next(models.batch_runs(torch.arange(59), length=10, size=3))


def test_demo_models_are_of_the_promised_size():
    tokenizer = models.build_generator_tokenizer(models.train_vocabulary(["a"], 300))
    generator = models.build_generator(DEMO.generator, tokenizer)
    embeddings = (DEMO.vocabulary - len(tokenizer)) * DEMO.generator.hidden_size
    assert 2e6 <= generator.num_parameters() + embeddings <= 5e6


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """A whole demo, made without the kit's processes (the pipeline test has them), which take seconds to start."""
    data = tmp_path_factory.mktemp("kit") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(kit.SCALES, "toy", TINY)
        patch.setattr(
            kit, "_make_corpora", lambda *to: [kit._make_corpus(to[0], name, *to[1:]) for name in kit.CORPORA]
        )
        kit.make(data, "toy", 7)
    return data


def test_kit_writes_what_a_user_would_bring(demo):
    assert sorted(path.name for path in demo.iterdir()) == ["DEMO.json", "mimic", "models", "sepr"]
    assert sorted(str(path.relative_to(demo)) for path in demo.glob("models/*/*")) == [
        f"models/{corpus}/{model}" for corpus in ("mimic", "sepr") for model in ("encoder", "generator")
    ]
    marker = json.loads((demo / "DEMO.json").read_text())
    assert (marker["scale"], marker["seed"], marker["version"]) == ("toy", 7, kit.fingerprint())
    assert marker["files"] == {name: digest for name, digest in hashes(demo).items() if name != "DEMO.json"}
    assert str(demo.parent) not in (demo / "DEMO.json").read_text()


def test_second_call_does_nothing(demo, monkeypatch):
    monkeypatch.setattr(kit, "_make_corpora", lambda *arguments: pytest.fail("made again"))
    assert "already" in kit.make(demo, "toy", 7)


def make_a_file(folder: Path, scale: object, seed: int) -> None:
    """Stands in for the minutes of the real thing."""
    for name in kit.FOLDERS:
        (folder / name).mkdir()
        (folder / name / "file").write_text(f"{name} {seed}")


def test_other_seed_replaces_the_demo_and_a_missing_file_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(kit, "_make_corpora", make_a_file)
    kit.make(tmp_path, "toy", 1)
    kit.make(tmp_path, "toy", 2)
    assert (tmp_path / "mimic" / "file").read_text() == "mimic 2"
    (tmp_path / "sepr" / "file").unlink()
    (tmp_path / ".demo-killed").mkdir()
    kit.make(tmp_path, "toy", 2)
    assert (tmp_path / "sepr" / "file").read_text() == "sepr 2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["DEMO.json", "mimic", "models", "sepr"]


@pytest.mark.parametrize("moment", range(4))
def test_kill_while_moving_never_makes_the_demo_look_foreign(tmp_path, monkeypatch, moment):
    monkeypatch.setattr(kit, "_make_corpora", make_a_file)
    kit.make(tmp_path, "toy", 1)
    real, calls = Path.replace, iter(range(10))

    def replace_or_die(self, target):
        if next(calls) == moment:
            raise KeyboardInterrupt
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace_or_die)
        with pytest.raises(KeyboardInterrupt):
            kit.make(tmp_path, "toy", 2)
    kit.make(tmp_path, "toy", 2)
    assert [(tmp_path / name / "file").read_text() for name in kit.FOLDERS] == ["mimic 2", "sepr 2", "models 2"]


@pytest.mark.parametrize("own", ["mimic/note/discharge.csv.gz", "mimic/file", "notes.txt", "linked"])
def test_own_data_are_never_touched(tmp_path, monkeypatch, own):
    monkeypatch.setattr(kit, "_make_corpora", make_a_file)
    data = tmp_path / "data"
    kit.make(data, "toy", 1)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "real").write_text("real")
    if own == "linked":
        (data / own).symlink_to(tmp_path / "elsewhere")
    else:
        (data / own).parent.mkdir(parents=True, exist_ok=True)
        (data / own).write_text("real")
    before = hashes(tmp_path)
    with pytest.raises(UserError, match=own):
        kit.make(data, "toy", 2)
    assert hashes(tmp_path) == before


def test_command_refuses_or_leaves_own_data_alone(tmp_path, monkeypatch, capsys):
    (tmp_path / "own.csv").write_text("real")
    monkeypatch.setattr("sys.argv", ["demo", "--data", str(tmp_path), "--scale", "toy"])
    with pytest.raises(SystemExit) as exit_code:
        kit.main()
    assert exit_code.value.code == 1
    assert "own.csv" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["demo", "--data", str(tmp_path), "--unless-own-data"])
    kit.main()
    assert "stay as they are" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["own.csv"]


def test_batches_of_whole_texts_hold_every_text_once_an_epoch_and_little_padding():
    rng = torch.Generator().manual_seed(1)
    lengths = torch.randint(20, 400, (700,), generator=rng).tolist()
    texts = [[number + 5] * length for number, length in enumerate(lengths)]  # a text's token is its number
    batches = models.batch_texts(texts, padding=1)
    seen, real, padded = [], 0, 0
    while len(seen) < len(texts):
        batch = next(batches)
        assert batch.shape[0] == 1 or (batch != 1).sum() < models.GENERATOR_TOKENS + 400
        seen += [int(row[0]) - 5 for row in batch]
        real, padded = real + int((batch != 1).sum()), padded + batch.numel()
    assert sorted(seen) == list(range(len(texts)))
    assert real == sum(lengths)
    assert padded < 1.15 * real
