import json

import pandas as pd
import pytest

from synthnotes.generation.completeness import summarise
from synthnotes.generation.records import Record, build_records, read_records, write_records
from synthnotes.machinery.files import UserError


def notes_of(*rows):
    return pd.DataFrame(rows, columns=["note_id", "text", "codes", "descriptions"])


TABLE = notes_of(
    ("a", "Åtta ord står i den här korta anteckningen", ["I10", "E11.9"], ["Hypertoni", "Diabetes"]),
    ("b", "Two words", ["I10", "Z99"], ["Hypertoni"]),
    ("c", "One two three four", ["Z99"], []),
)


def test_records_are_alpacas_and_survive_the_file(tmp_path):
    records = build_records("sepr", TABLE)
    write_records(tmp_path / "r.jsonl", records)
    assert read_records(tmp_path / "r.jsonl") == records
    first = json.loads((tmp_path / "r.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert set(first) == {"id", "instruction", "input", "output"}
    assert first["input"] == ["Hypertoni", "Diabetes"]
    assert first["instruction"].startswith("Utifrån en lista")


def test_summary_counts_what_the_prompts_lack():
    counts = summarise("sepr", TABLE)
    assert counts["records"] == 3
    assert counts["codes"] == 5
    assert counts["codes_without_description"] == 2
    assert counts["prompts_shortened"] == 1
    assert counts["prompts_without_descriptions"] == 1
    assert counts["mean_descriptions"] == 1.0
    assert counts["mean_note_words"] == pytest.approx((8 + 2 + 4) / 3, abs=0.01)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "x", "instruction": "", "input": [], "output": "secret"', "line 2 is no record"),
        ('{"id": "x", "input": [], "output": "secret"}', "line 2 is no record"),
        ('{"id": "x", "instruction": "", "input": ["secret"], "output": " "}', "record x: the output is empty"),
    ],
)
def test_broken_lines_are_named_but_not_quoted(tmp_path, line, message):
    path = tmp_path / "r.jsonl"
    write_records(path, [Record("ok", "", [], "text")])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UserError, match=message) as error:
        read_records(path)
    assert "secret" not in str(error.value)
