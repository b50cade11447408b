import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from synthnotes.corpus import notes
from synthnotes.machinery.files import UserError
from synthnotes.stages import fidelity

ROOT = Path(__file__).parents[3]


def write_notes(path: Path, texts: list[str]) -> Path:
    rows = [(str(i), str(i), text, ["I10.9"], ["Essentiell hypertoni"], "train") for i, text in enumerate(texts)]
    notes.write(path, pd.DataFrame(rows, columns=notes.SCHEMA.names))
    return path


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)


def test_the_stage_writes_the_comparison_and_sums_it_up(tmp_path):
    real = write_notes(tmp_path / "real.parquet", ["Mår bra. Åter vb.", "Känd hjärtsvikt."])
    synthetic = write_notes(tmp_path / "synthetic.parquet", ["Mår bra.", "Mår bra."])
    results = tmp_path / "results" / "fidelity" / "sepr.json"

    summary = fidelity.main(real, synthetic, ROOT / "languages/sv.yaml", results)

    written = json.loads(results.read_text(encoding="utf-8"))
    assert written["real"]["tokens"] == 9  # Mår bra . Åter vb . Känd hjärtsvikt .
    assert written["real"]["sentences"] == 3
    assert written["synthetic"]["unique_tokens"] == 3
    assert written["difference"]["tokens"] == -3
    assert "real 2 notes, 4.5 tokens each" in summary
    assert "hjärtsvikt" not in summary + results.read_text(encoding="utf-8")


def test_a_missing_table_is_named_and_nothing_is_written(tmp_path):
    real = write_notes(tmp_path / "real.parquet", ["Mår bra."])
    results = tmp_path / "results.json"
    with pytest.raises(UserError, match=r"absent\.parquet"):
        fidelity.main(real, tmp_path / "absent.parquet", ROOT / "languages/sv.yaml", results)
    assert not results.exists()
