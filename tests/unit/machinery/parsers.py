"""Every parser of the package with a good file of its kind, and documents that are good, nearly good, or bytes.

For property tests (test_parsers.py) and for fuzzing (fuzz.py).
"""

import gzip
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from tiny_models import make_generator

from synthnotes.coding import labels, predictions
from synthnotes.coding.plm_icd import training
from synthnotes.corpus import notes, releases, sources
from synthnotes.generation import generators, records
from synthnotes.machinery import configure, files, model_folders, params, tokenizer_checks
from synthnotes.machinery.files import UserError
from synthnotes.preflight import inventory
from synthnotes.preflight.estimates import Architecture
from synthnotes.privacy.overlap.memory import Checkpoint
from synthnotes.questionnaire import answers, exports, sosci, survey
from synthnotes.questionnaire.sosci_project import read_project
from synthnotes.questionnaire.survey import SurveyNote
from synthnotes.report.kit import numbers
from synthnotes.stages import corpus as corpus_stage

ROOT = Path(__file__).parents[3]
NOTES = [SurveyNote(1, 1, "real", "id1", "A note."), SurveyNote(2, 1, "synthetic", "id1", "Another.")]
COMMON = (b"\0", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", "²٣".encode(), b"9" * 5000, b"-1", b" ")
CELLS = (b",", b";", b"\t", b'"', b'""', b"\n", b"\r", b"4.0", b"1e999", b"nan")
BRACKETS = (
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b'"',
    b"null",
    b"NaN",
    b"1e999",
    b"[" * 3000,
    b'"\\ud800"',
    b'{"a":' * 999,
)
YAML = (
    *(
        b": ",
        b"- ",
        b"\n",
        b"\n  ",
        b"&a ",
        b"*a",
        b"? ",
        b"|\n",
        b"%",
        b"@",
        b"'",
        b"---\n",
        b"...\n",
        b"<<: ",
        b"[" * 3000,
    ),
    *(b"!!python/name:os.system ", b"!!binary ", b"!!timestamp x", b"!!int ", b"!!int x", b"!!float y", b"!!bool z"),
    *(
        b"!!set {a}",
        b"!!omap [1]",
        b"!!pairs [1]",
        b"!!null ",
        b"2001-13-45",
        b"0o9",
        b".inf",
        b"190:20:30",
        b"0x",
        b"{",
        b"}",
    ),
)
XML = (
    *(b"<", b">", b"&", b"&x;", b"]]>", b"<![CDATA[", b"<?php", b"<?xml version='1.0' encoding='utf-7'?>", b'id="'),
    *(b"<!DOCTYPE a [<!ENTITY x 'y'>]>", b"<question>", b"</question>", b"<attr id='content'>", b"</attr>"),
)


@dataclass(frozen=True)
class Parser:
    """A parser.

    Attributes:
        file: the name under which it expects its file.
        read: reads the file at a path.
        good: the bytes of a file that it accepts.
        tokens: bytes that mean something in the format.
    """

    file: str
    read: Callable[[Path], object]
    good: bytes
    tokens: tuple[bytes, ...] = ()

    def refuses(self, content: bytes) -> str | None:
        """Lets the parser read the bytes; its message if it refuses them. Any error but a `UserError` comes through."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self.file
            path.write_bytes(content)
            try:
                self.read(path)
            except UserError as error:
                return str(error)
        return None


def documents(parser: Parser) -> st.SearchStrategy[bytes]:
    """Bytes for a parser: its good file with some pieces cut out, doubled or replaced, or any bytes at all."""
    piece = st.one_of(st.sampled_from((b"", *COMMON, *parser.tokens)), st.binary(max_size=6))
    # What to do at which place (a share of the length), over how many bytes.
    edit = st.tuples(st.floats(0, 1), st.integers(0, 40), piece, st.booleans())
    small = st.tuples(st.floats(0, 1), st.integers(0, 2), piece, st.just(False))
    edits = st.one_of(st.lists(small, min_size=1, max_size=1), st.lists(edit, min_size=1, max_size=4))
    edited = edits.map(lambda edits: _edited(parser.good, edits))
    soup = st.lists(piece, max_size=30).map(b"".join)
    return st.one_of(edited, edited, edited, soup, st.binary(max_size=300))


def _edited(content: bytes, edits: list[tuple[float, int, bytes, bool]]) -> bytes:
    for place, length, piece, double in edits:
        start = int(place * len(content))
        kept = content[start : start + length] if double else b""
        content = content[:start] + kept + piece + kept + content[start + length :]
    return content


@cache
def parsers() -> dict[str, Parser]:
    """Every parser by what it reads."""
    rows = b'_id,text,code\n1,"one, ""two""",I10\n2,"three\nfour",E11.9\n'
    codes = b"code,title,kind\nI10,Hypertension,diagnosis\n0DTJ4ZZ,,procedure\n"
    metrics = {"micro": {"f1": 0.5, "auc": None}, "of": [1, 2], "name": "x", "is": True}
    model = _tiny_model()
    record = {"id": "1", "instruction": "write", "input": ["Hypertension"], "output": "note", "prompt": "p"}
    own, paper = (ROOT / "params.yaml").read_bytes(), (ROOT / "configs/paper.yaml").read_bytes()
    repairs = (ROOT / "paper/repairs.yaml").read_bytes()[:2000].rpartition(b"\n- ")[0]
    return {
        "source table, CSV": Parser("t.csv", _source, rows, CELLS),
        "source table, gzip": Parser("t.csv.gz", _source, gzip.compress(rows, mtime=0), CELLS),
        "source table, feather": Parser(
            "t.feather", lambda p: sources.read_feather(p, ["_id", "text"]), _feather(_id=[1, 2], text=["a", "b"])
        ),
        "split file, feather": Parser("t.feather", corpus_stage.read_splits, _feather(_id=[1, 2], split=["a", "b"])),
        "feather in the check": Parser(
            "t.feather", lambda p: inventory.describe_feather(p, ["_id"]), _feather(_id=[1, 2], text=["a", "b"])
        ),
        "list of checksums": Parser(releases.CHECKSUMS, _checksum, b"0" * 64 + b"  discharge.csv.gz\n"),
        "note table, parquet": Parser("t.parquet", notes.read, _notes()),
        "table, parquet": Parser("t.parquet", lambda p: files.read_parquet(p, ["note_id", "codes"]), _notes()),
        "code set, CSV": Parser("t.csv", labels.read_codes, codes, CELLS),
        "result, CSV": Parser("t.csv", files.read_csv, codes, CELLS),
        "result, JSON": Parser("t.json", files.read_json, _json(metrics), BRACKETS),
        "numbers of the report, JSON": Parser("t.json", _numbers, _json(metrics), BRACKETS),
        "records, JSON lines": Parser("t.jsonl", records.read_records, _json(record) + _json(record), BRACKETS),
        "generator's config.json": Parser("config.json", _generator, model["config.json"], BRACKETS),
        "model in the check": Parser("config.json", _architecture, model["config.json"], BRACKETS),
        "weights, safetensors": Parser("model.safetensors", _generator, model["model.safetensors"]),
        "tokenizer.json": Parser("tokenizer.json", _tokenizer, model["tokenizer.json"], BRACKETS),
        "tokenizer_config.json": Parser("tokenizer_config.json", _tokenizer, model["tokenizer_config.json"], BRACKETS),
        "index of weights, JSON": Parser(
            "model.safetensors.index.json", _index,
            b'{"weight_map": {"a": "model-00001-of-00001.safetensors"}}', BRACKETS,
        ),
        "predictions, npz": Parser(predictions.FILE, lambda p: predictions.load(p.parent), _predictions()),
        "search state, npz": Parser("state.npz", _search_state, _bytes(lambda b: np.savez(b, np.zeros(2), done=1))),
        "coder's checkpoint": Parser("checkpoint.pt", training._read_checkpoint, _torch()),
        "parameters, YAML": Parser("params.yaml", params.read, own, YAML),
        "configuration, YAML": Parser("other.yaml", _configure, paper, YAML),
        "language, YAML": Parser("sv.yaml", survey.read_wording, (ROOT / "languages/sv.yaml").read_bytes(), YAML),
        "repairs, YAML": Parser("repairs.yaml", files.read_yaml, repairs, YAML),
    } | _questionnaire()  # fmt: skip


def _questionnaire() -> dict[str, Parser]:
    version = "q1"
    document = sosci.write_project(NOTES, survey.read_wording(ROOT / "languages/en.yaml"), version)
    key = survey.make_key(NOTES, "mimic", version).to_csv(index=False).encode()
    project, known = read_project(document, "survey.xml"), answers.read_key(key, "key.csv")
    ratings = b"corpus,pair,kind,rater,readability,coherence\nmimic,1,real,a,3,4\nmimic,1,synthetic,a,2,5\n"
    sheet = f"survey,rater,note,readability,coherence\n{version},1,1,3,4\n{version},1,2,2,5\n".encode()
    ends = ";".join(variable for variable, _ in sorted(project.screened_out))
    export = f"CASE;QUESTNNR;C001_01;C002_01;R001_01;R002_01;{ends}\n1;{version};1;2;3;4;1;1\n".encode()
    return {
        "table of answers": Parser("a.csv", lambda p: exports.read_table(p.read_bytes(), str(p)), ratings, CELLS),
        "key, CSV": Parser("key.csv", lambda p: answers.read_key(p.read_bytes(), str(p)), key, CELLS),
        "answer sheet, CSV": Parser("s.csv", lambda p: answers.from_sheet(p.read_bytes(), known, str(p)), sheet, CELLS),
        "tidy ratings, CSV": Parser("r.csv", lambda p: answers.from_tidy(p.read_bytes(), str(p)), ratings, CELLS),
        "export of answers, CSV": Parser(
            "a.csv", lambda p: answers.from_sosci(p.read_bytes(), known, project, str(p)), export, CELLS
        ),
        "survey project, XML": Parser("s.xml", lambda p: read_project(p.read_bytes(), str(p)), document, XML),
    }


def _json(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _bytes(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def _feather(**columns: list) -> bytes:
    return _bytes(lambda buffer: pd.DataFrame(columns).to_feather(buffer))


def _notes() -> bytes:
    columns = {
        "note_id": ["1", "2"],
        "patient_id": ["a", "b"],
        "text": ["one two", "three"],
        "codes": [["I10"], ["E11.9", "I10"]],
        "descriptions": [["Hypertension"], []],
        "fold": ["train", "validation"],
    }
    return _bytes(lambda buffer: pq.write_table(pa.table(columns, schema=notes.SCHEMA), buffer, compression="zstd"))


def _predictions() -> bytes:
    half = np.full((2, 1), 0.5, dtype=np.float16)
    arrays = {"note_ids": ["1", "2"], "codes": ["I10"], "probabilities": half, "threshold": 0.5}
    return _bytes(lambda buffer: np.savez_compressed(buffer, **arrays))


def _torch() -> bytes:
    import torch

    return _bytes(lambda buffer: torch.save({"curve": [[1.0]], "model": {"bias": torch.zeros(2)}}, buffer))


def _source(path: Path) -> object:
    return sources.read_csv(path, ["_id", "text"])


def _configure(path: Path) -> None:
    target = path.with_name("merged.yaml")
    target.write_bytes((ROOT / "params.yaml").read_bytes())
    configure.merge(target, path)


def _numbers(path: Path) -> list[str]:
    found = numbers.Numbers(path.parent, {"a": path.name})
    return [found.num(f"a.{name}") for name in list(found.entries("a"))[:20]]


@cache
def _tiny_model() -> dict[str, bytes]:
    """The files of a model's folder."""
    with tempfile.TemporaryDirectory() as folder:
        make_generator(Path(folder))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _model_folder(path: Path) -> Path:
    """The folder of a model, with all else that belongs into it."""
    for name, content in _tiny_model().items():
        if name != path.name:
            path.with_name(name).write_bytes(content)
    return path.parent


def _generator(path: Path) -> object:
    return generators.check_generator(_model_folder(path), 8)


def _architecture(path: Path) -> object:
    found = model_folders.skeleton(_model_folder(path), "generator")
    return Architecture.of(found.model.config, found.parameters).cache_bytes("float32")


def _tokenizer(path: Path) -> object:
    return len(tokenizer_checks.load(_model_folder(path), "generator"))


def _index(path: Path) -> None:
    folder = _model_folder(path)
    path.with_name("model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    model_folders.weight_files(folder, "generator")


def _search_state(path: Path) -> int:
    checkpoint = Checkpoint(None, "", [])
    checkpoint._folder = path.parent
    return checkpoint.load("state", [np.zeros(2)])


def _checksum(path: Path) -> str | None:
    release = releases.Release(releases.MIMIC_IV_NOTE, path.parent, None, {"d": path.parent / "discharge.csv.gz"})
    return releases.read_checksums(release)
