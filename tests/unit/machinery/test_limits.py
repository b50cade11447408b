"""Files that mean harm: bombs, code beside a model, and results that are not there."""

import gzip
import json

import pytest

from synthnotes.corpus import sources
from synthnotes.generation.generators import load_tokenizer
from synthnotes.machinery import params
from synthnotes.machinery.files import MOST_VALUES, UserError, read_yaml
from synthnotes.report.kit.tables import Tables

BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_a_gzip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "ALWAYS_ALLOWED", 2**20)
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"id,text\n" + b"1,%s\n" % (b"a" * 2**20) * 4))
    assert path.stat().st_size < 2**15
    with pytest.raises(UserError, match="expands to more than 100 times its size"):
        sources.read_csv(path, ["id", "text"])


def test_a_first_line_without_end_is_not_read_whole(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a" * 2**22))
    with pytest.raises(UserError, match="column id is missing"):
        sources.check_columns(path, ["id"])


@pytest.mark.parametrize("read", [read_yaml, params.read])
def test_a_bomb_of_aliases_is_refused(tmp_path, read):
    """Nine lines that stand for 9^9 values: printed in an error message, they would fill the memory."""
    path = tmp_path / "params.yaml"
    path.write_text(BOMB)
    with pytest.raises(UserError, match=f"more than {MOST_VALUES:,} values"):
        read(path)


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system [true]", "a: !!python/name:os.system"])
def test_tags_make_no_objects(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    for read in (read_yaml, params.read):
        with pytest.raises(UserError, match="line 1: not valid YAML"):
            read(path)


def test_code_that_comes_with_a_model_is_not_run(tmp_path):
    ran = tmp_path / "ran"
    (tmp_path / "evil.py").write_text(f"open({str(ran)!r}, 'w')\nclass Tokenizer: pass\n")
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "evil", "vocab_size": 9}
    reference = {"AutoTokenizer": ["evil.Tokenizer", None], "AutoConfig": "evil.Tokenizer"}
    for name in ("config.json", "tokenizer_config.json"):
        (tmp_path / name).write_text(json.dumps(config | {"auto_map": reference}))
    for name in ("tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(UserError, match=r"config\.json: describes no model that transformers knows"):
        load_tokenizer(tmp_path)
    assert not ran.exists()


def test_a_figure_without_its_table_is_named(tmp_path):
    with pytest.raises(UserError, match=r"coding/mimic/real_s-curve.csv: this result is missing; .* Run `dvc repro`"):
        Tables(tmp_path / "results", {"coding.mimic.real_s": "coding/mimic/real_s-curve.csv"})
