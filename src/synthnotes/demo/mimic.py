"""The demo's MIMIC-IV: invented admissions in PhysioNet's folders, file names, columns and gzip (paper, section 3.1).

Everything follows from the seed, byte for byte, what a reader of MIMIC-IV must cope with included: missing, empty and
repeated notes, and codes of version 9, repeated and empty ones. No patient, note or number comes from MIMIC.
"""

import gzip
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from synthnotes.corpus.cleaning import clean_note
from synthnotes.demo.clinic import Case, Clinic, Diagnosis, PretrainingCase, Procedure, load_clinic
from synthnotes.demo.english import Person, write_note, write_problems
from synthnotes.demo.scale import Scale
from synthnotes.machinery.files import replacing

RARE_WEIGHT = 1.0  # diagnoses of less weight are there to be dropped by the rare-code rule
# The dirt of the real thing, in small known amounts: shares of the admissions (of rows, for duplicate and null codes)
# that are affected, at least one each. Two kinds of dirt come about elsewhere: rare codes are diagnoses of tiny weight
# in `english.yaml`; codes with leading zeros are codes such as 0DTJ4ZZ there, and 0389 here.
DIRT = {
    "without_note": 0.02,
    "second_note": 0.03,  # another note of the same admission, written later
    "null_text": 0.005,
    "blank_text": 0.005,
    "duplicate_note": 0.01,  # the same text once more, under another note_id
    "only_icd9": 0.02,  # all codes of the admission are of version 9
    "added_icd9": 0.02,  # a code of version 9 beside those of version 10
    "duplicate_code": 0.01,
    "null_code": 0.002,
}

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


@dataclass(frozen=True)
class Admission:
    """One admission of the demo, with its notes in the order of writing."""

    subject_id: int
    hadm_id: int
    discharged: datetime
    case: Case
    notes: tuple[str, ...]


def write(folder: Path, scale: Scale, seed: int) -> None:
    """Writes the five files of MIMIC-IV and MIMIC-IV-Note that the pipeline reads, in `note/` and `hosp/`."""
    whole = load_clinic("english")
    clinic = whole.keep_most_frequent(scale.diagnoses, scale.procedures)
    admissions = list(_admissions(clinic, scale.mimic_admissions, scale.mimic_patients, random.Random(f"mimic/{seed}")))
    rng = random.Random(f"dirt/{seed}")
    ids = [admission.hadm_id for admission in admissions]
    frequent = [d for d in clinic.diagnoses if d.weight >= RARE_WEIGHT]
    undescribed = min(frequent, key=lambda d: (d.weight, d.code))  # a code that outlives the rule of rare ones
    only_icd9 = {ids[position] for position in choose(len(ids), DIRT["only_icd9"], rng)}
    tables = {
        "note/discharge": soil_notes(_notes(admissions, rng), rng),
        "hosp/diagnoses_icd": soil_codes(_diagnoses(admissions), list(ICD9_DIAGNOSES), rng, only_icd9),
        "hosp/procedures_icd": soil_codes(_procedures(admissions), list(ICD9_PROCEDURES), rng, only_icd9),
        "hosp/d_icd_diagnoses": _titles([d for d in whole.diagnoses if d is not undescribed], ICD9_DIAGNOSES),
        "hosp/d_icd_procedures": _titles(whole.procedures, ICD9_PROCEDURES),
    }
    for name, table in tables.items():
        with replacing(folder / f"{name}.csv.gz") as temporary:
            content = table.to_csv(index=False, lineterminator="\n").encode("utf-8")
            temporary.write_bytes(gzip.compress(content, compresslevel=6, mtime=0))


def sample_pretraining_cases(count: int, seed: int) -> list[PretrainingCase]:
    """Draws cases of other patients than `write` does, with cleaned notes, for the tiny base models."""
    clinic, rng = load_clinic("english"), random.Random(f"mimic/pretraining/{seed}")
    return [
        PretrainingCase(
            titles=tuple(code.title for code in admission.case.codes),
            problems=tuple(write_problems(admission.case, rng)),
            note=clean_note(admission.notes[0]),
        )
        for admission in _admissions(clinic, count, count, rng)
    ]


def _admissions(clinic: Clinic, number: int, patients: int, rng: random.Random) -> Iterator[Admission]:
    """Draws admissions patient by patient; chronic diagnoses stay, years pass, and some admissions have two notes."""
    stays = [1] * patients
    for _ in range(number - patients):
        stays[rng.randrange(patients)] += 1
    hadm_ids = iter(rng.sample(range(20_000_000, 30_000_000), number))
    for subject_id, count in zip(sorted(rng.sample(range(10_000_000, 20_000_000), patients)), stays, strict=True):
        sex, age = rng.choice("FM"), rng.randint(35, 88)
        discharged = datetime(2110, 1, 1) + timedelta(days=rng.randrange(80 * 365), minutes=rng.randrange(1440))
        known: tuple[Diagnosis, ...] = ()
        for _ in range(count):
            case = clinic.sample_case(rng, known)
            number_of_notes = 2 if rng.random() < DIRT["second_note"] else 1
            notes = tuple(write_note(case, Person(sex, age), rng) for _ in range(number_of_notes))
            yield Admission(subject_id, next(hadm_ids), discharged, case, notes)
            known = case.chronic
            months = rng.randint(1, 30)
            discharged += timedelta(days=30 * months)
            age += months // 12


