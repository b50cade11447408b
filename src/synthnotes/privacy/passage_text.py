"""The longest shared passages, word for word, for whoever may read them: patient data, which never leave build/."""

import pandas as pd

from synthnotes.privacy.overlap.vocabulary import cut_into_words


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
            note, source = table.iloc[row.synthetic_index], training["note_id"].iloc[row.passage_training_index]
            words = cut_into_words(note["text"], "white-space")[row.passage_start :][: row.passage_words]
            passage = row.passage_words, row.passage_training_notes, " ".join(words)
            rows.append((kind, note["note_id"], source, *passage))
    return pd.DataFrame(rows, columns=["kind", "note_id", "training_note_id", "words", "training_notes", "passage"])
