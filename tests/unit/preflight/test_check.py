"""The check: what it says of whole, missing, broken and doubled files, and of a machine that is too small."""

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

from synthnotes.preflight import hardware
from synthnotes.preflight.check import check_disks, check_gpus, main
from synthnotes.preflight.estimates import GIB, Needs

ROOT = Path(__file__).parents[3]
CODES, TITLES = "hadm_id,icd_code,icd_version\n1,I10,10\n", "icd_code,icd_version,long_title\nI10,10,Hypertension\n"
TABLES = {
    "note/discharge": 'subject_id,hadm_id,note_seq,text\n1,1,1,"the patient\nstayed"\n2,2,1,went home\n',
    "hosp/procedures_icd": CODES, "hosp/diagnoses_icd": CODES, "hosp/d_icd_procedures": TITLES,
    "hosp/d_icd_diagnoses": TITLES,
}  # fmt: skip


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
    monkeypatch.setattr(hardware, "gpus", list)
    monkeypatch.setattr(hardware, "memory", lambda: 64 * GIB)
    return data


def check(data, capsys):
    """The exit code and the lines printed; the check never shows a note."""
    code = main(data, data.parent / "params.yaml", data.parent / "machine.yaml")
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
    monkeypatch.setattr(hardware, name, value)
    code, out = check(data, capsys)
    assert code == 1
    assert message in out


@pytest.mark.parametrize("name", ["config", "config.local"])
def test_a_cache_on_a_disk_of_its_own(data, tmp_path, monkeypatch, name):
    """`make data` asks for one; neither disk must have room for both."""
    (tmp_path / "cache").mkdir()
    (tmp_path / ".dvc").mkdir()
    assert hardware.cache_of(tmp_path) == tmp_path / ".dvc/cache"
    (tmp_path / ".dvc" / name).write_text(f"[core]\n    analytics = false\n[cache]\n    dir = {tmp_path}/cache\n")
    assert hardware.cache_of(tmp_path) == tmp_path / "cache"
    monkeypatch.setattr(hardware, "size_of", lambda folder: 10 if folder == data else 0)
    assert len(list(check_disks(data, 2 * 70 + 10))) == 1
    stat = Path.stat

    def device(path, **options):
        found = stat(path, **options)
        return os.stat_result((*found[:2], path == tmp_path / "cache", *found[3:]))

    monkeypatch.setattr(Path, "stat", device)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=75))
    build, cache = check_disks(data, 2 * 70 + 10)
    assert (build.stops, cache.stops) == (False, True)
    assert build.text.startswith(f"disk of {tmp_path}/build: ")
    assert cache.text.startswith(f"disk of {tmp_path}/cache: ")


@pytest.mark.parametrize(
    ("cards", "gpus", "parameters", "stops"),
    [
        ([], 1, 10**6, False), ([], 2, 10**6, True), ([], 1, 8 * 10**9, True),
        ([None], 1, 8 * 10**9, False),
        ([80 * GIB] * 2, 2, 8 * 10**9, False), ([80 * GIB], 2, 8 * 10**9, True), ([80 * GIB, 8 * GIB], 2, 10**9, True),
    ],
)  # fmt: skip
def test_gpus(cards, gpus, parameters, stops):
    assert check_gpus(cards, Needs(0, 0, 40 * GIB, gpus), parameters).stops is stops


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("params.yaml", "corpora: [unknown]\n", r"params\.yaml: .*corpora: .*dictionary"),
        ("machine.yaml", "coding: {micro_batch: 0}\n", r"machine\.yaml: .*coding\.micro_batch: .*greater than 0"),
        ("machine.yaml", None, r"machine\.yaml: no such file"),
    ],
)
def test_a_wrong_file_is_told(data, capsys, name, content, message):
    path = data.parent / name
    path.unlink() if content is None else path.write_text(content)
    assert main(data, data.parent / "params.yaml", data.parent / "machine.yaml") == 1
    assert re.search(message, capsys.readouterr().err)


def test_processes_that_cannot_share_a_batch_are_told(data, capsys):
    path = data.parent / "machine.yaml"
    values = yaml.safe_load(path.read_text())
    values["finetune"] |= {"processes": 3, "accelerate": "ddp"}
    path.write_text(yaml.safe_dump(values))
    assert main(data, data.parent / "params.yaml", path) == 1
    assert "3 processes cannot share the 8 of finetune.batch" in capsys.readouterr().err