def _notes(admissions: list[Admission], rng: random.Random) -> pd.DataFrame:
    """Rows of note/discharge; a few admissions have none."""
    silent = set(choose(len(admissions), DIRT["without_note"], rng))
    rows, sequence = [], dict[int, int]()
    for position, admission in enumerate(admissions):
        for order, text in enumerate(() if position in silent else admission.notes):
            subject = admission.subject_id
            sequence[subject] = sequence.get(subject, 0) + 1
            charted = admission.discharged.replace(hour=0, minute=0) + timedelta(days=order)
            stored = admission.discharged + timedelta(days=order + 1)
            note_id = f"{subject}-DS-{sequence[subject]}"
            times = (charted.isoformat(" "), stored.isoformat(" ", "seconds"))
            rows.append((note_id, subject, admission.hadm_id, "DS", sequence[subject], *times, text))
    columns = ["note_id", "subject_id", "hadm_id", "note_type", "note_seq", "charttime", "storetime", "text"]
    return pd.DataFrame(rows, columns=columns)


def _diagnoses(admissions: list[Admission]) -> pd.DataFrame:
    """Rows of hosp/diagnoses_icd: the reason for admission first, codes without their dot."""
    rows = [
        (of.subject_id, of.hadm_id, number, diagnosis.code.replace(".", ""), 10)
        for of in admissions
        for number, diagnosis in enumerate(sorted(of.case.diagnoses, key=lambda d: d is not of.case.reason), start=1)
    ]
    return pd.DataFrame(rows, columns=["subject_id", "hadm_id", "seq_num", "icd_code", "icd_version"])


def _procedures(admissions: list[Admission]) -> pd.DataFrame:
    """Rows of hosp/procedures_icd, done on the day before discharge."""
    rows = [
        (of.subject_id, of.hadm_id, number, (of.discharged - timedelta(days=1)).date(), procedure.code, 10)
        for of in admissions
        for number, procedure in enumerate(of.case.procedures, start=1)
    ]
    return pd.DataFrame(rows, columns=["subject_id", "hadm_id", "seq_num", "chartdate", "icd_code", "icd_version"])


def _titles(codes: Sequence[Diagnosis | Procedure], icd9_titles: dict[str, str]) -> pd.DataFrame:
    """Rows of hosp/d_icd_*: titles of both versions, sorted by code."""
    rows = [(code, 9, title) for code, title in icd9_titles.items()]
    rows += [(entry.code.replace(".", ""), 10, entry.title) for entry in codes]
    return pd.DataFrame(sorted(rows), columns=["icd_code", "icd_version", "long_title"])


def soil_codes(table: pd.DataFrame, icd9_codes: list[str], rng: random.Random, only_icd9: set[int]) -> pd.DataFrame:
    """Soils diagnoses_icd or procedures_icd: of admissions `only_icd9` (hadm_id) all rows turn into version 9."""
    table = table.copy()
    old = table["hadm_id"].isin(only_icd9)
    table.loc[old, "icd_code"] = [rng.choice(icd9_codes) for _ in range(old.sum())]
    table.loc[old, "icd_version"] = 9
    last = table.loc[~old].drop_duplicates("hadm_id", keep="last")
    added = last.iloc[choose(len(last), DIRT["added_icd9"], rng)].copy()
    added["icd_code"], added["icd_version"] = [rng.choice(icd9_codes) for _ in range(len(added))], 9
    repeated = table.iloc[choose(len(table), DIRT["duplicate_code"], rng)]
    empty = last.iloc[choose(len(last), DIRT["null_code"], rng)].assign(icd_code=None)
    soiled = pd.concat([table, added, repeated, empty])
    soiled = soiled.sort_values(["subject_id", "hadm_id"], kind="stable", ignore_index=True)
    soiled["seq_num"] = soiled.groupby("hadm_id").cumcount() + 1
    return soiled


def soil_notes(notes: pd.DataFrame, rng: random.Random) -> pd.DataFrame:
    """Soils discharge notes: repeats some under the patient's next note_id, and empties the text of others."""
    repeated = notes.iloc[choose(len(notes), DIRT["duplicate_note"], rng)].copy()
    latest = notes.groupby("subject_id")["note_seq"].max()
    repeated = repeated.drop_duplicates("subject_id")
    repeated["note_seq"] = repeated["subject_id"].map(latest) + 1
    repeated["note_id"] = [f"{s}-DS-{n}" for s, n in zip(repeated["subject_id"], repeated["note_seq"], strict=True)]
    others = [row for row in range(len(notes)) if row not in set(repeated.index)]
    notes = notes.copy()
    rng.shuffle(others)
    nulls = max(1, round(len(notes) * DIRT["null_text"]))
    blanks = max(1, round(len(notes) * DIRT["blank_text"]))
    notes.loc[others[:nulls], "text"] = None
    notes.loc[others[nulls : nulls + blanks], "text"] = " \n "
    return pd.concat([notes, repeated]).sort_values(["subject_id", "note_seq"], kind="stable", ignore_index=True)


def choose(number: int, share: float, rng: random.Random) -> list[int]:
    """Draws a share of the positions below a number, at least one, in ascending order."""
    return sorted(rng.sample(range(number), min(number, max(1, round(number * share)))))
