"""Synthetic notes: the note tables that samples make, by themselves and together with the real notes of S.

A synthetic note has all but the text of the real note that prompted it, the patient and the fold too. So whatever is
put together here, a patient's notes, real and synthetic, stand in one fold, and no validation note, nor a second sample
of its prompt, is among the notes that teach.

Everywhere, `samples` is a table with note_id, sample and text, and `real` the note table that the prompts come from.
"""

from pathlib import Path

import pandas as pd

from synthnotes.machinery.files import UserError


def first_samples(samples: pd.DataFrame, real: pd.DataFrame) -> pd.DataFrame:
    """Makes the note table of the synthetic corpus: each prompt's first sample, with all but the text of its real note.

    It is in the order of `real`, without the notes whose first sample is empty.
    """
    first = samples[samples["sample"] == 0].set_index("note_id")["text"]
    synthetic = real.assign(text=real["note_id"].map(first).fillna(""))
    return synthetic[synthetic["text"].str.strip() != ""].reset_index(drop=True)


def require_texts(samples: pd.DataFrame, real: pd.DataFrame, file: Path) -> None:
    """Refuses samples of which all that would teach a coder, or all that would validate it, are empty.

    Raises:
        UserError: names the file of the samples and the fold.
    """
    first = samples[samples["sample"] == 0]
    folds = first["note_id"].map(real.set_index("note_id")["fold"].to_dict())
    for fold, texts in first.groupby(folds)["text"]:
        if not texts.str.strip().any():
            raise UserError(
                f"{file}: the first samples of all {len(texts)} prompts of fold {fold} are empty: the corpus is not to "
                f"blame, but the generator, which ends a note at once. See the loss that finetune printed, and change "
                "finetune.learning_rate, finetune.epochs or generate.temperature in params.yaml."
            )


def all_samples(samples: pd.DataFrame, real: pd.DataFrame) -> pd.DataFrame:
    """Makes a note table of every sample of every prompt, as `first_samples` does of the first ones.

    It is in the order of `real` and of the samples, without empty ones. The note_id of a sample is that of its prompt
    with `#` and the sample's number, so that it is unique.
    """
    written = samples.loc[samples["text"].str.strip() != "", ["note_id", "sample", "text"]].sort_values("sample")
    table = real.drop(columns="text").merge(written, on="note_id", validate="one_to_many")
    return table.assign(note_id=table["note_id"] + "#" + table["sample"].astype(str)).drop(columns="sample")


def real_and_synthetic(real: pd.DataFrame, synthetic: pd.DataFrame) -> pd.DataFrame:
    """Puts real notes and the table of their first samples into one; these get the `#0` that they have among all."""
    return pd.concat([real, synthetic.assign(note_id=synthetic["note_id"] + "#0")], ignore_index=True)


def samples_to_code(samples: pd.DataFrame, real: pd.DataFrame) -> pd.DataFrame:
    """Makes the note table of all samples, empty ones too, for a coder: each with the codes of the note that asked."""
    prompted = real.set_index("note_id").loc[samples["note_id"]].reset_index()
    ids = prompted["note_id"] + " " + samples["sample"].astype(str).to_numpy()
    return prompted.assign(note_id=ids, text=samples["text"].to_numpy())
