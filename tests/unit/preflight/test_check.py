"""The inventory: what it says of whole, missing, broken and doubled files, and of a machine that is too small."""

import gzip
import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from tiny_models import make_generator, save_encoder

from synthnotes.corpus import inventory, machine
from synthnotes.corpus.machine import GIB, Model, Needs
from synthnotes.machinery import configure, params
from synthnotes.machinery import machine as resource_file
from synthnotes.machinery.machine import Machine
from synthnotes.machinery.sections import TRAINING_SETS, Params

ROOT = Path(__file__).parents[3]
CODES, TITLES = "hadm_id,icd_code,icd_version\n1,I10,10\n", "icd_code,icd_version,long_title\nI10,10,Hypertension\n"
TABLES = {
    "note/discharge": 'subject_id,hadm_id,note_seq,text\n1,1,1,"the patient\nstayed"\n2,2,1,went home\n',
    "hosp/procedures_icd": CODES, "hosp/diagnoses_icd": CODES, "hosp/d_icd_procedures": TITLES,
    "hosp/d_icd_diagnoses": TITLES,
}  # fmt: skip
CONFIG = {
    "model_type": "llama",
    "dtype": "bfloat16",
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 3000,
}
LARGE = CONFIG | {"hidden_size": 4096, "num_hidden_layers": 32, "vocab_size": 128_256}


def write_tables(root):
    for name, content in TABLES.items():
        path = root / f"{name}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content.encode()))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    make_generator(folder / "generator", positions=1024)
    save_encoder(folder / "encoder", positions=80)
    return folder


@pytest.fixture
def data(tmp_path, monkeypatch, models):
    """Whole data for both corpora, and the demo's parameters beside them."""
    data = tmp_path / "data"
    write_tables(data / "mimic")
    (data / "sepr").mkdir()
    pd.DataFrame({"_id": [1], "text": ["the patient stayed"], "target": [["I10"]]}).to_feather(
        data / "sepr/notes.feather"
    )
    (data / "sepr/descriptions.csv").write_text("code,transcription\ni10,Hypertoni\n")
    for corpus in ("mimic", "sepr"):
        for role in ("generator", "encoder"):
            folder = data / "models" / corpus / role
            shutil.copytree(models / role, folder)
    (data / "DEMO.json").write_text("{}")
    for name in ("params.yaml", "machine.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(machine, "gpus", list)
    monkeypatch.setattr(machine, "memory", lambda: 64 * GIB)
    return data


def check(data, capsys):
    """The exit code and the lines printed; the inventory never shows a note."""
    code = inventory.main(data, data.parent / "params.yaml", data.parent / "machine.yaml")
    out = capsys.readouterr().out
    assert "stayed" not in out
    return code, out


@pytest.mark.parametrize("name", ["mimic/note", "mimic/hosp", "mimic", "models", "models/sepr/encoder"])
def test_data_behind_a_link_to_a_folder_stop_the_run(data, capsys, name):
    (data / name).rename(data.parent / "disk")
    (data / name).symlink_to(data.parent / "disk")
    code, out = check(data, capsys)
    assert code == 1
    assert f"! {data / name}: a link to a folder" in out


@pytest.mark.parametrize("name", ["", "mimic/note/discharge.csv.gz", "models/sepr/encoder/model.safetensors"])
def test_data_itself_or_a_file_may_be_a_link(data, capsys, name):
    (data / name).rename(data.parent / "disk")
    (data / name).symlink_to(data.parent / "disk")
    assert check(data, capsys)[0] == 0


def test_whole_data_pass(data, capsys):
    code, out = check(data, capsys)
    assert code == 0
    assert "! " not in out
    assert "discharge.csv.gz: 0.1 KiB, 2 rows" in out
    assert re.search(r"notes.feather: [\d.]+ KiB, 1 rows", out)
    assert "splits.feather: absent (optional)" in out
    assert "generator: llama, 0 million parameters" in out


def test_nothing_there(data, capsys):
    code, out = check(data.parent / "nowhere", capsys)
    assert code == 1
    assert "8 of these would make the run fail" in out
    for words in ("credentialed user", "MIMIC-IV-Note: Deidentified free-text clinical notes", "Health Bank", "SweDeC"):
        assert words in out
    assert "http" not in out


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: (data / "mimic/note/discharge.csv.gz").unlink(), "! MIMIC-IV-Note: missing. Get it on PhysioNet"),
        (lambda data: (data / "mimic/hosp/d_icd_diagnoses.csv.gz").unlink(), "! .*d_icd_diagnoses.csv.gz: missing"),
        (lambda data: (data / "mimic/hosp/diagnoses_icd.csv.gz").write_bytes(b""), "! .*the file is empty"),
        (lambda data: (data / "mimic/hosp/diagnoses_icd.csv.gz").write_bytes(b"PK"), "! .*it is plain text, where"),
        (
            lambda data: (data / "mimic/hosp/diagnoses_icd.csv.gz").write_bytes(gzip.compress(b"a;b\n1;2\n")),
            "! .*column hadm_id is missing",
        ),
        (lambda data: write_tables(data / "mimic/mimic-iv-3.1"), "! .*several releases: .*MIMIC-IV 3.1"),
        (lambda data: (data / "sepr/notes.feather").write_bytes(b"feather?"), "! .*it is plain text, where"),
        (lambda data: pd.DataFrame({"_id": [1]}).to_feather(data / "sepr/notes.feather"), "! .*column text is missing"),
        (lambda data: (data / "sepr/descriptions.csv").write_text("kod\nx\n"), "! .*column code is missing"),
        (lambda data: pd.DataFrame({"_id": [1]}).to_feather(data / "sepr/splits.feather"), "! .*split or splits is mi"),
        (
            lambda data: (data / "models/sepr/encoder/config.json").unlink(),
            r"! .*encoder/config\.json: missing.* SweDeClin-BERT: the Health B",
        ),
        (
            lambda data: shutil.rmtree(data / "models/sepr/encoder"),
            "! .*encoder: missing. SweDeClin-BERT: the Health B",
        ),
        (
            lambda data: (data / "models/sepr/encoder/config.json").write_text("{"),
            r"! .*config\.json: not valid.*SweDe",
        ),
        (lambda data: (data / "models/mimic/generator/model.safetensors").unlink(), "! .*no weights"),
    ],
)
def test_what_would_make_the_run_fail(data, capsys, damage, message):
    damage(data)
    code, out = check(data, capsys)
    assert code == 1
    assert re.search(message, out), out
    assert "Traceback" not in out


