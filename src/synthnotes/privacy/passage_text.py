"""The longest shared passages, word for word, for whoever may read them: patient data, which never leave build/."""

import pandas as pd

from synthnotes.privacy.overlap.tokens import white_space_tokens


def quote_longest(
    found: pd.DataFrame, synthetic: pd.DataFrame, control: pd.DataFrame, training: pd.DataFrame, top: int
) -> pd.DataFrame:
    """Quotes the longest passages that synthetic and control notes share with training.

    Args:
        found: the rows of `Comparison.notes`.
        synthetic: note table.
        control: note table.
        training: note table.
        top: passages per kind.

    Returns:
        Columns kind, note_id, training_note_id (the first that holds it), words, training_notes, passage.
    """
    rows = []
    for kind, table in (("synthetic", synthetic), ("control", control)):
        of_kind = found[(found["kind"] == kind) & (found["passage_words"] > 0)]
        for row in of_kind.nlargest(top, "passage_words").itertuples(index=False):
            note = table.iloc[row.synthetic_index]
            words = white_space_tokens(note["text"])[row.passage_start : row.passage_start + row.passage_words]
            rows.append(
                {
                    "kind": kind,
                    "note_id": note["note_id"],
                    "training_note_id": training["note_id"].iloc[row.passage_training_index],
                    "words": row.passage_words,
                    "training_notes": row.passage_training_notes,
                    "passage": " ".join(words),
                }
            )
    return pd.DataFrame(rows, columns=["kind", "note_id", "training_note_id", "words", "training_notes", "passage"])
