"""Units: what a result counts or measures, told from its key, since the field's names of metrics say it."""

import re

# The first pattern that fits the key's last parts wins.
_UNITS = {
    r"\.seeds_to_decide\.\w+$": "seeds",
    r"\.(patients|dropped_patients|shared_patients\.\w+)$": "patients",
    r"\.(dropped_)?admissions$": "admissions",
    r"\.(notes|dropped|documents|samples|prompts|records|\w+_notes|notes_\w+|training_real|empty)$": "notes",
    r"\.(subsets|folds)\.\w+\.(train|validation|evaluation)$": "notes",
    r"\.raters\w*$": "raters",
    r"\.(ratings|interviews)$": "ratings",
    r"\.(codes|code_rows\.\w+\.\w+|codes_\w+)$": "codes",
    r"words(\.|_per_\w+\.|$)|_words$": "words",
    r"tokens$": "tokens",
    r"(^|[._])(p|p_holm|p_by_patient)$": "probability",
    r"(f1|precision|recall|rate|auc|map|share|coverage|jaccard|ratio|_at_\d+)$": "share of 1",
    r"(^|\.)share_\w+$": "share of 1",
    r"loss$": "nats per token or decision",
}
_PATTERNS = {re.compile(pattern): unit for pattern, unit in _UNITS.items()}


def unit_of(key: str) -> str | None:
    """The unit of a number by its key, None where the key does not tell."""
    return next((unit for pattern, unit in _PATTERNS.items() if pattern.search(key)), None)
