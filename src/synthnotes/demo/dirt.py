"""The dirt of the real thing, in small known amounts: what a reader of MIMIC-IV must cope with.

Here is what is added to clean tables. Two kinds of dirt come about elsewhere: rare codes are diagnoses of tiny weight
in `english.yaml`; codes with leading zeros are codes such as 0DTJ4ZZ there, and 0389 here.
"""

import random
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Amounts:
    """Shares of admissions (of rows, for duplicate and null codes) that are affected; at least one each."""

    without_note: float = 0.02
    second_note: float = 0.03  # another note of the same admission, written later
    null_text: float = 0.005
    blank_text: float = 0.005
    duplicate_note: float = 0.01  # the same text once more, under another note_id
    only_icd9: float = 0.02  # all codes of the admission are of version 9
    added_icd9: float = 0.02  # a code of version 9 beside those of version 10
    duplicate_code: float = 0.01
    null_code: float = 0.002


AMOUNTS = Amounts()

# E871 and E876 are categories of version 9 that read like the codes E87.1 and E87.6 of version 10.
ICD9_DIAGNOSES = {
    "0389": "Unspecified septicemia",
    "27651": "Dehydration",
    "2724": "Other and unspecified hyperlipidemia",
    "4019": "Unspecified essential hypertension",
    "41401": "Coronary atherosclerosis of native coronary artery",
    "42731": "Atrial fibrillation",
    "486": "Pneumonia, organism unspecified",
    "5849": "Acute kidney failure, unspecified",
    "E871": "Foreign object left in body during procedure",
    "E876": "Other and unspecified misadventures during medical care",
}
ICD9_PROCEDURES = {
    "0066": "Percutaneous transluminal coronary angioplasty [PTCA]",
    "3995": "Hemodialysis",
    "9904": "Transfusion of packed cells",
}


def soil_codes(table: pd.DataFrame, icd9_codes: list[str], rng: random.Random, only_icd9: set[int]) -> pd.DataFrame:
    """Soils diagnoses_icd or procedures_icd.

    Args:
        table: clean rows, version 10 only.
        icd9_codes: codes of version 9 to draw from.
        rng: the source of randomness.
        only_icd9: the hadm_id of admissions whose rows all turn into version 9.
    """
    table = table.copy()
    old = table["hadm_id"].isin(only_icd9)
    table.loc[old, "icd_code"] = [rng.choice(icd9_codes) for _ in range(old.sum())]
    table.loc[old, "icd_version"] = 9
    last = table.loc[~old].drop_duplicates("hadm_id", keep="last")
    added = last.iloc[choose(len(last), AMOUNTS.added_icd9, rng)].copy()
    added["icd_code"], added["icd_version"] = [rng.choice(icd9_codes) for _ in range(len(added))], 9
    repeated = table.iloc[choose(len(table), AMOUNTS.duplicate_code, rng)]
    empty = last.iloc[choose(len(last), AMOUNTS.null_code, rng)].assign(icd_code=None)
    soiled = pd.concat([table, added, repeated, empty])
    soiled = soiled.sort_values(["subject_id", "hadm_id"], kind="stable", ignore_index=True)
    soiled["seq_num"] = soiled.groupby("hadm_id").cumcount() + 1
    return soiled


def soil_notes(notes: pd.DataFrame, rng: random.Random) -> pd.DataFrame:
    """Soils discharge notes: repeats some under the patient's next note_id, and empties the text of others."""
    repeated = notes.iloc[choose(len(notes), AMOUNTS.duplicate_note, rng)].copy()
    latest = notes.groupby("subject_id")["note_seq"].max()
    repeated = repeated.drop_duplicates("subject_id")
    repeated["note_seq"] = repeated["subject_id"].map(latest) + 1
    repeated["note_id"] = [f"{s}-DS-{n}" for s, n in zip(repeated["subject_id"], repeated["note_seq"], strict=True)]
    others = [row for row in range(len(notes)) if row not in set(repeated.index)]
    notes = notes.copy()
    rng.shuffle(others)
    nulls = max(1, round(len(notes) * AMOUNTS.null_text))
    blanks = max(1, round(len(notes) * AMOUNTS.blank_text))
    notes.loc[others[:nulls], "text"] = None
    notes.loc[others[nulls : nulls + blanks], "text"] = " \n "
    return pd.concat([notes, repeated]).sort_values(["subject_id", "note_seq"], kind="stable", ignore_index=True)


def choose(number: int, share: float, rng: random.Random) -> list[int]:
    """Draws a share of the positions below a number, at least one, in ascending order."""
    return sorted(rng.sample(range(number), min(number, max(1, round(number * share)))))