def test_nested_releases_are_recognised_by_their_folders(data, capsys):
    for name in ("note", "hosp"):
        (data / "mimic" / name).rename(data / name)
    for version, name in (
        ("physionet.org/files/mimic-iv-note/2.2", "note"),
        ("physionet.org/files/mimiciv/3.2", "hosp"),
    ):
        (data / "mimic" / version).mkdir(parents=True)
        (data / name).rename(data / "mimic" / version / name)
    code, out = check(data, capsys)
    assert code == 0
    assert f"MIMIC-IV-Note 2.2, in {data}/mimic/physionet.org" in out
    assert "MIMIC-IV 3.2, in " in out
    assert "only 2.2 to 3.1 have been tried" in out


def test_real_data_under_the_demo_parameters_stop_the_run(data, capsys):
    (data / "DEMO.json").unlink()
    code, out = check(data, capsys)
    assert code == 1
    assert f"! {data}: data that the demo kit has not made, but disclosure.demo is true" in out


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("memory", lambda: 2 * GIB, "! memory: 2.0 GiB; needs about 2.5 GiB"),
        ("gpus", lambda: [2**20], "! GPUs: 1, of 0.0 GiB; 1 needed"),
        ("size_of", lambda folder: 2**60 if folder.name == "data" else 0, "! disk: "),
    ],
)
def test_a_machine_that_is_too_small(data, capsys, monkeypatch, name, value, message):
    monkeypatch.setattr(machine, name, value)
    code, out = check(data, capsys)
    assert code == 1
    assert message in out


@pytest.mark.parametrize("name", ["config", "config.local"])
def test_a_cache_on_a_disk_of_its_own(data, tmp_path, monkeypatch, name):
    """`make data` asks for one; neither disk must have room for both."""
    (tmp_path / "cache").mkdir()
    (tmp_path / ".dvc").mkdir()
    assert machine.cache_of(tmp_path) == tmp_path / ".dvc/cache"
    (tmp_path / ".dvc" / name).write_text(f"[core]\n    analytics = false\n[cache]\n    dir = {tmp_path}/cache\n")
    assert machine.cache_of(tmp_path) == tmp_path / "cache"
    monkeypatch.setattr(machine, "size_of", lambda folder: 10 if folder == data else 0)
    assert len(list(inventory._disks(data, 2 * 70 + 10))) == 1
    stat = Path.stat

    def device(path, **options):
        found = stat(path, **options)
        return os.stat_result((*found[:2], path == tmp_path / "cache", *found[3:]))

    monkeypatch.setattr(Path, "stat", device)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=75))
    build, cache = inventory._disks(data, 2 * 70 + 10)
    assert (build.stops, cache.stops) == (False, True)
    assert build.text.startswith(f"disk of {tmp_path}/build: ")
    assert cache.text.startswith(f"disk of {tmp_path}/cache: ")


def merged(name, configuration, kind):
    values = yaml.safe_load((ROOT / name).read_text())
    configure.overlay(values, yaml.safe_load((ROOT / configuration).read_text()))
    return params.validate(values, configuration, kind)


