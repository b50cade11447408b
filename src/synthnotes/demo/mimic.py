"""The demo's MIMIC-IV: invented admissions in PhysioNet's folders, file names, columns and gzip (METHOD 1.1).

Everything follows from the seed, byte for byte. No patient, note or number comes from MIMIC.
"""

import gzip
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from synthnotes.corpus.cleaning import clean_note
from synthnotes.demo import dirt
from synthnotes.demo.clinic import Case, Clinic, Diagnosis, PretrainingCase, Procedure, load_clinic
from synthnotes.demo.english import Patient, write_note, write_problems
from synthnotes.demo.scale import Scale
from synthnotes.machinery.files import replacing

RARE_WEIGHT = 1.0  # diagnoses of less weight are there to be dropped by the rare-code rule


@dataclass(frozen=True)
class Admission:
    """One admission of the demo, with its notes in the order of writing."""

    subject_id: int
    hadm_id: int
    discharged: datetime
    case: Case
    notes: tuple[str, ...]


def write(folder: Path, scale: Scale, seed: int) -> None:
    """Writes the five files of MIMIC-IV and MIMIC-IV-Note that the pipeline reads, dirt included.

    Args:
        folder: receives `note/` and `hosp/`.
        scale: how many admissions, patients and codes.
        seed: determines every byte.
    """
    whole = load_clinic("english")
    clinic = whole.most_frequent(scale.diagnoses, scale.procedures)
    admissions = list(_admissions(clinic, scale.mimic_admissions, scale.mimic_patients, random.Random(f"mimic/{seed}")))
    rng = random.Random(f"dirt/{seed}")
    ids = [admission.hadm_id for admission in admissions]
    only_icd9 = {ids[position] for position in dirt.choose(len(ids), dirt.AMOUNTS.only_icd9, rng)}
    tables = {
        "note/discharge": dirt.soil_notes(_notes(admissions, rng), rng),
        "hosp/diagnoses_icd": dirt.soil_codes(_diagnoses(admissions), list(dirt.ICD9_DIAGNOSES), rng, only_icd9),
        "hosp/procedures_icd": dirt.soil_codes(_procedures(admissions), list(dirt.ICD9_PROCEDURES), rng, only_icd9),
        "hosp/d_icd_diagnoses": _titles(whole.diagnoses, dirt.ICD9_DIAGNOSES, undescribed(clinic)),
        "hosp/d_icd_procedures": _titles(whole.procedures, dirt.ICD9_PROCEDURES, None),
    }
    for name, table in tables.items():
        with replacing(folder / f"{name}.csv.gz") as temporary:
            content = table.to_csv(index=False, lineterminator="\n").encode("utf-8")
            temporary.write_bytes(gzip.compress(content, compresslevel=6, mtime=0))


def pretraining_cases(count: int, seed: int) -> list[PretrainingCase]:
    """Draws cases of other patients than `write` does, with cleaned notes, for the tiny base models."""
    clinic, rng = load_clinic("english"), random.Random(f"mimic/pretraining/{seed}")
    return [
        PretrainingCase(
            titles=tuple(code.title for code in (*admission.case.procedures, *admission.case.diagnoses)),
            problems=tuple(write_problems(admission.case, rng)),
            note=clean_note(admission.notes[0]),
        )
        for admission in _admissions(clinic, count, count, rng)
    ]


def undescribed(clinic: Clinic) -> str:
    """The diagnosis that has no row in d_icd_diagnoses: the least frequent one that outlives the rare-code rule."""
    return min((d for d in clinic.diagnoses if d.weight >= RARE_WEIGHT), key=lambda d: (d.weight, d.code)).code


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
            number_of_notes = 2 if rng.random() < dirt.AMOUNTS.second_note else 1
            notes = tuple(write_note(case, Patient(sex, age), rng) for _ in range(number_of_notes))
            yield Admission(subject_id, next(hadm_ids), discharged, case, notes)
            known = case.chronic
            months = rng.randint(1, 30)
            discharged += timedelta(days=30 * months)
            age += months // 12


def _notes(admissions: list[Admission], rng: random.Random) -> pd.DataFrame:
    """Rows of note/discharge; a few admissions have none."""
    silent = set(dirt.choose(len(admissions), dirt.AMOUNTS.without_note, rng))
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
    rows = []
    for admission in admissions:
        case = admission.case
        ordered = sorted(case.diagnoses, key=lambda diagnosis: diagnosis is not case.reason)
        for number, diagnosis in enumerate(ordered, start=1):
            rows.append((admission.subject_id, admission.hadm_id, number, diagnosis.code.replace(".", ""), 10))
    return pd.DataFrame(rows, columns=["subject_id", "hadm_id", "seq_num", "icd_code", "icd_version"])


def _procedures(admissions: list[Admission]) -> pd.DataFrame:
    """Rows of hosp/procedures_icd, done on the day before discharge."""
    rows = []
    for admission in admissions:
        done = (admission.discharged - timedelta(days=1)).date()
        for number, procedure in enumerate(admission.case.procedures, start=1):
            rows.append((admission.subject_id, admission.hadm_id, number, done, procedure.code, 10))
    return pd.DataFrame(rows, columns=["subject_id", "hadm_id", "seq_num", "chartdate", "icd_code", "icd_version"])


def _titles(
    codes: tuple[Diagnosis, ...] | tuple[Procedure, ...], icd9_titles: dict[str, str], left_out: str | None
) -> pd.DataFrame:
    """Rows of hosp/d_icd_*: titles of both versions, sorted by code."""
    rows = [(code, 9, title) for code, title in icd9_titles.items()]
    rows += [(entry.code.replace(".", ""), 10, entry.title) for entry in codes if entry.code != left_out]
    return pd.DataFrame(sorted(rows), columns=["icd_code", "icd_version", "long_title"])
