"""The note table: the one schema in which notes travel between the chapters, in memory and as parquet.

A table holds the notes of one corpus and one purpose, and lies in `build/notes/<corpus>/<name>.parquet`:

- `real_l` trains the generator, `real_s` prompts it and is the real training set of the coder, `real_e` evaluates;
- `synthetic_s` holds the first sample for every prompt of `real_s`, under the note_id of its prompt;
- `synthetic_s_all` holds all samples, and `real_and_synthetic_s` both `real_s` and the first samples; in these two a
  sample's note_id is that of its prompt with `#` and its number.

Columns:
    note_id: unique within the table.
    patient_id: the patient; equal to note_id where the source names no patients.
    text: the note, not empty.
    codes: the note's ICD-10 codes as printed (`I10`, `E11.9`, `0DTJ4ZZ`), not empty; procedures, then diagnoses.
    descriptions: the titles of those codes that have one, in the order of the codes.
    fold: `train` or `validation` (the coder's cut within L and S), `evaluation` throughout E; so the fold and the
        file's name tell the subset.

The schema is checked where a table is written and where it is read.
"""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from synthnotes.machinery.files import UserError, read_parquet, replacing

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
NAMED = 3  # ids in a message


def read(path: Path) -> pd.DataFrame:
    """Reads a note table; `codes` and `descriptions` become lists of str.

    Raises:
        UserError: the file is missing, is no parquet file, or breaks the schema.
    """
    table = read_parquet(path, SCHEMA.names)
    try:
        notes = table.select(SCHEMA.names).cast(SCHEMA).to_pandas()
    except (pa.ArrowException, ValueError):
        types = ", ".join(f"{field.name} {field.type}" for field in table.schema if field.name in SCHEMA.names)
        raise UserError(f"{path}: a column of the wrong type ({types}). Delete it and run `dvc repro`.") from None
    for column in ("codes", "descriptions"):
        notes[column] = [[] if values is None else list(values) for values in notes[column]]
    check(notes, str(path))
    return notes


def write(path: Path, notes: pd.DataFrame) -> None:
    """Checks a note table against the schema and writes it as parquet, atomically."""
    check(notes, str(path))
    table = pa.Table.from_pandas(notes[SCHEMA.names], schema=SCHEMA, preserve_index=False)
    with replacing(path) as temporary:
        pq.write_table(table.replace_schema_metadata(None), temporary, compression="zstd")


def check(notes: pd.DataFrame, where: str) -> None:
    """Checks a note table against the schema.

    Raises:
        UserError: names the file (`where`), the rule, how many notes break it, and the first ids (never their text).
    """
    if notes.empty:
        raise UserError(f"{where}: no notes. See the attrition of the corpus in results/cohort/ for what was dropped.")
    blank = notes[["note_id", "patient_id", "text"]].apply(lambda own: own.fillna("").astype(str).str.strip() == "")
    codes, evaluation = notes["codes"], notes["fold"] == "evaluation"
    rules = {
        "note_id must be present": blank["note_id"],
        "note_id must be unique": notes["note_id"].duplicated(keep=False),
        "patient_id must be present": blank["patient_id"],
        "text must not be empty": blank["text"],
        "codes must not be empty": codes.map(lambda own: not own or not all(isinstance(c, str) and c for c in own)),
        "codes must not repeat": codes.map(lambda own: len(set(own)) < len(own)),
        "descriptions must be those of the codes, at most one each": notes["descriptions"].map(len) > codes.map(len),
        f"fold must be one of {', '.join(FOLDS)}": ~notes["fold"].isin(FOLDS),
        "fold must be evaluation for all notes or for none": evaluation != (evaluation.mean() >= 0.5),
    }
    for rule, broken in rules.items():
        if broken.any():
            ids = ", ".join(str(note)[:40] for note in notes.loc[broken, "note_id"].unique()[:NAMED])
            raise UserError(f"{where}: {rule}; broken by {int(broken.sum())} of {len(notes)} notes, first: {ids}.")