PAPER = merged("params.yaml", "configs/paper.yaml", Params)
TWO_GPUS = merged("machine.yaml", "configs/machine/two-gpus.yaml", Machine)


def test_needs_at_the_papers_scale():
    models = {"mimic": {"generator": Model(8 * 10**9, LARGE), "encoder": Model(125 * 10**6, {})}}
    needs = machine.needs(PAPER, TWO_GPUS, models, {"mimic": 10**9}, 20 * 10**9, gpu=True)
    # Merged 16 GB, coders of 0.5 GB (36 of noise, 5 of each of 5 training sets), 4 GB of notes and records, twice; and
    # 20 GB of data.
    assert needs.disk == 2 * (16 + 30.5 + 4) * 10**9 + 20 * 10**9
    assert needs.memory == 24 * 10**9  # merging
    # Half of 16 GB, and 6,000 tokens x 131,072 bytes (32 layers, 8 heads of 128, keys and values, 2 bytes), in 90 %;
    # fine-tuning: half of 16 GB, and twice the logits of 2 x 4,096 tokens.
    sampling, tuning = (8e9 + 6000 * 131_072) / 0.9, 8e9 + 2 * 2 * 4096 * 128_256 * 4
    assert needs.gpu_memory == int(max(sampling, tuning))
    assert needs.gpus == 2


@pytest.mark.parametrize(
    ("section", "change", "gpu", "gpus"),
    [
        ("generate", {"data_parallel": 3}, True, 6),
        ("generate", {"data_parallel": 3, "tensor_parallel": 1}, True, 3),
        ("generate", {"data_parallel": 3, "tensor_parallel": 1}, False, 2),  # side by side on one CPU
        ("coding", {"processes": 5}, True, 5),
        ("finetune", {"processes": 4}, True, 4),
    ],
)
def test_all_that_asks_for_gpus_is_counted(section, change, gpu, gpus):
    models = {"mimic": {"generator": Model(8 * 10**9, LARGE), "encoder": Model(125 * 10**6, {})}}
    changed = TWO_GPUS.model_copy(update={section: getattr(TWO_GPUS, section).model_copy(update=change)})
    assert machine.needs(PAPER, changed, models, {"mimic": 0}, 0, gpu).gpus == gpus


@pytest.mark.parametrize(("gpu", "processes", "host"), [(True, 1, 4), (True, 3, 12), (False, 1, 20)])
def test_an_encoder_larger_than_the_generator_decides(gpu, processes, host):
    models = {"mimic": {"generator": Model(10**6, CONFIG), "encoder": Model(10**9, {})}}
    coding = TWO_GPUS.coding.model_copy(update={"processes": processes})
    needs = machine.needs(PAPER, TWO_GPUS.model_copy(update={"coding": coding}), models, {"mimic": 0}, 0, gpu)
    assert needs.memory == host * 10**9
    assert needs.gpu_memory == 16 * 10**9


def test_coders_of_every_training_set_are_reckoned_with_by_its_own_seeds():
    models = {"sepr": {"generator": Model(0, LARGE), "encoder": Model(10**6, {})}}

    def disk(**seeds):
        settings = PAPER.model_copy(update=seeds | {"noise": PAPER.noise.model_copy(update={"corpora": []})})
        return machine.needs(settings, TWO_GPUS, models, {"sepr": 0}, 0, gpu=True).disk / (2 * 4 * 10**6)

    assert disk(seeds=[1], larger_seeds=[1]) == len(TRAINING_SETS) == 5
    assert disk(seeds=[1, 2], larger_seeds=[1]) == 7  # two coders of real S and of synthetic S
    assert disk(seeds=[1], larger_seeds=[1, 2]) == 8


def test_needs_of_a_large_corpus_without_a_gpu():
    settings, resources = params.read(ROOT / "params.yaml"), resource_file.read(ROOT / "machine.yaml")
    models = {"sepr": {"generator": Model(10**6, CONFIG), "encoder": Model(10**6, CONFIG)}}
    assert machine.needs(settings, resources, models, {"sepr": 10**9}, 0, gpu=False).memory == GIB // 2 + 3 * 10**9
    small = machine.needs(settings, resources, models, {"sepr": 10**6}, 0, gpu=False)
    assert settings.generate.precision == "bfloat16"  # two bytes a weight
    assert small.memory == 2 * 10**6 + resources.generate.cpu_cache_gib * GIB + int(1.5 * GIB)


