"""Instruction records: notes as Alpaca records (paper, section 4.1), in memory and as JSON lines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from synthnotes.generation.prompts import INSTRUCTION
from synthnotes.machinery import kinds
from synthnotes.machinery.files import UserError, replacing, require, unreadable


@dataclass(frozen=True)
class Record:
    """One Alpaca record, with the keys that Axolotl and Alpaca-style trainers expect.

    Attributes:
        id: the note's id.
        instruction: the corpus's instruction.
        input: the descriptions of the note's codes, possibly none.
        output: the note.
    """

    id: str
    instruction: str
    input: list[str]
    output: str


def build_records(corpus: str, notes: pd.DataFrame) -> list[Record]:
    """Turns a note table into records, in its order."""
    columns = zip(notes["note_id"], notes["descriptions"], notes["text"], strict=True)
    return [Record(note_id, INSTRUCTION[corpus], list(titles), text) for note_id, titles, text in columns]


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Writes records as JSON lines, atomically."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as lines:
        for record in records:
            lines.write(json.dumps(asdict(record), ensure_ascii=False) + "\n")


def read_records(path: Path) -> list[Record]:
    """Reads records written by `write_records`, or by hand in the same form.

    Raises:
        UserError: the file is missing or empty, or a line is no record or has no output; names the line.
    """
    require(path)
    records = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                record = _record(json.loads(line))
            except (TypeError, ValueError, RecursionError):
                # Neither the line nor the parser's message, which quotes it: both hold parts of a note.
                raise unreadable(
                    path,
                    kinds.TEXT,
                    f"line {number} is no record with id, instruction, input and output. Delete the folder and run "
                    "`dvc repro`.",
                ) from None
            if not record.output.strip():
                raise UserError(f"{path}: line {number}, record {record.id}: the output is empty. Remove the record.")
            records.append(record)
    return records


def _record(values: Any) -> Record:
    """Raises a TypeError for what is no record, or has values of other types."""
    record = Record(**values)
    texts = [record.id, record.instruction, record.output, *record.input]
    if not isinstance(record.input, list) or not all(isinstance(text, str) for text in texts):
        raise TypeError
    return record
