"""The note table: the one schema in which notes travel between the chapters, in memory and as parquet.

A table holds the notes of one corpus and one purpose, and lies in `build/notes/<corpus>/<name>.parquet`:

- `real_l` trains the generator, `real_s` prompts it and is the real training set of the coder, `real_e` evaluates;
- `synthetic_s` holds the first sample for every prompt of `real_s`, under the note_id of its prompt.

Columns:
    note_id: unique within the table.
    patient_id: the patient; equal to note_id where the source names no patients.
    text: the note, not empty.
    codes: the note's ICD-10 codes as printed (`I10`, `E11.9`, `0DTJ4ZZ`), not empty; procedures, then diagnoses.
    descriptions: the titles of those codes that have one, in the order of the codes.
    fold: `train` or `validation` (the coder's cut within L and S), `evaluation` in E.
"""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from synthnotes.files import UserError, replacing, require

SCHEMA = pa.schema(
    [
        ("note_id", pa.string()),
        ("patient_id", pa.string()),
        ("text", pa.string()),
        ("codes", pa.list_(pa.string())),
        ("descriptions", pa.list_(pa.string())),
        ("fold", pa.string()),
    ]
)
FOLDS = ("train", "validation", "evaluation")


def read(path: Path) -> pd.DataFrame:
    """Reads a note table; `codes` and `descriptions` become lists of str.

    Raises:
        UserError: the file is missing, is no parquet file, or breaks the schema.
    """
    require(path)
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: not a parquet file. Delete it and run `dvc repro`.") from error
    missing = [name for name in SCHEMA.names if name not in table.column_names]
    if missing:
        raise UserError(f"{path}: column {missing[0]} is missing. Delete the file and run `dvc repro`.")
    notes = table.select(SCHEMA.names).cast(SCHEMA).to_pandas()
    for column in ("codes", "descriptions"):
        notes[column] = [list(values) for values in notes[column]]
    check(notes, str(path))
    return notes


def write(path: Path, notes: pd.DataFrame) -> None:
    """Checks a note table against the schema and writes it as parquet, atomically."""
    check(notes, str(path))
    table = pa.Table.from_pandas(notes[SCHEMA.names], schema=SCHEMA, preserve_index=False)
    with replacing(path) as temporary:
        pq.write_table(table.replace_schema_metadata(None), temporary, compression="zstd")


def check(notes: pd.DataFrame, where: str) -> None:
    """Raises a `UserError` that names the first offending note_id (never its text) if the table breaks its schema."""

    def refuse(bad: pd.Series, expected: str) -> None:
        if bad.any():
            raise UserError(f"{where}: note {notes.loc[bad.idxmax(), 'note_id']}: {expected} ({int(bad.sum())} notes).")

    if notes.empty:
        raise UserError(f"{where}: no notes. See the flow of the corpus in results/corpus/ for what was dropped.")
    refuse(notes["note_id"].isna() | notes["note_id"].duplicated(), "note_id must be present and unique")
    refuse(notes["patient_id"].isna(), "patient_id must be present")
    refuse(notes["text"].isna() | (notes["text"].str.strip() == ""), "text must not be empty")
    refuse(notes["codes"].map(len) == 0, "codes must not be empty")
    refuse(~notes["fold"].isin(FOLDS), f"fold must be one of {', '.join(FOLDS)}")