@pytest.mark.parametrize(
    ("cards", "gpus", "parameters", "stops"),
    [
        ([], 1, 10**6, False), ([], 2, 10**6, True), ([], 1, 8 * 10**9, True),
        ([80 * GIB] * 2, 2, 8 * 10**9, False), ([80 * GIB], 2, 8 * 10**9, True), ([80 * GIB, 8 * GIB], 2, 10**9, True),
    ],
)  # fmt: skip
def test_gpus(cards, gpus, parameters, stops):
    assert inventory._gpus(cards, Needs(0, 0, 40 * GIB, gpus), parameters).stops is stops


def test_memory_is_the_lower_of_machine_and_container(tmp_path):
    meminfo, groups = tmp_path / "meminfo", tmp_path / "cgroup"
    assert machine.memory(meminfo, groups) is None
    meminfo.write_text("MemTotal:       16000000 kB\nMemFree:  1 kB\n")
    groups.mkdir()
    (groups / "memory.max").write_text("max\n")
    assert machine.memory(meminfo, groups) == 16_000_000 * 1024
    (groups / "memory.max").write_text(f"{4 * GIB}\n")
    assert machine.memory(meminfo, groups) == 4 * GIB


@pytest.mark.parametrize(
    ("told", "limit"),
    [
        ("0::/slurm/job_7/step_0", "slurm/job_7/memory.max"),  # a scheduler's, above that of the process
        ("0::/user.slice", "user.slice/memory.max"),
        ("11:cpu,cpuacct:/\n4:memory:/docker/7f", "memory/docker/7f/memory.limit_in_bytes"),  # version 1
        ("4:memory:/docker/7f", "memory/memory.limit_in_bytes"),  # version 1, as a container sees itself
        ("0::/../..", "memory.max"),
    ],
)
def test_the_limit_of_a_job_counts_wherever_it_is_kept(tmp_path, told, limit):
    (tmp_path / "self").mkdir()
    (tmp_path / "self/cgroup").write_text(f"{told}\n")
    (tmp_path / "meminfo").write_text("MemTotal:       16000000 kB\n")
    path = tmp_path / "groups" / limit
    path.parent.mkdir(parents=True)
    for content, expected in ((f"{4 * GIB}\n", 4 * GIB), ("9223372036854771712\n", 16_000_000 * 1024)):
        path.write_text(content)
        assert machine.memory(tmp_path / "meminfo", tmp_path / "groups") == expected


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Lets a script speak for nvidia-smi."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def write(*lines):
        tool = tmp_path / "nvidia-smi"
        tool.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
        tool.chmod(0o755)

    return write


def test_gpus_as_nvidia_smi_tells_them(nvidia_smi):
    assert machine.gpus() == []
    nvidia_smi("echo GPU-1a2b, 81559", "echo GPU-3c4d, 143771")
    assert machine.gpus() == [81559 * 2**20, 143771 * 2**20]
    nvidia_smi("echo GPU-1a2b, [N/A]")
    assert machine.gpus() == [None]
    assert not inventory._gpus([None], Needs(0, 0, 40 * GIB, 1), 8 * 10**9).stops
    nvidia_smi("echo no driver", "exit 9")
    assert machine.gpus() == []
    nvidia_smi("echo No devices were found")
    assert machine.gpus() == []


@pytest.mark.parametrize(
    ("visible", "sizes"),
    [
        ("", []), ("-1", []), ("NoDevFiles", []), ("0", [1]), ("1,0", [2, 1]), ("0, 1", [1, 2]), ("0,9,1", [1]),
        ("GPU-3c", [2]), ("GPU-1a2b,GPU-3c4d", [1, 2]), ("MIG-77", [None]),
    ],
)  # fmt: skip
def test_only_gpus_that_a_scheduler_has_given_count(nvidia_smi, monkeypatch, visible, sizes):
    nvidia_smi("echo GPU-1a2b, 1", "echo GPU-3c4d, 2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert machine.gpus() == [size and size * 2**20 for size in sizes]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("params.yaml", "corpora: [unknown]\n", r"params\.yaml: .*corpora\.0"),
        ("machine.yaml", "coding: {micro_batch: 0}\n", r"machine\.yaml: .*coding\.micro_batch: .*greater than 0"),
        ("machine.yaml", None, r"machine\.yaml: no such file"),
    ],
)
def test_a_wrong_file_is_told(data, capsys, name, content, message):
    path = data.parent / name
    path.unlink() if content is None else path.write_text(content)
    assert inventory.main(data, data.parent / "params.yaml", data.parent / "machine.yaml") == 1
    assert re.search(message, capsys.readouterr().err)


def test_processes_that_cannot_share_a_batch_are_told(data, capsys):
    path = data.parent / "machine.yaml"
    values = yaml.safe_load(path.read_text())
    values["finetune"] |= {"processes": 3, "accelerate": "ddp"}
    path.write_text(yaml.safe_dump(values))
    assert inventory.main(data, data.parent / "params.yaml", path) == 1
    assert "3 processes cannot share the 8 of finetune.batch" in capsys.readouterr().err
